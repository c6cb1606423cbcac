#include "natkit/channel/dtls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace natkit::channel {
namespace {
constexpr std::size_t longest_record = std::size_t{16} << 10;  // RFC 6347 §4.1
constexpr Duration longest_retransmission =
    std::chrono::seconds{1};  // a player waits; RFC 6347 §4.2.4.1 would allow 60 s
// What is left for the handshake after an alert that anybody may have forged: the peer repeats itself twice in that
// time.
constexpr Duration alert_patience = std::chrono::milliseconds{400};

// Forward secrecy and authenticated encryption only. RFC 8827 §6.5 demands the first; the RSA ones are for peers that
// show such a certificate.
constexpr const char* ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* groups = "X25519:P-256";

// RFC 6347 §4.1: type, version, epoch, sequence number, length.
constexpr std::size_t record_header_bytes = 13;
constexpr std::size_t tag_bytes = 16;  // of all our ciphers
constexpr std::size_t explicit_nonce_bytes =
    8;  // before what AES-GCM seals (RFC 5288 §3); ChaCha20 has none (RFC 7905 §2)
constexpr std::uint8_t alert_record = 21;
constexpr std::uint8_t fatal_level = 2;  // RFC 5246 §7.2

void require(bool done) {
  if (!done) std::abort();  // out of memory, or an argument of ours is wrong
}

}  // namespace

struct Dtls::Record {
  std::uint8_t type = 0;
  std::uint16_t epoch = 0;
  ByteView body{};
  ByteView whole{};

  static std::optional<Record> next(ByteView& rest);
};

std::optional<Dtls::Record> Dtls::Record::next(ByteView& rest) {
  ByteReader reader{rest};
  const auto type = reader.read_u8();
  const auto version = reader.read_u16();
  const auto epoch = reader.read_u16();
  const auto sequence = reader.read_bytes(6);
  const auto length = reader.read_u16();
  if (!type || !version || !epoch || !sequence || !length) return std::nullopt;
  const auto body = reader.read_bytes(*length);
  if (!body) return std::nullopt;
  const Record out{*type, *epoch, *body, rest.first(record_header_bytes + *length)};
  rest = rest.subspan(out.whole.size());
  return out;
}

namespace {
/// The reason of the oldest failure of this thread, and the queue emptied.
unsigned long take_error_code() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  return code;
}

/// What others on this thread left in the queue would be taken for a failure of the next call. Clearing an empty queue
/// costs more than looking.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string words_of(unsigned long code) {
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}
}  // namespace

// Where OpenSSL reads and writes.
struct Dtls::Wire {
  ByteView incoming{};
  std::deque<Bytes> outgoing;
  Bytes flight;  // the records of the datagram that is being packed
  std::size_t mtu = 0;

  void append(ByteView record) {
    if (flight.size() + record.size() > mtu) flush();
    flight.insert(flight.end(), record.begin(), record.end());
  }
  void flush() {
    if (!flight.empty()) outgoing.push_back(std::exchange(flight, {}));
  }
};

// What OpenSSL calls back; none of it leaves this file.
struct Dtls::Callbacks {
  static int read(BIO* bio, char* out, int size) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (wire.incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto taken = std::min(wire.incoming.size(), static_cast<std::size_t>(size));
    std::memcpy(out, wire.incoming.data(), taken);
    wire.incoming = {};
    return static_cast<int>(taken);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    wire.append(as_bytes({bytes, static_cast<std::size_t>(size)}));
    return size;
  }

  static long control(BIO* bio, int command, long /*number*/, void* /*argument*/) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_DGRAM_QUERY_MTU:
      case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return static_cast<long>(static_cast<Wire*>(BIO_get_data(bio))->mtu);
      default:
        return 0;  // the overhead below us included: the MTU is that of payloads
    }
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const out = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "natkit datagrams");
      require(out && BIO_meth_set_read(out, read) == 1 && BIO_meth_set_write(out, write) == 1 &&
              BIO_meth_set_ctrl(out, control) == 1);
      return out;
    }();
    return made;
  }

  static int verify(X509_STORE_CTX* store, void* argument) {
    auto& self = *static_cast<Dtls*>(argument);
    const X509* const shown = X509_STORE_CTX_get0_cert(store);
    self.is_stranger_ = !shown || crypto::fingerprint_of(shown) != self.peer_;
    X509_STORE_CTX_set_error(store, self.is_stranger_ ? X509_V_ERR_CERT_REJECTED : X509_V_OK);  // alert bad_certificate
    return self.is_stranger_ ? 0 : 1;
  }

  static unsigned int next_timer(SSL* ssl, unsigned int microseconds) {
    using Microseconds = std::chrono::duration<unsigned int, std::micro>;
    const auto& self = *static_cast<const Dtls*>(SSL_get_app_data(ssl));
    const auto next = microseconds == 0 ? self.config_.first_retransmission : 2 * Duration{Microseconds{microseconds}};
    return std::chrono::ceil<Microseconds>(std::min(next, longest_retransmission)).count();
  }
};

