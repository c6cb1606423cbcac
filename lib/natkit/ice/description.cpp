#include "natkit/ice/description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace natkit::ice {
namespace {
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t ufrag_characters = 8;
constexpr std::size_t password_characters = 24;
constexpr std::size_t longest_credential = 256;  // RFC 8839 §5.4
constexpr std::size_t shortest_ufrag = 4;
constexpr std::size_t shortest_password = 22;

std::string draw(Rng& rng, std::size_t count) {
  std::string drawn(count, ' ');
  std::ranges::generate(drawn, [&] { return alphabet[rng.below(alphabet.size())]; });
  return drawn;
}

bool is_credential(std::string_view text, std::size_t shortest) {
  // Foreign agents are laxer than the grammar ('-', '_' and '=' were seen): anything that is one printable word.
  return text.size() >= shortest && text.size() <= longest_credential &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
}

/// The value of "a=NAME:VALUE".
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (!line.starts_with("a=")) return std::nullopt;
  line.remove_prefix(2);
  if (!line.starts_with(name)) return std::nullopt;
  line.remove_prefix(name.size());
  if (!line.starts_with(':')) return std::nullopt;
  line.remove_prefix(1);
  return line;
}

bool has_word(std::string_view text, std::string_view wanted) {
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (word == wanted) return true;
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return false;
}

class Reader {
 public:
  /// Whether reading should go on.
  [[nodiscard]] bool read(std::string_view line) {
    if (line.starts_with("m=") && ++media_ > 1) return false;
    if (const auto ufrag = value_of(line, "ice-ufrag")) credentials().ufrag = *ufrag;
    if (const auto password = value_of(line, "ice-pwd")) credentials().password = *password;
    if (const auto options = value_of(line, "ice-options")) {
      if (has_word(*options, "natkit")) found_.description.dialect = Dialect::natkit;
      trickles_ = trickles_ || has_word(*options, "trickle");
    }
    if (line == "a=end-of-candidates") is_complete_ = true;
    if (value_of(line, "candidate")) read_candidate(line);
    return true;
  }
  std::expected<ParsedDescription, DescriptionError> finish() {
    const auto& [ufrag, password] = credentials();
    if (ufrag.empty() || password.empty()) return std::unexpected(DescriptionError::no_credentials);
    if (!is_credential(ufrag, shortest_ufrag) || !is_credential(password, shortest_password))
      return std::unexpected(DescriptionError::bad_credentials);
    found_.description.gathering = is_complete_ || !trickles_ ? Gathering::complete : Gathering::going_on;
    return std::move(found_);
  }

 private:
  Credentials& credentials() { return found_.description.credentials; }
  void read_candidate(std::string_view line) {
    const auto candidate = parse_candidate(line);
    if (candidate && found_.description.candidates.size() < most_candidates) {
      found_.description.candidates.push_back(*candidate);
    } else if (!candidate && found_.skipped.size() < most_candidates) {
      found_.skipped.push_back({std::string{line.substr(0, longest_candidate_line)}, candidate.error()});
    }
  }

  ParsedDescription found_;
  unsigned media_ = 0;
  bool trickles_ = false;
  bool is_complete_ = false;
};
}  // namespace

Credentials make_credentials(Rng& rng) {
  auto ufrag = draw(rng, ufrag_characters);
  return {.ufrag = std::move(ufrag), .password = draw(rng, password_characters)};
}

std::expected<ParsedDescription, DescriptionError> parse_description(std::string_view text) {
  if (text.size() > longest_description) return std::unexpected(DescriptionError::too_long);
  Reader reader;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!reader.read(line)) break;
  }
  return reader.finish();
}

std::string write_description(const Description& description) {
  auto text =
      fmt::format("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle ice2{}\r\n", description.credentials.ufrag,
                  description.credentials.password, description.dialect == Dialect::natkit ? " natkit" : "");
  for (const auto& candidate : description.candidates) text += "a=" + write_candidate(candidate) + "\r\n";
  if (description.gathering == Gathering::complete) text += "a=end-of-candidates\r\n";
  return text;
}

std::string_view to_text(DescriptionError error) {
  switch (error) {
    case DescriptionError::too_long:
      return "it is longer than 64 KiB";
    case DescriptionError::no_credentials:
      return "it has no ice-ufrag or no ice-pwd";
    case DescriptionError::bad_credentials:
      return "its ice-ufrag or ice-pwd is too short, too long or has foreign characters";
  }
  return "it is malformed";
}
}  // namespace natkit::ice
