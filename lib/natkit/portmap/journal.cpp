#include "natkit/portmap/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "natkit/crypto/crc32.hpp"

// natkit-1 id=… run=… … crc=…: words of name=value, values percent-escaped, the checksum over everything before it.
namespace natkit::portmap {
namespace {
constexpr std::string_view format_word = "natkit-1";
constexpr std::size_t longest_line = 8192;

constexpr std::array stages{
    std::pair{JournalEntry::Stage::asking, std::string_view{"asking"}},
    std::pair{JournalEntry::Stage::held, std::string_view{"held"}},
    std::pair{JournalEntry::Stage::kept, std::string_view{"kept"}},
    std::pair{JournalEntry::Stage::releasing, std::string_view{"releasing"}},
};
constexpr std::array kinds{
    std::pair{Route::Kind::unknown, std::string_view{"unknown"}},
    std::pair{Route::Kind::link, std::string_view{"link"}},
    std::pair{Route::Kind::tunnel, std::string_view{"tunnel"}},
};

bool is_plain(char c) { return c > ' ' && c < '\x7f' && c != '%' && c != '='; }

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) out += is_plain(c) ? std::string{c} : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += static_cast<char>(byte->front());
    i += 2;
  }
  return out;
}

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Table>
auto find_name(const Table& table, std::string_view name) -> std::optional<typename Table::value_type::first_type> {
  const auto* const found = std::ranges::find(table, name, &Table::value_type::second);
  if (found == table.end()) return std::nullopt;
  return found->first;
}

template <class Table, class Value>
std::string_view name_of(const Table& table, Value value) {
  return std::ranges::find(table, value, &Table::value_type::first)->second;
}

class LineWriter {
 public:
  void add(std::string_view name, std::string_view value) { line_ += fmt::format(" {}={}", name, escape(value)); }
  template <class Number>
  void add_number(std::string_view name, Number value) {
    add(name, fmt::format("{}", value));
  }
  void add_id(std::string_view name, std::uint64_t id) { add(name, fmt::format("{:016x}", id)); }
  std::string finish() && { return fmt::format("{} crc={:08x}", line_, crypto::crc32({as_bytes(line_)})); }

 private:
  std::string line_{format_word};
};

/// The words of a line by name. What is missing or cannot be read is remembered, so that a reader asks for all of its
/// fields first and looks at `error` once.
class LineReader {
 public:
  using Words = std::map<std::string, std::string, std::less<>>;
  explicit LineReader(Words words) : words_(std::move(words)) {}

  template <class Parse>
  auto read(std::string_view name, Parse parse) -> typename decltype(parse(std::string_view{}))::value_type {
    const auto found = words_.find(name);
    if (found == words_.end()) {
      note(JournalError::missing_field);
      return {};
    }
    auto value = parse(std::string_view{found->second});
    if (!value) note(JournalError::bad_value);
    return value ? *value : typename decltype(parse(std::string_view{}))::value_type{};
  }
  [[nodiscard]] bool has(std::string_view name) const { return words_.contains(name); }
  [[nodiscard]] std::optional<JournalError> error() const { return error_; }
  std::string text(std::string_view name) {
    return read(name, [](std::string_view value) { return std::optional{std::string{value}}; });
  }
  template <class T>
  T number(std::string_view name) {
    return read(name, [](std::string_view value) { return parse_number<T>(value); });
  }
  std::uint64_t id(std::string_view name) {
    return read(name, [](std::string_view value) { return parse_number<std::uint64_t>(value, 16); });
  }
  IpAddress address(std::string_view name) {
    return read(name, [](std::string_view value) { return parse_ip_address(value); });
  }

 private:
  void note(JournalError error) {
    if (!error_) error_ = error;
  }
  Words words_;
  std::optional<JournalError> error_;
};

std::expected<LineReader::Words, JournalError> split(std::string_view line) {
  LineReader::Words words;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) return std::unexpected(JournalError::bad_value);
    auto value = unescape(word.substr(equals + 1));
    if (!value) return std::unexpected(JournalError::bad_value);
    words.emplace(word.substr(0, equals), std::move(*value));
  }
  return words;
}

