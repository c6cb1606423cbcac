#include "natkit/crypto/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::crypto {
namespace {
struct FreeParts {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
  void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
  void operator()(SSL* x) const { SSL_free(x); }
};
using Certificate = std::unique_ptr<X509, FreeParts>;
using Key = std::unique_ptr<EVP_PKEY, FreeParts>;
using Memory = std::unique_ptr<BIO, FreeParts>;
using Handle = std::unique_ptr<SSL_CTX, FreeParts>;

constexpr int largest_record = 16384;  // RFC 8446 §5.1

/// OpenSSL can only be out of memory here.
void require(bool done) {
  if (!done) std::abort();
}

/// OpenSSL would ask at the terminal.
int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

Memory readable(std::string_view text) {
  Memory out{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  require(out != nullptr);
  return out;
}

/// OpenSSL's own words for what went wrong last, and no trace of it left behind.
std::string last_words() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown error";
}

std::vector<Certificate> read_certificates(std::string_view pem) {
  const auto memory = readable(pem);
  std::vector<Certificate> all;
  while (Certificate next{PEM_read_bio_X509(memory.get(), nullptr, no_passphrase, nullptr)})
    all.push_back(std::move(next));
  ERR_clear_error();  // the end of the text is an "error" as well
  return all;
}

void set_common(SSL_CTX* context) {
  require(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);  // RFC 8996: those before are over
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);                 // costs the server much and the client nothing
  // A session's 34 KiB of buffers are given back whenever they are empty: idle connections are many.
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

class OpensslSession final : public TlsSession {
 public:
  enum class Side : std::uint8_t { server, client };
  OpensslSession(SSL_CTX* context, Side side);
  /// The name, or address, that the server's certificate must be for.
  void expect(const std::string& server);
  /// Takes the handshake as far as it goes, and reads what has become readable.
  void advance();

  void receive(ByteView from_network) override;
  void write(ByteView plain) override;
  Bytes read() override { return std::exchange(readable_, {}); }
  Bytes take() override;
  void close() override;
  [[nodiscard]] bool is_established() const override { return SSL_is_init_finished(session_.get()) == 1; }
  [[nodiscard]] const std::string& failure() const override { return failure_; }

 private:
  void note(int result);

  std::unique_ptr<SSL, FreeParts> session_;
  Bytes waiting_;  // plain, from before the handshake was done
  Bytes readable_;
  std::string failure_;
};

OpensslSession::OpensslSession(SSL_CTX* context, Side side) : session_(SSL_new(context)) {
  require(session_ != nullptr);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  require(in != nullptr && out != nullptr);
  BIO_set_mem_eof_return(in, -1);  // "nothing yet", not "the end"
  SSL_set_bio(session_.get(), in, out);
  side == Side::server ? SSL_set_accept_state(session_.get()) : SSL_set_connect_state(session_.get());
}

void OpensslSession::expect(const std::string& server) {
  SSL* const session = session_.get();
  if (parse_ip_address(server)) {
    require(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), server.c_str()) == 1);
    return;
  }
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);  // RFC 9525 §6.3
  require(SSL_set1_host(session, server.c_str()) == 1);
  // What SSL_set_tlsext_host_name stands for, a macro with a cast of old.
  std::string name = server;
  require(SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1);
}

void OpensslSession::receive(ByteView from_network) {
  if (!failure_.empty() || from_network.empty()) return;
  require(BIO_write(SSL_get_rbio(session_.get()), from_network.data(), static_cast<int>(from_network.size())) > 0);
  advance();
}

void OpensslSession::advance() {
  if (!SSL_is_init_finished(session_.get())) {
    const int done = SSL_do_handshake(session_.get());
    if (done != 1) return note(done);
    if (!waiting_.empty()) write(std::exchange(waiting_, {}));
  }
  std::array<std::uint8_t, largest_record> piece;  // NOLINT(*-member-init): SSL_read fills what is looked at
  for (;;) {
    const int count = SSL_read(session_.get(), piece.data(), static_cast<int>(piece.size()));
    if (count <= 0) return note(count);
    readable_.insert(readable_.end(), piece.begin(), piece.begin() + count);
  }
}

