// Any bytes pasted in any pieces: the same as in one piece, bounded, and what is read as a description is no more than
// what was pasted.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "pasted.hpp"

using namespace natkit;
using fuzz::must_hold;

namespace {
/// All descriptions in it, in order.
std::vector<std::string> read(ByteView text, std::size_t piece) {
  Pasted pasted;
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    auto whole = pasted.take(text.subspan(at, std::min(piece, text.size() - at)));
    for (; whole; whole = pasted.take({})) found.push_back(*whole);
    must_hold(pasted.rest().size() <= text.size());
  }
  if (auto whole = pasted.take_at_end()) found.push_back(*whole);
  return found;
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView text{data + 1, size - 1};
  const auto in_pieces = read(text, std::size_t{data[0]} + 1);
  must_hold(in_pieces == read(text, std::max<std::size_t>(text.size(), 1)));
  std::size_t total = 0;
  for (const auto& one : in_pieces) total += one.size();
  must_hold(total <= 2 * text.size() + 2);  // a line end may grow by one byte
  for (const auto& one : in_pieces) {
    if (one.find('\n') == std::string::npos) continue;
    Pasted again;
    const auto line = to_one_line(one) + "\n";
    must_hold(again.take({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()}) == one);
  }
  return 0;
}
