#pragma once
/// The server of STUN Binding and of NAT behaviour discovery (RFC 8489, RFC 5780, RFC 3489 for old clients), with our
/// receipts (receipt.hpp). One machine serves all sockets of a host; the driver bound them beforehand.
///
///            port P1        port P2
///          +-----------+-----------+      A complete server has two addresses times two ports in each family.
///     A    |  asked    | change    |      OTHER-ADDRESS of A:P1 is B:P2 (RFC 5780 §6.1, table 1).
///          |           | port      |      One that is not complete announces no OTHER-ADDRESS, refuses
///          +-----------+-----------+      CHANGE-REQUEST with 420 (§6), and is a plain STUN server otherwise.
///     B    | change    | change    |
///          | address   | both      |
///          +-----------+-----------+
///
/// It must not become a weapon. A source address can be forged, and then the answer hits somebody who never asked:
///
///     attacker --[ from: victim ]--> responder --[ answer ]--> victim
///
///  1. Bytes to an address that nothing proves are paid for by the bytes of the very request they answer …
///  2. … save for the excess of plain answers, since a bare 20-byte request cannot pay for the attributes that RFC 5780
///     demands. The excess comes from an allowance: `allowance_per_address`, and over all addresses together
///     `allowance_for_all`, so that bombing a whole network yields no more than that either.
///  3. PADDING, RESPONSE-PORT and receipts never touch the allowance: this request pays for all, or they do not happen.
///  4. A budget too small drops the optional attributes first, and then the answer.
///  5. An address is proven by NATKIT-COOKIE, or by the handshake of TCP; then 1 to 3 do not apply. The answer stays
///     small all the same: PADDING is never longer than the request's own.
///  6. `requests_per_address` bounds how many answers one address can cause at all.
///  7. Only requests are answered, never answers or indications; nothing goes to any other IP address than the one
///     asked from, nor to port 0, multicast, broadcast, reserved addresses or our own endpoints. RESPONSE-ADDRESS
///     (RFC 3489) is refused. A directed broadcast cannot be told here; the system refuses it (SO_BROADCAST is off).
///
/// Over TCP a datagram is one whole message (stream_framer.hpp). The answer can only return the way it came, so
/// CHANGE-REQUEST, RESPONSE-PORT and PADDING are unknown attributes there.
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/base/time.hpp"
#include "natkit/stun/address_accounts.hpp"
#include "natkit/stun/address_cookie.hpp"
#include "natkit/stun/answer_writer.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/token_bucket.hpp"

