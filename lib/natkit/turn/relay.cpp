#include "natkit/turn/relay.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/relay_question.hpp"

namespace natkit::turn {
namespace {
constexpr unsigned most_tries = 8;  // other programs may sit on ports of the range

std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  state ^= word;  // the steps of splitmix64 (Steele et al. 2014); keyed, so that nobody can aim at one bucket
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31U);
}

std::uint64_t mix(std::uint64_t state, const IpAddress& address) {
  ByteReader reader{address.bytes()};
  while (const auto word = reader.read_u32()) state = mix(state, *word);
  return state;
}

template <class Map, class Key>
void take_one_off(Map& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}
}  // namespace

IpAddress Relay::household(const IpAddress& address) {
  if (address.is_v4()) return address;
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes().first(8), bytes.begin());
  return IpAddress::v6(bytes);
}

std::size_t Relay::KeyedHash::operator()(const ClientPath& path) const noexcept {
  auto state = mix(key, path.remote.address);
  state = mix(state, path.local.address);
  const auto ports = std::uint64_t{path.remote.port} << 16U | path.local.port;
  const auto socket = std::uint64_t{static_cast<std::uint32_t>(path.socket)} << 1U |
                      static_cast<std::uint64_t>(path.protocol == Protocol::tcp);
  return mix(mix(state, ports), socket);
}

Relay::Relay(Config config, Rng& rng)
    : config_(std::move(config)), rng_(rng), gate_(config_.gate, rng), by_client_(0, KeyedHash{rng.next()}) {
  assert(config_.first_port != 0 && config_.first_port <= config_.last_port);
}

// ---- what comes in

bool Relay::wants(const Datagram& in) const {
  if (by_socket_.contains(in.socket)) return true;
  const auto& payload = in.payload;
  if (payload.size() < 2) return false;
  const auto type = static_cast<std::uint16_t>(payload[0] << 8U | payload[1]);
  if (is_channel_of_any_time(type)) return true;
  constexpr unsigned class_bits = 0x0110;  // RFC 8489 §5; what is left is the method
  return type < 0x4000 && (type & ~class_bits) != static_cast<unsigned>(stun::Method::binding);
}

bool Relay::needs_connection(SocketId listener, const Endpoint& local, const Endpoint& remote) const {
  return by_client_.contains(ClientPath{listener, Protocol::tcp, local, remote});
}

Allocation* Relay::find(const Datagram& in) {
  const auto found = by_client_.find(ClientPath{in.socket, in.protocol, in.local, in.remote});
  return found == by_client_.end() ? nullptr : found->second.get();
}

void Relay::handle_datagram(Instant now, const Datagram& in) {
  if (const auto place = by_socket_.find(in.socket); place != by_socket_.end())
    return from_peer(now, place->second, in.remote, in.payload);
  if (!in.payload.empty() && in.payload.front() >= 0x40) return handle_channel_data(now, in);
  const auto message = stun::parse_message(in.payload);
  if (!message || message->is_classic() || in.remote.port == 0) {
    ++counters_.unanswered;
    return;
  }
  if (message->message_class() == stun::MessageClass::indication) return handle_send_indication(now, in, *message);
  if (message->message_class() == stun::MessageClass::request) return handle_request(now, in, *message);
  ++counters_.unanswered;
}

void Relay::handle_send_failure(Instant, const Datagram& lost, std::string_view) {
  if (lost.protocol != Protocol::tcp) return;  // a datagram that the system does not take is lost like any other
  if (auto* allocation = find(lost)) remove(*allocation);
}

// ---- sockets

const Relay::Address* Relay::address_of(Family family) const {
  const auto found =
      std::ranges::find_if(config_.addresses, [&](const auto& address) { return address.local.family() == family; });
  return found == config_.addresses.end() ? nullptr : &*found;
}

bool Relay::is_own(const IpAddress& peer) const {
  const auto address = where_it_comes_out(peer);
  const bool is_relayed = std::ranges::any_of(
      config_.addresses, [&](const auto& a) { return a.local == address || a.announced == address; });
  // Loopback is opened by name, for tests, and then there is nothing else to speak to than this machine.
  return (is_relayed || std::ranges::find(config_.own, address) != config_.own.end()) && !address.is_loopback();
}