void Dtls::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void Dtls::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Dtls::Dtls(const Config& config, crypto::Identity identity)
    : config_(config), identity_(std::move(identity)), wire_(std::make_unique<Wire>()), plain_(longest_record) {
  wire_->mtu = config.mtu;
}

Dtls::~Dtls() = default;

void Dtls::start(Instant now, const crypto::Fingerprint& peer) {
  peer_ = peer;
  context_.reset(SSL_CTX_new(DTLS_method()));
  auto* const context = context_.get();
  require(context && SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
          SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
          SSL_CTX_set_cipher_list(context, ciphers) == 1 && SSL_CTX_set1_groups_list(context, groups) == 1 &&
          SSL_CTX_use_certificate(context, identity_.certificate()) == 1 &&
          SSL_CTX_use_PrivateKey(context, identity_.key()) == 1);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, Callbacks::verify, this);

  ssl_.reset(SSL_new(context));
  auto* const ssl = ssl_.get();
  BIO* const bio = BIO_new(Callbacks::method());
  require(ssl && bio);
  BIO_set_data(bio, wire_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, this);
  SSL_set_mtu(ssl, static_cast<unsigned int>(config_.mtu));
  DTLS_set_timer_cb(ssl, Callbacks::next_timer);
  if (config_.role == Role::client) {
    SSL_set_connect_state(ssl);
  } else {
    SSL_set_accept_state(ssl);
  }
  step(now);
}

void Dtls::handle_datagram(Instant now, ByteView datagram) {
  if (!ssl_ || failure_) return;
  if (is_secured_) {
    wire_->incoming = possible_part(datagram);
    return;
  }
  if (const auto sent = std::exchange(flight_sent_, {})) {
    round_trip_ = std::min(round_trip_.value_or(Duration::max()), now - *sent);
  }
  const auto kept = without_alerts(now, datagram);
  wire_->incoming = kept;
  step(now);
  wire_->incoming = {};
}

void Dtls::note_repetition(Instant now) {
  if (flight_sent_ && *flight_sent_ < now) flight_sent_.reset();  // RFC 6298 §3
}

void Dtls::handle_timeout(Instant now) {
  if (!ssl_ || failure_ || is_secured_) return;
  if (alert_deadline_ && now >= *alert_deadline_) {
    fail(CloseReason::refused_by_peer, "alert: " + alert_);
    return;
  }
  if (!deadline_ || now < *deadline_) return;
  ERR_clear_error();
  flight_sent_.reset();  // which copy an answer belongs to is not to be seen (RFC 6298 §3)
  if (DTLSv1_handle_timeout(ssl_.get()) < 0) {
    fail(CloseReason::handshake_timed_out, words_of(take_error_code()));
    return;
  }
  wire_->flush();
  arm(now);
}

void Dtls::step(Instant now) {
  const auto sent_before = wire_->outgoing.size();
  forget_errors();
  const int result = SSL_do_handshake(ssl_.get());
  wire_->flush();
  if (wire_->outgoing.size() > sent_before) flight_sent_ = now;
  if (result == 1) {
    is_secured_ = true;
    alert_deadline_.reset();
    deadline_.reset();
    return;
  }
  take_error(now, result);
}

void Dtls::take_error(Instant now, int result) {
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) {
    arm(now);
    return;
  }
  const auto code = take_error_code();
  const int reason = ERR_GET_REASON(code);
  if (is_stranger_) {
    fail(CloseReason::wrong_fingerprint, "the peer's certificate is not the one that was announced");
  } else if (reason == SSL_R_READ_TIMEOUT_EXPIRED) {
    fail(CloseReason::handshake_timed_out, words_of(code));
  } else if (reason > SSL_AD_REASON_OFFSET) {
    fail(CloseReason::refused_by_peer, words_of(code));
  } else {
    fail(CloseReason::handshake_failed, words_of(code));
  }
}

