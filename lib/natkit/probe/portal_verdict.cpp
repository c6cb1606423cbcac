#include <fmt/format.h>

#include <algorithm>

#include "natkit/base/printable.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
constexpr std::uint16_t network_authentication_required = 511;  // RFC 6585 §6

/// A page, or where it is. A proxy that finds nobody says so with another status.
bool shows_a_page(const PageHead& page) {
  return (page.status >= 200 && page.status < 400) || page.status == network_authentication_required;
}

std::string told(const PageHead& page) {
  const auto leads = page.redirect.empty() ? std::string{} : " and leads to " + printable(page.redirect);
  return fmt::format("something on the way answered for a web page where nobody is (RFC 5737), with status {}{}",
                     page.status, leads);
}

bool has_heard_a_server(const Digest& digest) {
  return std::ranges::any_of(digest.asked,
                             [](const Asked& asked) { return is_for_a_server(asked.question) && asked.is_answered(); });
}
}  // namespace

CaptivePortalVerdict judge_captive_portal(const Digest& digest) {
  bool was_asked = false;
  const PageHead* page = nullptr;
  for (const auto& asked : digest.asked) {
    was_asked |= asked.question == Question::web_page;
    if (asked.page && (page == nullptr || shows_a_page(*asked.page))) page = &*asked.page;
  }
  const bool is_heard = has_heard_a_server(digest);
  if (!was_asked)
    return {std::nullopt,
            {{.reason = "not-asked",
              .detail = is_heard
                            ? "a server answers, so nobody asked for a login page"
                            : "no web page was asked for: that is done where servers beyond this network are silent"}}};
  if (page == nullptr && is_heard)
    return {false,
            {{.reason = "nobody-in-the-way",
              .detail = "a server answered over TCP, and nobody answered for a web page where nobody is"}}};
  if (page == nullptr)
    return {std::nullopt,
            {{.reason = "no-answer", .detail = "nobody answered for a web page where nobody is, nor did a server"}}};
  if (is_heard)
    return {std::nullopt,
            {{.reason = "answers-for-others",
              .detail = told(*page) + ", but servers answer, too: a filter or a proxy rather than a login page"}}};
  if (!shows_a_page(*page))
    return {std::nullopt, {{.reason = "answers-for-others", .detail = told(*page) + ": a proxy does so, too"}}};
  return {true, {{.reason = "page-of-nobody", .detail = told(*page)}}};
}
}  // namespace natkit::probe