std::optional<Nonce> parse_nonce(std::string_view text) {
  const auto bytes = from_hex(text);
  Nonce nonce{};
  if (!bytes || bytes->size() != nonce.size()) return std::nullopt;
  std::ranges::copy(*bytes, nonce.begin());
  return nonce;
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  if (text == "udp") return Protocol::udp;
  if (text == "tcp") return Protocol::tcp;
  return std::nullopt;
}
}  // namespace

std::string write_entry(const JournalEntry& entry) {
  LineWriter line;
  line.add_id("id", std::to_underlying(entry.id));
  line.add_id("run", std::to_underlying(entry.run));
  line.add("stage", name_of(stages, entry.stage));
  line.add("local", to_text(entry.route.local));
  line.add("router", to_text(entry.route.router));
  line.add("interface", entry.route.interface);
  line.add("link", name_of(kinds, entry.route.kind));
  line.add("gateway", to_text(entry.gateway));
  line.add("host", to_text(entry.mapped_host));
  line.add("protocol", to_text(entry.protocol));
  line.add_number("port", entry.internal_port);
  line.add("external", to_text(entry.external));
  line.add("nonce", to_hex(entry.nonce));
  line.add_number("lifetime", entry.lifetime.count());
  line.add_number("written", entry.written_at);
  line.add("description", entry.description);
  if (entry.only) line.add("only", to_text(*entry.only));
  if (entry.via) line.add("via", to_text(*entry.via));
  if (entry.pinhole) line.add_number("pinhole", *entry.pinhole);
  if (entry.inner) line.add_id("inner", std::to_underlying(*entry.inner));
  if (!entry.location.empty()) line.add("location", entry.location);
  if (!entry.control_url.empty()) line.add("control", entry.control_url);
  if (!entry.service_type.empty()) line.add("service", entry.service_type);
  return std::move(line).finish();
}

std::expected<JournalEntry, JournalError> parse_entry(std::string_view line) {
  if (!line.starts_with("natkit-")) return std::unexpected(JournalError::not_ours);
  if (!line.starts_with(std::string{format_word} + " ")) return std::unexpected(JournalError::unknown_version);
  if (line.size() > longest_line) return std::unexpected(JournalError::bad_value);
  const auto checksum = line.rfind(" crc=");
  if (checksum == std::string_view::npos) return std::unexpected(JournalError::missing_field);
  const auto told = parse_number<std::uint32_t>(line.substr(checksum + 5), 16);
  line = line.substr(0, checksum);
  if (told != crypto::crc32({as_bytes(line)})) return std::unexpected(JournalError::bad_checksum);
  line.remove_prefix(std::min(format_word.size() + 1, line.size()));
  auto words = split(line);
  if (!words) return std::unexpected(words.error());

  LineReader reader{std::move(*words)};
  JournalEntry entry;
  entry.id = MappingId{reader.id("id")};
  entry.run = RunId{reader.id("run")};
  entry.stage = reader.read("stage", [](std::string_view value) { return find_name(stages, value); });
  entry.route = {reader.address("local"), reader.address("router"), reader.text("interface"),
                 reader.read("link", [](std::string_view value) { return find_name(kinds, value); })};
  entry.gateway = reader.address("gateway");
  entry.mapped_host = reader.address("host");
  entry.protocol = reader.read("protocol", parse_protocol);
  entry.internal_port = reader.number<std::uint16_t>("port");
  entry.external = reader.read("external", [](std::string_view value) { return parse_endpoint(value); });
  entry.nonce = reader.read("nonce", parse_nonce);
  entry.lifetime = std::chrono::seconds{reader.number<std::uint32_t>("lifetime")};
  entry.written_at = reader.number<std::int64_t>("written");
  entry.description = reader.text("description");
  if (reader.has("only")) entry.only = reader.read("only", parse_method);
  if (reader.has("via")) entry.via = reader.read("via", parse_method);
  if (reader.has("pinhole")) entry.pinhole = reader.number<std::uint16_t>("pinhole");
  if (reader.has("inner")) entry.inner = MappingId{reader.id("inner")};
  if (reader.has("location")) entry.location = reader.text("location");
  if (reader.has("control")) entry.control_url = reader.text("control");
  if (reader.has("service")) entry.service_type = reader.text("service");
  if (const auto error = reader.error()) return std::unexpected(*error);
  return entry;
}
}  // namespace natkit::portmap
