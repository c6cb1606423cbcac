// A sequence of datagrams, from forged and from proven sources, into the responder: whatever they are, it sends to the
// asking address only, pays by the rules of responder.hpp, and never answers an answer.
//
// An input is a row of records:
//   | who (1) | how (1) | length (1) | payload … |
//   who: bits 0-1 source host, 2-4 listener, 5 TCP, 6 echo the last cookie, 7 from the server's own address
//   how: bits 0-4 time since the record before, in 10 ms; 5 end with a right FINGERPRINT, 6 as RFC 3489 does,
//        7 the payload is the attributes alone, to be framed as a Binding request: then a changed byte is not junk
#include <array>
#include <chrono>
#include <map>
#include <optional>

#include "fuzz/fuzz.hpp"
#include "natkit/crypto/crc32.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/receipt.hpp"
#include "natkit/stun/responder.hpp"

using namespace natkit;
using namespace natkit::stun;
using fuzz::must_hold;

namespace {
Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }

Responder::Config config() {
  Responder::Config config{.requests_per_address = {.burst = 1000, .per_second = 1000}, .software = "fuzzed"};
  const std::array places{"192.0.2.1:3478",       "192.0.2.1:3479",       "198.51.100.1:3478",
                          "198.51.100.1:3479",    "[2001:db8:a::1]:3478", "[2001:db8:a::1]:3479",
                          "[2001:db8:b::1]:3478", "[2001:db8:b::1]:3479"};
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
      config.listeners.push_back({.socket = SocketId{i}, .endpoint = endpoint(places[i]), .protocol = protocol});
    }
  }
  return config;
}

const Responder::Config& shared_config() {  // made once: reading addresses would be most of the work otherwise
  static const auto made = config();
  return made;
}

struct Account {
  std::size_t received = 0;
  std::size_t sent = 0;
};

class World {
 public:
  void step(std::uint8_t who, std::uint8_t how, ByteView payload) {
    now_ += std::chrono::milliseconds{10} * (how & 0x1FU);
    Datagram in{.socket = SocketId{who >> 2U & 7U},
                .protocol = (who & 0x20U) != 0 ? Protocol::tcp : Protocol::udp,
                .remote = source(who),
                .payload = (how & 0x80U) != 0 ? framed(payload, how) : Bytes(payload.begin(), payload.end())};
    const bool has_cookie = (who & 0x40U) != 0 && append_cookie(in);
    if ((how & 0x20U) != 0) append_fingerprint(in);
    const auto answers = ask(in);
    const bool is_proven = has_cookie || in.protocol == Protocol::tcp;
    check(in, answers, is_proven);
  }

  void finish() {
    const auto& c = responder_.counters();
    must_hold(c.answered + c.refused + c.unknown_socket + c.forbidden_peer + c.not_stun + c.not_a_request +
                  c.bad_fingerprint + c.rate_limited + c.over_budget ==
              asked_);
  }

 private:
  static Endpoint source(std::uint8_t who) {
    const auto host = static_cast<std::uint8_t>(who & 3U);
    const bool is_v6 = (who & 0x10U) != 0;
    if ((who & 0x80U) != 0) return endpoint(is_v6 ? "[2001:db8:a::1]:50000" : "192.0.2.1:50000");
    if (!is_v6) return {IpAddress::v4(0xCB007100U + host), 40000};
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8, 0, 0x0c, 0, host};
    return {IpAddress::v6(bytes), 40000};
  }

  std::vector<Datagram> ask(const Datagram& in) {
    ++asked_;
    responder_.handle_datagram(now_, in);
    std::vector<Datagram> answers;
    while (auto out = responder_.poll_transmit()) answers.push_back(std::move(*out));
    return answers;
  }

  static Bytes framed(ByteView attributes, std::uint8_t how) {
    MessageWriter header{MessageClass::request, Method::binding, {}, (how & 0x40U) != 0 ? 0x01020304 : magic_cookie};
    auto bytes = header.finish();
    bytes.insert(bytes.end(), attributes.begin(), attributes.end());
    bytes.resize((bytes.size() + 3) / 4 * 4);
    ByteWriter{bytes}.patch_u16(2, static_cast<std::uint16_t>(bytes.size() - header_bytes));
    return bytes;
  }

  bool append_cookie(Datagram& in) {
    const auto found = cookies_.find(in.remote.address);
    if (found == cookies_.end()) return false;
    return append(in, AttributeType::natkit_cookie, found->second);
  }

  static void append_fingerprint(Datagram& in) {
    if (!append(in, AttributeType::fingerprint, Bytes(4))) return;
    const auto size = in.payload.size() - 4;
    const auto crc = crypto::crc32({ByteView{in.payload}.first(size - 4)}) ^ 0x5354554EU;
    in.payload.resize(size);
    ByteWriter{in.payload}.write_u32(crc);
  }

  static bool append(Datagram& in, AttributeType type, ByteView value) {
    if (!parse_message(in.payload)) return false;
    ByteWriter writer{in.payload};
    writer.write_u16(static_cast<std::uint16_t>(type));
    writer.write_u16(static_cast<std::uint16_t>(value.size()));
    writer.write_bytes(value);
    writer.patch_u16(2, static_cast<std::uint16_t>(in.payload.size() - header_bytes));
    return true;
  }

  void check(const Datagram& in, const std::vector<Datagram>& answers, bool is_proven) {
    const auto request = parse_message(in.payload);
    std::size_t sent = 0;
    bool pays_for_all =
        request && (request->find(AttributeType::padding) || request->find(AttributeType::response_port));
    must_hold(answers.size() <= 2);
    for (const auto& answer : answers) {
      must_hold(request && request->message_class() == MessageClass::request && request->method() == Method::binding);
      must_hold(answer.remote.address == in.remote.address && answer.remote.port != 0);
      must_hold(answer.protocol == in.protocol);
      sent += answer.payload.size();
      const auto message = parse_message(answer.payload);
      must_hold(message.has_value());
      must_hold(message->message_class() == MessageClass::success || message->message_class() == MessageClass::error);
      must_hold(message->transaction_id() == request->transaction_id() && message->cookie() == request->cookie());
      must_hold(verify_fingerprint(*message) != Integrity::wrong);
      if (receipt(*message)) pays_for_all = true;
      if (const auto issued = cookie(*message)) cookies_[in.remote.address] = *issued;
      Datagram back{.socket = in.socket, .protocol = in.protocol, .remote = in.remote, .payload = answer.payload};
      must_hold(ask(back).empty());
    }
    if (is_proven) {
      must_hold(sent <= in.payload.size() + 400);
      return;
    }
    if (pays_for_all) must_hold(sent <= in.payload.size());
    auto& account = accounts_[in.remote.address];
    account.received += in.payload.size();
    account.sent += sent;
    const auto& allowance = Responder::Config{}.allowance_per_address;
    const double seconds = std::chrono::duration<double>(now_.time_since_epoch()).count();
    must_hold(static_cast<double>(account.sent) <=
              static_cast<double>(account.received) + allowance.burst + allowance.per_second * seconds);
  }

  SeededRng rng_{1};
  Responder responder_{shared_config(), rng_};
  Instant now_{};
  std::uint64_t asked_ = 0;
  std::map<IpAddress, AddressCookie> cookies_;
  std::map<IpAddress, Account> accounts_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  for (ByteReader reader{{data, size}}; reader.remaining() >= 3;) {
    const auto who = *reader.read_u8();
    const auto how = *reader.read_u8();
    const std::size_t length = *reader.read_u8();
    world.step(who, how, *reader.read_bytes(std::min(length, reader.remaining())));
  }
  world.finish();
  return 0;
}
