#pragma once
/// All the times of the mesh, and what holds between them.
#include <chrono>

#include "natkit/base/time.hpp"

namespace natkit::mesh {
struct Timing {
  /// Of all to all, up to 12 members: 140 kbit/s each way. With more only the host and the others hear each other so
  /// often, and the others each other half as often; of more than 20 a third as often, and so on.
  Duration heartbeat = std::chrono::milliseconds{200};
  /// A voter that heard the host votes for nobody else for so long, and after so long without a word suspects him. Five
  /// heartbeats in a row are lost once in 3 million at 5 % loss, and a majority must miss them at once.
  Duration promise = std::chrono::milliseconds{1200};
  /// What a host counts on of that. Two clocks that each are wrong by 5 % differ by 9.5 %.
  Duration lease = std::chrono::milliseconds{1050};
  /// Silence after which the host strikes a member out, if nobody else hears it either.
  Duration removal = std::chrono::seconds{5};
  /// For votes to come in; then the claim is made again in a later epoch. At least twice the longest round trip.
  Duration claim = std::chrono::milliseconds{350};
  /// Between two candidates in the succession, at least; or the longest round trip.
  Duration rank = std::chrono::milliseconds{100};
  /// What was not answered is said again.
  Duration repeat = std::chrono::milliseconds{200};
  /// Without a host for so long, a member says that it pauses: twice as long as elections take.
  Duration patience = std::chrono::seconds{3};
  /// … and leaves, where that is the policy.
  Duration secession = std::chrono::seconds{6};
  /// For a join from the first word to the last.
  Duration join = std::chrono::seconds{10};
  /// For the heir to take a state over; then the next one is asked.
  Duration handover = std::chrono::milliseconds{1500};
  /// How often a host looks whether the succession is still in order, where the policy is one of measurements.
  Duration ranking = std::chrono::seconds{5};
  /// Who was lost is let in again without much ado for so long.
  Duration tombstone = std::chrono::minutes{10};
};
}  // namespace natkit::mesh
