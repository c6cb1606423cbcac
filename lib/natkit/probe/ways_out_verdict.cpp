#include <fmt/format.h>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
/// Empty for questions that ask for no way out.
std::string_view transport_of(Question question) {
  switch (question) {
    case Question::way_out:
      return "udp";
    case Question::way_out_tcp:
    case Question::tcp_control:
      return "tcp";
    case Question::way_out_tls:
      return "tls";
    default:
      return {};
  }
}
}  // namespace

WaysOutVerdict judge_ways_out(const Digest& digest) {
  WaysOutVerdict verdict;
  std::size_t tried = 0;
  for (const auto& asked : digest.asked) {
    const auto transport = transport_of(asked.question);
    if (transport.empty()) continue;
    ++tried;
    if (!verdict.ways) verdict.ways.emplace();
    if (!asked.is_answered()) continue;
    verdict.ways->push_back({.transport = transport, .server = asked.to});
    verdict.evidence.push_back(
        {.reason = "answered", .detail = fmt::format("{} answered over {}", to_text(asked.to), transport)});
  }
  if (verdict.ways && verdict.ways->empty())
    verdict.evidence.push_back(
        {.reason = "no-answer",
         .detail = fmt::format("{} other ports and transports were tried, and no server answered at any: perhaps none "
                               "serves there",
                               tried)});
  return verdict;
}
}  // namespace natkit::probe
