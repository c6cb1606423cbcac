// Any datagrams, from forged and from proven sources, into the service; any answers into the client. Whatever they are:
// nothing is sent to another address than the asking one, an unproven one causes no probe, everything is bounded, every
// check ends, and the client calls nothing open without its token or the server's word.
//
// An input is a row of records:
//   | who (1) | how (1) | length (1) | payload … |
//   who: bits 0-1 source host, 2 TCP, 3 echo a right cookie, 4 over IPv6, 5 to the client instead, 6 to the newest
//   socket how: bits 0-4 time since the record before, in 50 ms; 5 the payload is the attributes alone, to be framed; 6
//   the
//        newest socket fails or connects, by bit 7
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <system_error>

#include "fuzz/fuzz.hpp"
#include "natkit/portmap/outside_check.hpp"
#include "natkit/stun/receipt.hpp"
#include "natkit/stun/service.hpp"

using namespace natkit;
using namespace natkit::stun;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_at_once = 8;
constexpr std::size_t most_kept = 8;
Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }

Responder::Config listeners() {
  Responder::Config config;
  std::uint32_t socket = 0;
  for (const auto* place : {"192.0.2.1:3478", "192.0.2.1:3479", "198.51.100.1:3478", "198.51.100.1:3479"}) {
    config.listeners.push_back({.socket = SocketId{socket}, .endpoint = endpoint(place)});
    config.listeners.push_back({.socket = SocketId{socket++}, .endpoint = endpoint(place), .protocol = Protocol::tcp});
  }
  config.listeners.push_back({.socket = SocketId{socket}, .endpoint = endpoint("[2001:db8:a::1]:3478")});
  return config;
}

class World {
 public:
  World() { drain_service({}, Proof::none); }

  void step(std::uint8_t who, std::uint8_t how, ByteView payload) {
    now_ += std::chrono::milliseconds{50} * (how & 0x1FU);
    wake();
    Bytes bytes = (how & 0x20U) != 0 ? framed(payload) : Bytes(payload.begin(), payload.end());
    if ((who & 0x20U) != 0) return to_client(who, std::move(bytes));
    if ((how & 0x40U) != 0 && newest_) return disturb(how);
    Datagram in{.protocol = (who & 4U) != 0 ? Protocol::tcp : Protocol::udp, .remote = source(who)};
    if ((who & 0x10U) != 0) in.socket = SocketId{4};
    if ((who & 0x40U) != 0 && newest_) in.socket = *newest_;
    const bool has_cookie = (who & 8U) != 0 && append_cookie(bytes, in);
    in.payload = std::move(bytes);
    const auto proof = has_cookie || in.protocol == Protocol::tcp ? Proof::given : Proof::none;
    service_.handle_datagram(now_, in);
    drain_service(in, in.socket == newest_ ? Proof::given : proof);
  }

  void finish() {
    now_ += std::chrono::seconds{10};
    wake();
    must_hold(service_.checker()->running() == 0);
    must_hold(!service_.poll_timeout());
    for (int i = 0; i < 1000 && client_.poll_timeout(); ++i) {
      now_ = std::max(now_, *client_.poll_timeout());
      client_.handle_timeout(now_);
      drain_client();
    }
    must_hold(!client_.poll_timeout());
    for (const auto& result : client_.results()) {
      must_hold(!to_text(result).empty());
      // We listen: so only the token opens, which is a secret, though perhaps not from a fuzzer.
      must_hold(result.openness != portmap::Openness::open || result.reason == portmap::OutsideReason::token_arrived);
    }
  }

 private:
  enum class Proof { none, given };

