#pragma once
// DTLS 1.2 (RFC 6347) with certificates on both sides, checked by fingerprint. OpenSSL does it, through a BIO of ours
// that keeps datagrams apart and packs the records of one flight into as few of them as the MTU allows: every datagram
// less is one that cannot be lost.
//
// Until the handshake is done nothing on the wire is authentic. So an alert in clear only shortens the time that is
// left for the handshake to go on; whoever forges one gains nothing.
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"
#include "natkit/channel/channel.hpp"
#include "natkit/crypto/identity.hpp"

struct ssl_st;      // NOLINT(readability-identifier-naming): OpenSSL's name of its SSL
struct ssl_ctx_st;  // NOLINT(readability-identifier-naming): and of its SSL_CTX

namespace natkit::channel {
class Dtls {
 public:
  struct Config {
    Role role{};
    std::size_t mtu = 0;
    Duration first_retransmission{};
  };
  struct Failure {
    CloseReason reason{};
    std::string detail{};
  };
  /// What every record costs with AES-GCM: header 13, nonce 8, tag 16 (RFC 6347 §4.1, RFC 5288 §3).
  static constexpr std::size_t overhead = 37;

  Dtls(const Config& config, crypto::Identity identity);
  ~Dtls();
  Dtls(const Dtls&) = delete;
  Dtls& operator=(const Dtls&) = delete;

  void start(Instant now, const crypto::Fingerprint& peer);
  /// The last flight is sent again by whoever has kept it: an answer no longer tells which copy it belongs to.
  void note_repetition(Instant now);
  /// Until `read` has returned nothing, the datagram must live.
  void handle_datagram(Instant now, ByteView datagram);
  void handle_timeout(Instant now);
  /// One decrypted record; lives until the next call.
  [[nodiscard]] std::optional<ByteView> read();
  /// Only once secured. What is too long for a record is dropped.
  void write(ByteView plain);
  /// Tells the peer that nothing more will come (RFC 5246 §7.2.1).
  void write_close();
  [[nodiscard]] std::optional<Bytes> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline_; }
  /// What `poll_transmit` will give last, if it still has anything to give.
  [[nodiscard]] std::optional<Bytes> last_datagram() const;

  [[nodiscard]] bool is_secured() const { return is_secured_; }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  /// From a flight of ours to the peer's answer, the shortest; nothing if none was sent just once.
  [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }

  void set_mtu(std::size_t mtu);

 private:
  struct Wire;
  struct Callbacks;

  void step(Instant now);
  void arm(Instant now);
  void take_error(Instant now, int result);
  void fail(CloseReason reason, std::string detail);
  struct Record;
  [[nodiscard]] bool is_impossible(const Record& record) const;
  [[nodiscard]] ByteView possible_part(ByteView datagram) const;
  [[nodiscard]] Bytes without_alerts(Instant now, ByteView datagram);

  Config config_;
  crypto::Identity identity_;
  crypto::Fingerprint peer_{};
  std::unique_ptr<Wire> wire_;
  struct Free {
    void operator()(ssl_st* ssl) const;
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::vector<std::uint8_t> plain_;
  std::optional<Instant> deadline_;
  std::optional<Instant> alert_deadline_;
  std::string alert_;
  std::optional<Failure> failure_;
  std::optional<Instant> flight_sent_;
  std::optional<Duration> round_trip_;
  bool is_secured_ = false;
  bool is_stranger_ = false;
};
}  // namespace natkit::channel
