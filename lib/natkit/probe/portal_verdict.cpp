#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
constexpr std::uint16_t authentication_required = 511;  // RFC 6585 §6
/// One that is silent may be dead; that several are at once is the network's doing.
constexpr std::size_t enough_silent_servers = 2;

/// A page, or where it is. A proxy that finds nobody says so with another status.
bool shows_a_page(const PageHead& page) {
  return (page.status >= 200 && page.status < 400) || page.status == authentication_required;
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

std::size_t servers_asked(const Digest& digest) {
  std::set<IpAddress> asked;
  for (const auto& one : digest.asked)
    if (one.question == Question::mapping && !one.is_unsendable()) asked.insert(one.to.address);
  return asked.size();
}

CaptivePortalVerdict unknown(std::string reason, std::string detail) {
  return {std::nullopt, {{.about = {}, .reason = std::move(reason), .detail = std::move(detail)}}};
}

/// Nobody else was heard.
CaptivePortalVerdict judge_page(const PageHead& page, const Digest& digest) {
  if (!shows_a_page(page)) return unknown("answers-for-others", told(page) + ": a proxy does so, too");
  if (page.status == authentication_required)
    return {true, {{.reason = "authentication-required", .detail = told(page)}}};
  const auto silent = servers_asked(digest);
  if (silent < enough_silent_servers)
    return unknown(std::string{reason_of_page},
                   told(page) +
                       ", and the one server that was asked is silent: perhaps a login page lets nothing out, "
                       "or a web filter answers and the server is down");
  return {true,
          {{.reason = std::string{reason_of_page},
            .detail = fmt::format("{}, and none of {} servers is reached", told(page), silent)}}};
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
    return unknown("not-asked", is_heard ? "a server answers, so nobody asked for a login page"
                                         : "no web page was asked for: that is done where servers beyond this network "
                                           "are silent");
  if (page == nullptr && is_heard)
    return {false,
            {{.reason = "nobody-in-the-way",
              .detail = "a server answered over TCP, and nobody answered for a web page where nobody is"}}};
  if (page == nullptr) return unknown("no-answer", "nobody answered for a web page where nobody is, nor did a server");
  if (is_heard)
    return unknown("answers-for-others",
                   told(*page) + ", but servers answer, too: a filter or a proxy rather than a login page");
  return judge_page(*page, digest);
}
}  // namespace natkit::probe
