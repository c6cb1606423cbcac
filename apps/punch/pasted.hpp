#pragma once
// A description as people carry it: one line that survives a chat program, or the SDP lines that other ICE agents know
// (RFC 8839).
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

namespace natkit {
/// "natkit:" and the SDP lines in base64.
[[nodiscard]] std::string to_one_line(std::string_view description);

/// Takes what is pasted, in pieces, until a description is complete.
class Pasted {
 public:
  /// The whole of it, as SDP lines, once: after a "natkit:" line, after an empty line or "a=end-of-candidates" (where
  /// the credentials came before it), and at the end of the input. What does not begin like either is passed over.
  [[nodiscard]] std::optional<std::string> take(ByteView piece);
  [[nodiscard]] std::optional<std::string> take_at_end();
  /// What came after it.
  [[nodiscard]] Bytes rest() const { return {text_.begin(), text_.end()}; }

 private:
  [[nodiscard]] std::optional<std::string> take_line(std::string_view line);
  std::string text_;
  std::string sdp_;
};
}  // namespace natkit