  static Endpoint source(std::uint8_t who) {
    if ((who & 0x10U) != 0)
      return {IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0xc, 0, static_cast<std::uint8_t>(who & 3U)}), 40000};
    return {IpAddress::v4(0xCB007100U + (who & 3U)), 40000};
  }

  static Bytes framed(ByteView attributes) {
    auto bytes = MessageWriter{MessageClass::request, Method::binding, {}}.finish();
    bytes.insert(bytes.end(), attributes.begin(), attributes.end());
    bytes.resize((bytes.size() + 3) / 4 * 4);
    ByteWriter{bytes}.patch_u16(2, static_cast<std::uint16_t>(bytes.size() - header_bytes));
    return bytes;
  }

  bool append_cookie(Bytes& bytes, const Datagram& in) {
    if (!parse_message(bytes)) return false;
    MessageWriter writer{MessageClass::request, Method::binding, {}};
    add_receipt_request(writer, in.remote.address.family(), Fingerprint::none);
    service_.handle_datagram(
        now_,
        {.socket = SocketId{in.remote.address.is_v4() ? 0U : 4U}, .remote = in.remote, .payload = writer.finish()});
    std::optional<AddressCookie> issued;
    while (const auto out = service_.poll_transmit())
      if (const auto message = parse_message(out->payload); message && cookie(*message)) issued = cookie(*message);
    if (!issued) return false;
    ByteWriter writer_at_end{bytes};
    writer_at_end.write_u16(static_cast<std::uint16_t>(AttributeType::natkit_cookie));
    writer_at_end.write_u16(static_cast<std::uint16_t>(issued->size()));
    writer_at_end.write_bytes(*issued);
    writer_at_end.patch_u16(2, static_cast<std::uint16_t>(bytes.size() - header_bytes));
    return true;
  }

  void wake() {
    for (int i = 0; i < 1000 && service_.poll_timeout() && *service_.poll_timeout() <= now_; ++i) {
      service_.handle_timeout(now_);
      drain_service({}, Proof::given);
    }
    if (client_.poll_timeout() && *client_.poll_timeout() <= now_) client_.handle_timeout(now_);
    drain_client();
  }

  void disturb(std::uint8_t how) {
    if ((how & 0x80U) != 0)
      service_.handle_connected(now_, *newest_, source(0));
    else
      service_.handle_send_failure(now_, {.socket = *newest_, .protocol = Protocol::tcp, .remote = source(0)},
                                   std::make_error_code(std::errc::connection_refused).message());
    drain_service({}, Proof::given);
  }

  void drain_service(const Datagram& in, Proof proof) {
    while (const auto change = service_.poll_socket()) {
      if (const auto* wish = std::get_if<SocketWish>(&*change)) {
        must_hold(proof == Proof::given);
        must_hold(opened_.emplace(wish->socket, in.remote.address).second);
        newest_ = wish->socket;
        service_.handle_socket_opened(now_, wish->socket, {wish->local.address, 50000});
      } else {
        must_hold(opened_.erase(std::get<SocketEnd>(*change).socket) == 1);
      }
    }
    must_hold(opened_.size() <= most_at_once && service_.checker()->kept() <= most_kept);
    must_hold(opened_.size() == service_.checker()->running());
    while (const auto out = service_.poll_transmit()) {
      must_hold(out->remote.port != 0);
      if (const auto target = opened_.find(out->socket); target != opened_.end())
        must_hold(out->remote.address == target->second && out->payload.size() <= reach_request_bytes(Family::ipv4));
      else if (!in.payload.empty() && !opened_.contains(in.socket) && in.socket < SocketId{0x8000'0000U})
        must_hold(out->remote.address == in.remote.address);
    }
  }

  void to_client(std::uint8_t who, Bytes bytes) {
    client_.handle_datagram(now_, {.socket = SocketId{(who & 1U) != 0 ? 1U : 0U},
                                   .protocol = (who & 4U) != 0 ? Protocol::tcp : Protocol::udp,
                                   .remote = (who & 2U) != 0 ? endpoint("192.0.2.1:3478") : source(who),
                                   .payload = std::move(bytes)});
    drain_client();
  }

  void drain_client() {
    while (const auto change = client_.poll_socket())
      if (const auto* wish = std::get_if<SocketWish>(&*change))
        client_.handle_socket_opened(now_, wish->socket, wish->local);
    while (const auto out = client_.poll_transmit()) must_hold(out->remote == endpoint("192.0.2.1:3478"));
  }

  SeededRng rng_{1};
  Service service_{
      listeners(),
      ReachabilityChecker::Config{.most_at_once = most_at_once, .most_kept = most_kept, .most_addresses = 4}, rng_};
  portmap::OutsideCheck client_{
      {.servers = {endpoint("192.0.2.1:3478")}, .external_port = 4000, .internal = {endpoint("192.168.1.2:4000")}},
      rng_};
  Instant now_{std::chrono::hours{1}};
  std::map<SocketId, IpAddress> opened_;
  std::optional<SocketId> newest_;
  const bool is_started_ = (client_.start(now_), drain_client(), true);
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
