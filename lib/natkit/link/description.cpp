#include "natkit/link/description.hpp"

namespace natkit::link {
namespace {
constexpr std::string_view fingerprint_line = "a=fingerprint:";
constexpr std::string_view setup_line = "a=setup:";

std::string_view to_text(Setup setup) {
  if (setup == Setup::active) return "active";
  return setup == Setup::passive ? "passive" : "actpass";
}

Setup parse_setup(std::string_view text) {
  if (text == "active") return Setup::active;
  return text == "passive" ? Setup::passive : Setup::either;
}

/// The next line without its end; `text` loses it.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}
}  // namespace

std::string_view to_text(DescriptionError error) {
  switch (error) {
    case DescriptionError::no_ice:
      return "it holds no ICE credentials (a=ice-ufrag, a=ice-pwd)";
    case DescriptionError::no_fingerprint:
      return "it holds no fingerprint of a certificate (a=fingerprint)";
    case DescriptionError::bad_fingerprint:
      return "its fingerprint is not SHA-256";
  }
  return "";
}

std::expected<ParsedDescription, DescriptionError> parse_description(std::string_view text, Fingerprints fingerprints) {
  auto ice = ice::parse_description(text);
  if (!ice) return std::unexpected(DescriptionError::no_ice);
  ParsedDescription parsed{.description = {.ice = std::move(ice->description)}, .skipped = std::move(ice->skipped)};
  // The first of each kind counts: before the media sections one may stand for all of them.
  std::optional<crypto::Fingerprint> fingerprint;
  std::optional<Setup> setup;
  auto error = DescriptionError::no_fingerprint;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!setup && line.starts_with(setup_line)) setup = parse_setup(line.substr(setup_line.size()));
    if (fingerprint || !line.starts_with(fingerprint_line)) continue;
    const auto found = crypto::parse_fingerprint(line.substr(fingerprint_line.size()));
    if (found)
      fingerprint = *found;
    else
      error = DescriptionError::bad_fingerprint;
  }
  const bool is_allowed = fingerprints == Fingerprints::optional && error == DescriptionError::no_fingerprint;
  if (!fingerprint && !is_allowed) return std::unexpected(error);
  parsed.description.fingerprint = fingerprint;
  parsed.description.setup = setup.value_or(Setup::either);
  return parsed;
}

std::string write_description(const Description& description) {
  // First, since whoever reads line by line may take the end of the candidates for the end of all.
  std::string text;
  if (description.fingerprint)
    text.append(fingerprint_line).append(crypto::to_text(*description.fingerprint)).append("\r\n");
  text.append(setup_line).append(to_text(description.setup)).append("\r\n");
  return text + ice::write_description(description.ice);
}
}  // namespace natkit::link