void Dtls::fail(CloseReason reason, std::string detail) {
  failure_ = Failure{reason, std::move(detail)};
  deadline_.reset();
  alert_deadline_.reset();
  wire_->flush();
  ssl_.reset();  // driven on, it would repeat its flight for ever
}

void Dtls::arm(Instant now) {
  timeval left{};
  deadline_.reset();
  if (DTLSv1_get_timeout(ssl_.get(), &left) == 1) {
    deadline_ = now + std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
  }
  if (alert_deadline_) deadline_ = std::min(deadline_.value_or(*alert_deadline_), *alert_deadline_);
}

/// A sealed record too short for its own tag. OpenSSL 3.0.19 (Debian 12) ends the connection over one instead of
/// dropping it, so anybody who can send us a datagram could; no peer makes such a record.
bool Dtls::is_impossible(const Record& record) const {
  const auto* cipher = SSL_get_current_cipher(ssl_.get());
  if (!cipher) cipher = SSL_get_pending_cipher(ssl_.get());
  const bool has_nonce = cipher && SSL_CIPHER_get_cipher_nid(cipher) != NID_chacha20_poly1305;
  return record.epoch != 0 && record.body.size() < tag_bytes + (has_nonce ? explicit_nonce_bytes : 0);
}

/// Up to what is impossible.
ByteView Dtls::possible_part(ByteView datagram) const {
  auto rest = datagram;
  while (const auto record = Record::next(rest))
    if (is_impossible(*record)) return datagram.first(datagram.size() - rest.size() - record->whole.size());
  return datagram;
}

Bytes Dtls::without_alerts(Instant now, ByteView datagram) {
  Bytes out;
  while (const auto record = Record::next(datagram)) {
    if (is_impossible(*record)) continue;
    if (record->type != alert_record || record->epoch != 0) {
      out.insert(out.end(), record->whole.begin(), record->whole.end());
    } else if (!alert_deadline_ && record->body.size() == 2 && record->body[0] == fatal_level) {
      alert_deadline_ = now + alert_patience;
      alert_ = SSL_alert_desc_string_long(record->body[1]);
    }
  }
  return out;
}

std::optional<ByteView> Dtls::read() {
  if (!is_secured_ || failure_ || !ssl_) return std::nullopt;
  forget_errors();
  const int size = SSL_read(ssl_.get(), plain_.data(), static_cast<int>(plain_.size()));
  wire_->flush();  // the last flight once more, where the peer's repetition shows that it was lost
  if (size > 0) return ByteView{plain_}.first(static_cast<std::size_t>(size));
  wire_->incoming = {};
  switch (SSL_get_error(ssl_.get(), size)) {
    case SSL_ERROR_WANT_READ:
      break;
    case SSL_ERROR_ZERO_RETURN:
      fail(CloseReason::closed_by_peer, "");
      break;
    default:
      fail(CloseReason::aborted_by_peer, words_of(take_error_code()));
      break;
  }
  return std::nullopt;
}

void Dtls::write(ByteView plain) {
  if (!is_secured_ || failure_ || !ssl_ || plain.size() > longest_record) return;
  forget_errors();
  (void)SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
  wire_->flush();
}

void Dtls::write_close() {
  if (!is_secured_ || failure_ || !ssl_) return;
  forget_errors();
  (void)SSL_shutdown(ssl_.get());
  wire_->flush();
}

std::optional<Bytes> Dtls::poll_transmit() {
  if (wire_->outgoing.empty()) return std::nullopt;
  auto out = std::move(wire_->outgoing.front());
  wire_->outgoing.pop_front();
  return out;
}

std::optional<Bytes> Dtls::last_datagram() const {
  return wire_->outgoing.empty() ? std::nullopt : std::optional{wire_->outgoing.back()};
}

void Dtls::set_mtu(std::size_t mtu) {
  wire_->mtu = mtu;
  config_.mtu = mtu;
  if (ssl_) SSL_set_mtu(ssl_.get(), static_cast<unsigned int>(mtu));
}
}  // namespace natkit::channel
