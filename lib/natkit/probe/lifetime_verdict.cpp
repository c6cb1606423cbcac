#include <fmt/format.h>

#include <algorithm>

#include "natkit/probe/planner.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
LifetimeVerdict unknown(const char* reason, std::string detail, MappingLifetime lifetime = {}) {
  return {.lifetime = lifetime, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

bool was_heard(const Rested& rested) {
  return std::ranges::any_of(rested.calls, [](const Copy& call) { return call.answered_at.has_value(); });
}

/// The server itself said that it answered, or that it is there.
bool is_server_there(const Rested& rested) {
  return rested.mapped_again ||
         std::ranges::any_of(rested.calls, [](const Copy& call) { return call.receipt.has_value(); });
}

/// Of the calls that did not reach the socket which is called at every step: since it had rested for so long.
std::optional<Refresh> judge_refresh(const Rested& called, Duration rest) {
  std::size_t in_vain = 0;
  for (const auto& call : called.calls) {
    if (called.rest_at(call) < rest) continue;
    if (call.answered_at) return Refresh::both;
    ++in_vain;
  }
  return in_vain >= calls_in_vain ? std::optional{Refresh::outbound} : std::nullopt;
}

/// Nothing came even when it had hardly rested.
LifetimeVerdict judge_deaf(const Rested& called) {
  if (!called.own.mapped) return unknown("no-answer", "the socket that was to rest did not learn where it is outside");
  if (called.is_misled)
    return unknown("server-answers-the-caller",
                   "the server does not answer to another port than the one that asks (RESPONSE-PORT, RFC 5780)");
  if (called.calls.size() < calls_in_vain)
    return unknown("too-little-time", "the run ended before an answer had to be there");
  if (is_server_there(called))
    return unknown("answers-do-not-arrive",
                   "what the server sent to another socket's public port did not arrive even at once: the sockets may "
                   "have different public addresses");
  return unknown("no-answer", "the server did not answer when it was asked to answer to another port");
}
}  // namespace

std::optional<Duration> MappingLifetime::estimate() const {
  if (!shortest || !longest) return std::nullopt;
  return *shortest + (*longest - *shortest) / 2;
}

std::string_view to_text(Refresh refresh) { return refresh == Refresh::both ? "both" : "outbound"; }

LifetimeVerdict judge_lifetime(const Digest& digest, Family family) {
  std::vector<const Rested*> all;
  for (const auto& each : digest.rested)
    if (digest.servers[each.own.server].address.address.family() == family) all.push_back(&each);
  if (all.empty()) return unknown("not-asked", "how long mappings live is only measured with --lifetime");
  const auto& called = *all.front();
  if (!have_one_address(digest, called.own.server))
    return unknown(
        "different-public-addresses",
        "the sockets have different public addresses, so what the server sends to a port of one may not be for it");
  if (!was_heard(called)) return judge_deaf(called);

  MappingLifetime lifetime;
  const Rested* silent = nullptr;
  for (const auto* each : all) {
    if (each == &called || each->calls.empty()) continue;
    if (was_heard(*each))
      lifetime.shortest = std::max(lifetime.shortest.value_or(Duration{}), each->rest_at(each->calls.back()));
    else
      silent = each;
  }
  if (!silent) {
    if (!lifetime.shortest) return unknown("too-little-time", "the run ended before a socket had rested long enough");
    return unknown("longer-than-measured",
                   fmt::format("a mapping still lived after {:.0f} s, the longest time that was tried",
                               in_seconds(*lifetime.shortest)),
                   lifetime);
  }
  if (silent->calls.size() < calls_in_vain)
    return unknown("too-little-time", "the run ended while a socket that had rested was called", lifetime);
  if (!is_server_there(*silent))
    return unknown("server-went-silent",
                   "the server did not answer any more when a socket was silent, so that says nothing", lifetime);
  lifetime.longest = silent->rest_at(silent->calls.front());
  if (!lifetime.shortest) lifetime.shortest = Duration{};
  lifetime.refresh = judge_refresh(called, *lifetime.longest);
  auto detail = fmt::format(
      "what {} sent still arrived at a socket that had been silent for {:.0f} s, and no more at one after {:.0f} s",
      to_text(digest.servers[called.own.server].address), in_seconds(*lifetime.shortest),
      in_seconds(*lifetime.longest));
  if (lifetime.refresh)
    detail += *lifetime.refresh == Refresh::both ? "; one that heard something every few seconds lived on"
                                                 : "; what one heard every few seconds did not keep its mapping";
  return {.lifetime = lifetime, .evidence = {{.reason = "rested-sockets", .detail = std::move(detail)}}};
}
}  // namespace natkit::probe
