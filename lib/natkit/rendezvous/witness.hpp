#pragma once
/// The meeting place as an extra voter: where the members of a session are too few or too evenly split to decide who
/// hosts, its word counts. What is asked and answered is the sessions' own text; the server carries it and the witness
/// behind this interface reads it.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/time.hpp"

namespace natkit::rendezvous {
class Witness {
 public:
  Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  virtual ~Witness() = default;

  /// Of at most `longest_witness_text`; none: nothing is said. Asked by anybody who is registered, any number of times:
  /// questions may be lost and come again.
  [[nodiscard]] virtual std::optional<std::string> answer(Instant now, std::string_view session,
                                                          std::string_view text) = 0;
};
/// Within a line of the protocol (line_splitter.hpp).
inline constexpr std::size_t longest_witness_text = 32000;
}  // namespace natkit::rendezvous
