#include "natkit/cli/secret_file.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {
constexpr std::size_t longest_secret = 65536;

Error unreadable(const std::string& file, const std::string& why) {
  return {.code = Errc::usage,
          .reason = "secret-not-readable",
          .detail = "the secret in " + (file == "-" ? "standard input" : printable(file)) + " " + why,
          .advice = "a line of your own invention will do; both sides need the same one"};
}

std::string read(std::istream& from) {
  std::string text(longest_secret + 1, '\0');
  from.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(from.gcount()));
  return text;
}
}  // namespace

Result<std::optional<Bytes>> read_secret(const std::string& file) {
  if (file.empty()) return std::nullopt;
  std::string text;
  if (file == "-") {
    text = read(std::cin);
  } else {
    std::ifstream from{file, std::ios::binary};
    if (!from) return std::unexpected(unreadable(file, "cannot be opened"));
    text = read(from);
    if (from.bad()) return std::unexpected(unreadable(file, "cannot be read"));  // a folder, for one
  }
  if (text.size() > longest_secret) return std::unexpected(unreadable(file, "is longer than 64 KiB"));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return std::unexpected(unreadable(file, "is empty"));
  return Bytes(text.begin(), text.end());
}
}  // namespace natkit::cli
