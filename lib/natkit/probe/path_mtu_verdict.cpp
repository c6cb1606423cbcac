#include <fmt/format.h>

#include <algorithm>

#include "natkit/probe/path_mtu.hpp"
#include "natkit/probe/silence.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
PathMtuVerdict verdict(std::optional<unsigned> bytes, const char* reason, std::string detail) {
  return {.bytes = bytes, .fragments = {}, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
}

bool has_passed(const Asked* asked) { return asked != nullptr && asked->is_answered(); }

/// A larger one did not pass: is that the way's doing?
PathMtuVerdict judge_limit(const Digest& digest, const Asked& larger, std::uint16_t passed, bool in_fragments,
                           Duration now) {
  const auto server = to_text(larger.to);
  if (larger.send_failures > 0)
    return verdict(passed, "refused-by-the-system",
                   fmt::format("{} got {} bytes in one piece; {} bytes this host's system refuses ({}), since its own "
                               "link or a router on the way takes less",
                               server, passed, larger.size, larger.why_not_sent));
  const auto silence = judge_loss(digest, larger, now);
  if (!silence.is_proven)
    return verdict({}, "loss-could-explain-it",
                   fmt::format("{} got {} bytes in one piece; {} packets of {} bytes stayed without an answer, too few "
                               "to rule out loss",
                               server, passed, silence.overdue, larger.size));
  if (!in_fragments)
    return verdict(
        {}, "server-may-refuse-it",
        fmt::format("{} got {} bytes in one piece, and answers nothing of {} bytes, neither in one piece nor "
                    "in fragments: that may be the way, or the server",
                    server, passed, larger.size));
  return verdict(passed, "lost-in-one-piece",
                 fmt::format("{} got {} bytes in one piece; of {} packets of {} bytes none arrived, though packets of "
                             "{} bytes that may be fragmented do",
                             server, passed, silence.overdue, larger.size, likely_mtus.front()));
}
}  // namespace

std::optional<std::uint16_t> largest_passed(const Digest& digest, std::uint32_t server) {
  const auto passed = std::ranges::find_if(likely_mtus, [&](std::uint16_t size) {
    return has_passed(digest.find(Question::path_mtu, server, digest.servers[server].address, size));
  });
  return passed == likely_mtus.end() ? std::nullopt : std::optional{*passed};
}

std::optional<std::uint16_t> least_not_passed(const Digest& digest, std::uint32_t server) {
  const auto passed = largest_passed(digest, server);
  if (!passed) return likely_mtus.back();
  const auto* at = std::ranges::find(likely_mtus, *passed);
  return at == likely_mtus.begin() ? std::nullopt : std::optional{*(at - 1)};
}

PathMtuVerdict judge_path_mtu(const Digest& digest, Duration now) {
  const auto first = std::ranges::find(digest.asked, Question::path_mtu, &Asked::question);
  if (first == digest.asked.end()) return verdict({}, "not-asked", "no server answered that could be asked");
  const auto server = first->server;
  const auto& address = digest.servers[server].address;
  const auto largest = likely_mtus.front();
  const bool in_fragments = has_passed(digest.find(Question::fragments, server, address, largest));
  const auto passed = largest_passed(digest, server);
  if (!passed)
    return verdict({}, "large-packets-unanswered",
                   fmt::format("{} answered no packet of {} bytes or more: that may be the way, or the server",
                               to_text(address), likely_mtus.back()));
  if (*passed == largest)
    return verdict(largest, "largest-got-through",
                   fmt::format("{} got {} bytes in one piece; no more was asked", to_text(address), largest));
  const auto* larger = digest.find(Question::path_mtu, server, address, *least_not_passed(digest, server));
  if (larger == nullptr) return verdict({}, "too-little-time", "the run ended before all sizes had been tried");
  auto found = judge_limit(digest, *larger, *passed, in_fragments, now);
  if (in_fragments) found.fragments = true;
  return found;
}
}  // namespace natkit::probe
