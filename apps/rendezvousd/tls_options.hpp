#pragma once
// The server's certificate: with one, whoever begins with TLS is served with it, on the same TCP ports as the others.
#include <memory>
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/crypto/tls.hpp"

namespace natkit::rendezvousd {
struct TlsOptions {
  std::string certificate_file;
  std::string key_file;
};

void add_tls_options(CLI::App& app, TlsOptions& options);
/// Null where no certificate is given.
[[nodiscard]] Result<std::shared_ptr<const crypto::TlsContext>> read_tls(const TlsOptions& options);
}  // namespace natkit::rendezvousd