void OpensslSession::note(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      failure_ = "the other side closed the connection";
      break;
    default: {
      const auto verdict = SSL_get_verify_result(session_.get());
      failure_ = verdict == X509_V_OK ? "TLS: " + last_words()
                                      : "TLS: certificate: " + std::string{X509_verify_cert_error_string(verdict)};
    }
  }
  ERR_clear_error();
}

void OpensslSession::write(ByteView plain) {
  if (!failure_.empty()) return;
  if (!is_established()) {
    waiting_.insert(waiting_.end(), plain.begin(), plain.end());
    return;
  }
  while (!plain.empty()) {
    const int count = SSL_write(session_.get(), plain.data(), static_cast<int>(plain.size()));
    if (count <= 0) return note(count);
    plain = plain.subspan(static_cast<std::size_t>(count));
  }
}

Bytes OpensslSession::take() {
  BIO* const out = SSL_get_wbio(session_.get());
  Bytes bytes(BIO_ctrl_pending(out));
  if (!bytes.empty())
    require(BIO_read(out, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size()));
  return bytes;
}

void OpensslSession::close() {
  if (!is_established() || !failure_.empty()) return;
  static_cast<void>(SSL_shutdown(session_.get()));  // the answer is not waited for
  ERR_clear_error();
}

class OpensslContext final : public TlsContext {
 public:
  explicit OpensslContext(Handle handle) : handle_(std::move(handle)) {}

  [[nodiscard]] std::unique_ptr<TlsSession> accept() const override {
    return std::make_unique<OpensslSession>(handle_.get(), OpensslSession::Side::server);
  }
  [[nodiscard]] std::unique_ptr<TlsSession> connect(const std::string& server) const override {
    auto made = std::make_unique<OpensslSession>(handle_.get(), OpensslSession::Side::client);
    made->expect(server);
    made->advance();
    return made;
  }

 private:
  Handle handle_;
};
}  // namespace

TlsContext::Made TlsContext::serve(std::string_view certificates, std::string_view key) {
  Handle handle{SSL_CTX_new(TLS_server_method())};
  require(handle != nullptr);
  set_common(handle.get());
  SSL_CTX_set_num_tickets(handle.get(), 1);  // one resumption is enough; each ticket costs a packet
  auto chain = read_certificates(certificates);
  if (chain.empty()) return std::unexpected("the certificate is not in PEM");
  const auto memory = readable(key);
  const Key private_key{PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, nullptr)};
  if (!private_key) return std::unexpected("the key is not in PEM, or needs a passphrase: " + last_words());
  if (SSL_CTX_use_certificate(handle.get(), chain.front().get()) != 1)
    return std::unexpected("the certificate cannot be used: " + last_words());
  for (auto i = chain.begin() + 1; i != chain.end(); ++i)
    if (SSL_CTX_add1_chain_cert(handle.get(), i->get()) != 1) return std::unexpected(last_words());
  if (SSL_CTX_use_PrivateKey(handle.get(), private_key.get()) != 1 || SSL_CTX_check_private_key(handle.get()) != 1) {
    ERR_clear_error();
    return std::unexpected("the key does not belong to the certificate");
  }
  return std::make_shared<const OpensslContext>(std::move(handle));
}

TlsContext::Made TlsContext::trust(std::string_view authorities) {
  Handle handle{SSL_CTX_new(TLS_client_method())};
  require(handle != nullptr);
  set_common(handle.get());
  SSL_CTX_set_verify(handle.get(), SSL_VERIFY_PEER, nullptr);
  if (authorities.empty()) {
    if (SSL_CTX_set_default_verify_paths(handle.get()) != 1) return std::unexpected(last_words());
    return std::make_shared<const OpensslContext>(std::move(handle));
  }
  const auto trusted = read_certificates(authorities);
  if (trusted.empty()) return std::unexpected("the authorities' certificates are not in PEM");
  for (const auto& one : trusted)
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(handle.get()), one.get()) != 1) return std::unexpected(last_words());
  return std::make_shared<const OpensslContext>(std::move(handle));
}
}  // namespace natkit::crypto
