#pragma once
/// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over OpenSSL, as a machine: bytes of the network go in, bytes for the network
/// come out, and the plain stream is between them. Whoever owns the connection moves the bytes.
///
///     network --receive()--> +---------+ --read()---> owner
///             <--take()----- | session | <--write()--
///                            +---------+
///
/// OpenSSL reads the clock to judge certificates; nothing here waits for it.
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

struct ssl_ctx_st;  // OpenSSL's own names
struct ssl_st;

namespace natkit::crypto {
/// What many sessions share: the certificate of a server, or whom a client trusts.
class TlsContext {
 public:
  /// PEM: the server's certificate first, then those that lead to its authority; and its key. The error is a sentence.
  [[nodiscard]] static std::expected<TlsContext, std::string> serve(std::string_view certificates,
                                                                    std::string_view key);
  /// Trusts the authorities of this system, or those given as PEM.
  [[nodiscard]] static std::expected<TlsContext, std::string> trust(std::string_view authorities = {});

 private:
  friend class TlsSession;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;
  explicit TlsContext(Handle handle) : handle_(std::move(handle)) {}
  Handle handle_;
};

class TlsSession {
 public:
  /// The server's side of one connection. The context may go away meanwhile.
  [[nodiscard]] static TlsSession accept(const TlsContext& context);
  /// The client's side; the server's certificate must be for this name, or this address. The handshake begins at once.
  [[nodiscard]] static TlsSession connect(const TlsContext& context, const std::string& server);

  void receive(ByteView from_network);
  /// Kept until the handshake is done.
  void write(ByteView plain);
  /// Everything that has become readable; empty when there is nothing (yet).
  [[nodiscard]] Bytes read();
  /// Everything that is to go to the network now.
  [[nodiscard]] Bytes take();
  /// Says to the other side that the stream ends here, so that it does not take it for cut off.
  void close();

  [[nodiscard]] bool is_established() const;
  /// Why it is over: a failed handshake, an end by the other side. Empty while it goes on.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  explicit TlsSession(ssl_st* session) : session_(session) {}
  void advance();
  void note(int result);

  std::unique_ptr<ssl_st, Free> session_;
  Bytes waiting_;  // plain, from before the handshake was done
  Bytes readable_;
  std::string failure_;
};
}  // namespace natkit::crypto