namespace natkit::stun {
/// What became of the datagrams. Each one that came in is counted once, as answered, refused or dropped.
struct ResponderCounters {
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;          ///< with an error of 400 or 420
  std::uint64_t unknown_socket = 0;   ///< dropped from here on: not one of the listeners
  std::uint64_t forbidden_peer = 0;   ///< dropped: nothing may be sent there (rule 7)
  std::uint64_t not_stun = 0;         ///< dropped: junk
  std::uint64_t not_a_request = 0;    ///< dropped: an answer, an indication, or another method than Binding
  std::uint64_t bad_fingerprint = 0;  ///< dropped
  std::uint64_t rate_limited = 0;     ///< dropped (rule 6)
  std::uint64_t over_budget = 0;      ///< dropped (rules 1 to 4)
  std::uint64_t receipts = 0;         ///< sent beside an answer
  std::uint64_t allowance_bytes = 0;  ///< sent beyond what requests paid for (rule 2)
};

class Responder {
 public:
  struct Listener {
    SocketId socket{};
    /// As clients reach it; behind a 1:1 NAT that is the public address. With an unspecified address the socket serves
    /// whatever address a datagram was sent to (`Datagram::local`), and has no alternate address.
    Endpoint endpoint{};
    Protocol protocol = Protocol::udp;
    /// Alternates are sought within a group. Addresses that the same client cannot reach (a loopback or container
    /// address beside a public one) must not share one.
    std::uint32_t group = 0;
  };
  struct Config {
    std::vector<Listener> listeners{};
    /// A probe of ours asks about 25 times in a burst. One address may stand for a test farm or for the customers of a
    /// carrier (RFC 6888), so ten probes a second, and twenty at once, are served; that is 0.1 % of one core.
    BucketSize requests_per_address{.burst = 500, .per_second = 250};
    /// Bytes. Foreign clients send bare requests, and a full answer exceeds one by 28 bytes (RFC 3489), 48, or 96 over
    /// IPv6. Measured: `stun` behind a strict NAT asks 18 times (504 bytes), `turnutils_natdiscovery -m -f` up to 6
    /// times (272, or 552 over IPv6). Starved of one attribute they judge wrongly, so somebody who asks again and
    /// again, or a household, must not run dry: 15 runs at once, and then one a second.
    BucketSize allowance_per_address{.burst = 8192, .per_second = 512};
    /// Bytes. Half a Mbit/s is what the whole internet can make us send uncalled for.
    BucketSize allowance_for_all{.burst = 65536, .per_second = 65536};
    std::size_t most_addresses = 65536;  ///< accounts kept, about 9 MB when full
    Duration cookie_epoch = std::chrono::seconds{60};
    std::string software{};           ///< SOFTWARE, sent where the request pays for it; empty for none
    std::size_t most_padding = 1500;  ///< bytes of PADDING: one Ethernet frame is past every fragment limit (§7.6)
  };
  /// The alternates of a listener as indexes into Config::listeners.
  struct Alternates {
    std::optional<std::size_t> port;
    std::optional<std::size_t> address;
    std::optional<std::size_t> both;
    /// Whether RFC 5780 §6 lets this listener announce OTHER-ADDRESS.
    [[nodiscard]] bool is_complete() const { return both.has_value(); }
  };

  Responder(Config config, Rng& rng);
  void start(Instant) {}
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant) {}
  /// `local` of what comes out is set to the address the answer must leave from.
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return std::nullopt; }  // NOLINT(*-to-static): SansIo

  [[nodiscard]] const ResponderCounters& counters() const { return counters_; }
  /// What proves an address here proves it to whoever stands beside this machine, too.
  [[nodiscard]] const AddressCookies& cookies() const { return cookies_; }
  /// What the listener of this index can and cannot do.
  [[nodiscard]] const Alternates& alternates(std::size_t listener) const { return alternates_[listener]; }

 private:
  using Outcome = std::uint64_t ResponderCounters::*;
  struct Question;
  struct Problem {
    std::uint16_t code = 0;
    AttributeTypes unknown;
  };

  [[nodiscard]] std::optional<std::size_t> find_listener(const Datagram& in) const;
  [[nodiscard]] bool is_forbidden(const Endpoint& peer, const Datagram& in) const;
  [[nodiscard]] Endpoint origin(std::size_t listener, const Datagram& in) const;
  [[nodiscard]] std::optional<std::size_t> answering(const Question& question) const;
  [[nodiscard]] std::optional<Problem> find_problem(const Question& question) const;
  [[nodiscard]] Budget plain_budget(const Question& question);

  [[nodiscard]] Outcome serve(Instant now, const Datagram& in);
  [[nodiscard]] Outcome answer(const Question& question);
  [[nodiscard]] Outcome answer_with_receipt(const Question& question);
  [[nodiscard]] Outcome refuse(const Question& question, const Problem& problem);
  [[nodiscard]] std::optional<Bytes> write_success(const Question& question, const Budget& budget) const;
  [[nodiscard]] std::optional<Bytes> write_receipt(const Question& question, const Budget& budget) const;
  void pay(const Question& question, std::size_t sent);
  void send(const Question& question, std::size_t listener, std::uint16_t port, Bytes payload);

  Config config_;
  std::vector<Alternates> alternates_;
  AddressAccounts accounts_;
  AddressCookies cookies_;
  TokenBucket allowance_for_all_;
  std::deque<Datagram> out_;
  ResponderCounters counters_;
};
static_assert(SansIo<Responder>);
}  // namespace natkit::stun
