#pragma once
/// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over OpenSSL, as a machine: bytes of the network go in, bytes for the network
/// come out, and the plain stream is between them. Whoever owns the connection moves the bytes.
///
///     network --receive()--> +---------+ --read()---> owner
///             <--take()----- | session | <--write()--
///                            +---------+
///
/// Context and session are interfaces, so that a driver can carry TLS for whoever brings a context, and a program that
/// brings none does not load OpenSSL: relocating it takes longer than some tools need for all their work.
///
/// OpenSSL reads the clock to judge certificates; nothing here waits for it.
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

namespace natkit::crypto {
/// One end of one connection.
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  virtual ~TlsSession() = default;

  virtual void receive(ByteView from_network) = 0;
  /// Kept until the handshake is done.
  virtual void write(ByteView plain) = 0;
  /// Everything that has become readable; empty when there is nothing (yet).
  [[nodiscard]] virtual Bytes read() = 0;
  /// Everything that is to go to the network now.
  [[nodiscard]] virtual Bytes take() = 0;
  /// Says to the other side that the stream ends here, so that it does not take it for cut off.
  virtual void close() = 0;

  [[nodiscard]] virtual bool is_established() const = 0;
  /// Why it is over: a failed handshake, an end by the other side. Empty while it goes on.
  [[nodiscard]] virtual const std::string& failure() const = 0;
};

/// What many sessions share: the certificate of a server, or whom a client trusts. Sessions may outlive it.
class TlsContext {
 public:
  using Made = std::expected<std::shared_ptr<const TlsContext>, std::string>;  ///< the error is a sentence

  /// PEM: the server's certificate first, then those that lead to its authority; and its key.
  [[nodiscard]] static Made serve(std::string_view certificates, std::string_view key);
  /// Trusts the authorities given as PEM, or those of this system where none are.
  [[nodiscard]] static Made trust(std::string_view authorities);

  TlsContext() = default;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  virtual ~TlsContext() = default;

  /// The server's side of one connection.
  [[nodiscard]] virtual std::unique_ptr<TlsSession> accept() const = 0;
  /// The client's side; the server's certificate must be for this name, or this address. The handshake begins at once.
  [[nodiscard]] virtual std::unique_ptr<TlsSession> connect(const std::string& server) const = 0;
};
}  // namespace natkit::crypto
