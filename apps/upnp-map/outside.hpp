#pragma once
// The look from outside, that --verify and `check` share.
#include <span>
#include <string>
#include <vector>

#include "natkit/portmap/outside_check.hpp"
#include "natkit/report/portmap_answers.hpp"
#include "session.hpp"

namespace natkit {
struct Knock {
  Protocol protocol = Protocol::udp;
  std::uint16_t external_port = 0;
  std::vector<Endpoint> internal{};
  std::vector<IpAddress> expected{};
};
/// What the server outside found, for each family it could be asked over, and how the run ended.
struct Knocked {
  std::vector<portmap::OutsideResult> results;
  io::RunEnd end = io::RunEnd::finished;
};
[[nodiscard]] Result<std::vector<Endpoint>> find_server(const std::string& name, Duration patience);
[[nodiscard]] Result<Knocked> knock(Session& session, const std::vector<Endpoint>& server, const Knock& what,
                                    Duration patience);

/// The verdict of the family that matters to `external`; the first where none is.
[[nodiscard]] const portmap::OutsideResult* result_for(const std::vector<portmap::OutsideResult>& results,
                                                       Family family);
[[nodiscard]] std::optional<bool> is_open(const portmap::OutsideResult& result);
/// The sentence, the likely cause and what to do about it.
[[nodiscard]] std::string verdict_text(const portmap::OutsideResult& result);
/// Nobody knows: why, as the error that decides the exit status.
[[nodiscard]] Error unknown_error(const portmap::OutsideResult* result, const std::string& server);
}  // namespace natkit
