#include "tls_options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <fstream>
#include <optional>
#include <utility>

#include "natkit/base/printable.hpp"

namespace natkit::rendezvousd {
namespace {
constexpr std::size_t largest_file = 1 << 20;  // a chain of certificates is a few kilobytes

Error wrong(std::string detail, std::string advice) {
  return {.code = Errc::usage, .reason = "bad-certificate", .detail = std::move(detail), .advice = std::move(advice)};
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::nullopt;
  std::string text(largest_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.empty() || text.size() > largest_file) return std::nullopt;
  return text;
}
}  // namespace

void add_tls_options(CLI::App& app, TlsOptions& options) {
  auto* certificate = app.add_option("--tls-cert", options.certificate_file,
                                     "serve TLS as well, on the same TCP ports, with this certificate and those that "
                                     "lead to its authority (PEM)");
  auto* key = app.add_option("--tls-key", options.key_file, "the certificate's key (PEM, no passphrase)");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
}

Result<std::shared_ptr<const crypto::TlsContext>> read_tls(const TlsOptions& options) {
  if (options.certificate_file.empty()) return std::shared_ptr<const crypto::TlsContext>{};
  const auto certificate = read_file(options.certificate_file);
  const auto key = read_file(options.key_file);
  if (!certificate || !key) {
    const auto& path = certificate ? options.key_file : options.certificate_file;
    return std::unexpected(
        wrong(fmt::format("{} {} cannot be read", certificate ? "--tls-key" : "--tls-cert", printable(path)),
              "is it there, and may this user read it?"));
  }
  auto context = crypto::TlsContext::serve(*certificate, *key);
  if (!context)
    return std::unexpected(wrong(fmt::format("--tls-cert {}: {}", printable(options.certificate_file), context.error()),
                                 "both files are PEM; `openssl x509 -in FILE -text` shows a certificate"));
  return std::move(*context);
}
}  // namespace natkit::rendezvousd
