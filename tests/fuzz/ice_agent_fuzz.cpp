// An agent among strangers, and with a peer that may say anything: properly signed checks and answers with any fields,
// raw bytes, candidates, restarts, and time that passes. It must stay bounded and send a bounded number of packets for
// each input; and what no peer has signed must not make it connect.
#include <deque>

#include "fuzz/fuzz.hpp"
#include "natkit/ice/agent.hpp"

using namespace natkit;
using namespace natkit::ice;
using fuzz::must_hold;

namespace {
class Play {
 public:
  Play(ByteView script, Role role) : script_(script), agent_(config(role), rng_) {
    const Endpoint own{IpAddress::v4(0x0A000001), 5000};
    agent_.add_local(now_, {.candidate = make_candidate(Kind::host, Transport::udp, own, {.base = own})});
    agent_.add_local(now_, {.candidate = make_candidate(Kind::host, Transport::udp, own, {.base = own}),
                            .base = SocketId{1},
                            .manner = Manner::opens});
  }
  void run() {
    while (const auto step = script_.read_u8()) {
      perform(*step);
      drain();
      must_hold(agent_.pairs().size() <= CheckList::most_pairs);
      must_hold(agent_.path_errors().size() <= 16);
      if (agent_.state() == Agent::State::completed || agent_.state() == Agent::State::connected)
        must_hold(has_answered_ && agent_.path().has_value());
    }
  }

 private:
  Agent::Config config(Role role) { return {.role = role, .local = make_credentials(rng_)}; }
  [[nodiscard]] std::uint8_t byte() { return script_.read_u8().value_or(0); }
  [[nodiscard]] Endpoint place() {
    const auto where = byte();
    return {IpAddress::v4(0xC6336400U + (where & 7U)), static_cast<std::uint16_t>(1 + (where >> 3U))};
  }
  void receive(Bytes payload) {
    const auto socket = SocketId{byte() & 1U};
    const Datagram in{.socket = socket, .remote = place(), .payload = std::move(payload)};
    agent_.set_cargo(agent_.cargo_in(in));
    agent_.handle_datagram(now_, in);
  }
  void perform(std::uint8_t step) {
    switch (step & 7U) {
      case 0: {
        const auto count = std::min<std::size_t>(byte(), script_.remaining());
        const auto raw = *script_.read_bytes(count);
        return receive(Bytes(raw.begin(), raw.end()));
      }
      case 1: {
        Check check{.role = step & 8U ? Role::controlling : Role::controlled,
                    .tie_breaker = byte() * 0x0101010101010101ULL,
                    .priority = byte() * 0x10101U + 1,
                    .dialect = step & 16U ? Dialect::natkit : Dialect::rfc};
        if (step & 32U) check.nomination = byte();
        const Bytes cargo(step & 64U ? byte() * std::size_t{5} : 0);
        return receive(write_check(stun::make_transaction_id(rng_), check, peer_, agent_.credentials(), cargo));
      }
      case 2:
        return answer(step & 8U ? 487 : step & 16U ? 400 : 0);
      case 3:
        now_ += std::chrono::milliseconds{1U << (byte() & 15U)};
        return agent_.handle_timeout(now_);
      case 4:
        return agent_.add_remote(
            now_, make_candidate(static_cast<Kind>(byte() % 5), Transport::udp, place(), {.base = place()}));
      case 5:
        if (!is_known_) agent_.set_remote(now_, peer_, step & 8U ? Dialect::natkit : Dialect::rfc);
        is_known_ = true;
        return;
      case 6:
        return agent_.start(now_);
      default:
        if (step & 8U) return agent_.remove_base(now_, SocketId{byte() & 1U});
        if (!(step & 16U)) return;
        agent_.restart(now_, make_credentials(rng_));
        asked_.clear();
        is_known_ = false;
    }
  }
  void answer(std::uint16_t error) {
    if (asked_.empty()) return;
    const auto check = asked_[byte() % asked_.size()];
    const auto message = *stun::parse_message(check.payload);
    has_answered_ = true;
    agent_.handle_datagram(now_,
                           {.socket = check.socket,
                            .remote = check.remote,
                            .payload = error == 0 ? write_success(message.transaction_id(), place(), peer_.password)
                                                  : write_error(message, error, peer_.password)});
  }
  void drain() {
    std::size_t count = 0;
    while (auto out = agent_.poll_transmit()) {
      must_hold(++count <= 1000);
      const auto message = stun::parse_message(out->payload);
      must_hold(message.has_value());
      if (message->message_class() == stun::MessageClass::request) asked_.push_back(std::move(*out));
      if (asked_.size() > 64) asked_.pop_front();
    }
    while (agent_.poll_event()) must_hold(++count <= 2000);
  }

  ByteReader script_;
  SeededRng rng_{1};
  Instant now_{std::chrono::hours{1}};
  Credentials peer_{.ufrag = "peer", .password = "0123456789012345678901"};
  Agent agent_;
  std::deque<Datagram> asked_;
  bool is_known_ = false;
  bool has_answered_ = false;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Play play{{data + 1, size - 1}, data[0] & 1U ? Role::controlling : Role::controlled};
  play.run();
  return 0;
}
