#include "pasted.hpp"

#include <utility>

#include "natkit/base/base64.hpp"

namespace natkit {
namespace {
constexpr std::string_view mark = "natkit:";
constexpr std::string_view end_mark = "a=end-of-candidates";
constexpr std::size_t longest_line = 65536;  ///< more than a hundred candidates in base64

/// Some (Firefox) write their credentials after their candidates and the end of these; an empty line follows then.
bool has_credentials(std::string_view sdp) {
  return sdp.find("a=ice-ufrag:") != std::string_view::npos && sdp.find("a=ice-pwd:") != std::string_view::npos;
}
}  // namespace

std::string to_one_line(std::string_view description) {
  return std::string{mark} + to_base64({reinterpret_cast<const std::uint8_t*>(description.data()), description.size()});
}

std::optional<std::string> Pasted::take(ByteView piece) {
  text_.append(piece.begin(), piece.end());
  for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
    const auto line = text_.substr(0, end);
    text_.erase(0, end + 1);
    if (auto whole = take_line(line)) return whole;
  }
  if (text_.size() <= longest_line && sdp_.size() <= longest_line) return std::nullopt;
  text_.clear();
  sdp_.clear();
  return std::string{};  // refused with a reason as well
}

std::optional<std::string> Pasted::take_at_end() {
  if (auto whole = take_line(std::exchange(text_, {}))) return whole;
  if (sdp_.empty()) return std::nullopt;
  return std::exchange(sdp_, {});
}

std::optional<std::string> Pasted::take_line(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  if (line.starts_with(mark)) {
    const auto bytes = from_base64(line.substr(mark.size()));
    if (!bytes) return std::string{};  // damaged: an empty description is refused with a reason
    return std::string(bytes->begin(), bytes->end());
  }
  const bool is_sdp = line.size() > 2 && line[1] == '=' && line[0] >= 'a' && line[0] <= 'z';
  if (is_sdp) sdp_.append(line).append("\r\n");
  const bool is_end = is_sdp ? line == end_mark && has_credentials(sdp_) : !sdp_.empty();
  if (!is_end) return std::nullopt;
  return std::exchange(sdp_, {});
}
}  // namespace natkit