std::optional<std::uint16_t> Relay::draw_port(Family family, RelayedSocket::Port wanted) {
  // At random, so that nobody can tell the next one (RFC 8656 §7.2, RFC 6056); where that port is taken, the next free.
  auto& in_use = ports_in_use_.at(static_cast<std::size_t>(family));
  const std::size_t count = std::size_t{config_.last_port} - config_.first_port + 1;
  const auto start = rng_.below(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto port = static_cast<std::uint16_t>(config_.first_port + (start + i) % count);
    if (in_use.test(port) || (wanted == RelayedSocket::Port::even && port % 2 != 0)) continue;
    in_use.set(port);
    return port;
  }
  return std::nullopt;
}

void Relay::open_socket(Allocation& allocation, Family family) {
  auto& socket = allocation.socket_of(family);
  const auto* address = address_of(family);
  const auto port = address != nullptr && socket.tries++ < most_tries ? draw_port(family, socket.port) : std::nullopt;
  if (!port) {
    socket.state = RelayedSocket::State::failed;
    return;
  }
  const auto first = static_cast<std::uint32_t>(config_.first_socket);
  do {
    socket.socket = SocketId{first + sockets_made_++ % 0x3FFF'FFFFU};
  } while (by_socket_.contains(socket.socket));
  socket.state = RelayedSocket::State::opening;
  socket.announced = {address->announced, *port};
  by_socket_[socket.socket] = {&allocation, family};
  changes_.emplace_back(SocketWish{.socket = socket.socket, .local = {address->local, *port}});
}

void Relay::close_socket(RelayedSocket& socket, Family family) {
  if (socket.state != RelayedSocket::State::open && socket.state != RelayedSocket::State::opening) return;
  ports_in_use_.at(static_cast<std::size_t>(family)).reset(socket.announced.port);
  by_socket_.erase(socket.socket);
  by_relayed_.erase(socket.announced);
  changes_.emplace_back(SocketEnd{socket.socket});
  socket.state = RelayedSocket::State::failed;
}

void Relay::handle_socket_opened(Instant, SocketId socket, const Endpoint&) {
  const auto found = by_socket_.find(socket);
  if (found == by_socket_.end()) return;
  const auto [allocation, family] = found->second;
  auto& opened = allocation->socket_of(family);
  opened.state = RelayedSocket::State::open;
  by_relayed_[opened.announced] = found->second;
  answer_allocate(*allocation);
}

void Relay::handle_socket_failure(Instant, SocketId socket, std::string_view) {
  const auto found = by_socket_.find(socket);
  if (found == by_socket_.end()) return;
  const auto [allocation, family] = found->second;
  auto& failed = allocation->socket_of(family);
  ports_in_use_.at(static_cast<std::size_t>(family)).reset(failed.announced.port);
  by_socket_.erase(found);
  open_socket(*allocation, family);
  answer_allocate(*allocation);
}

// ---- time

void Relay::set_end(Allocation& allocation, Instant end) {
  const auto serial = allocation.serial;
  by_end_.erase({allocation.end, serial, &allocation});
  allocation.end = end;
  by_end_.insert({end, serial, &allocation});
}

void Relay::remove(Allocation& allocation) {
  by_end_.erase({allocation.end, allocation.serial, &allocation});
  for (const auto family : {Family::ipv4, Family::ipv6}) close_socket(allocation.socket_of(family), family);
  take_one_off(per_account_, allocation.account);
  take_one_off(per_household_, household(allocation.client.remote.address));
  const auto path = allocation.client;
  by_client_.erase(path);
}

void Relay::handle_timeout(Instant now) {
  while (!by_end_.empty() && by_end_.begin()->when <= now) remove(*by_end_.begin()->allocation);
}

std::optional<Instant> Relay::poll_timeout() const {
  if (by_end_.empty()) return std::nullopt;
  return by_end_.begin()->when;
}

// ---- outputs

void Relay::transmit(const ClientPath& path, Bytes payload) {
  out_.push_back({.socket = path.socket,
                  .protocol = path.protocol,
                  .local = path.local,
                  .remote = path.remote,
                  .payload = std::move(payload)});
}

std::optional<SocketChange> Relay::poll_socket() {
  if (changes_.empty()) return std::nullopt;
  auto next = std::move(changes_.front());
  changes_.pop_front();
  return next;
}

std::optional<Datagram> Relay::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}
}  // namespace natkit::turn
