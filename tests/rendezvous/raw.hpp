#pragma once
// A server spoken to line by line, as a stranger would.
#include <map>
#include <string>
#include <vector>

#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/store.hpp"

namespace natkit::test {
using namespace std::chrono_literals;
using namespace natkit::rendezvous;

class RawServer {
 public:
  explicit RawServer(const Server::Config& config = {}) : server{config, store, rng} {}

  /// Everything that this says to `port`'s client, and what it is told.
  std::vector<Message> say(std::uint16_t port, std::string_view text) {
    const auto bytes = as_bytes(text);
    auto in = datagram(port);
    in.payload.assign(bytes.begin(), bytes.end());
    server.handle_datagram(now, in);
    collect();
    return take(port);
  }
  std::vector<Message> say(std::uint16_t port, const Message& message) { return say(port, write_message(message)); }
  std::vector<Message> enter(std::uint16_t port, const std::string& id, const std::string& token) {
    return say(port, write_message(Hello{}) + write_message(Register{.id = id, .token = token}));
  }
  std::vector<Message> pass(std::uint16_t port, Duration time) {
    const auto end = now + time;
    for (auto due = server.poll_timeout(); due && *due <= end; due = server.poll_timeout()) {
      now = std::max(now, *due);
      server.handle_timeout(now);
      collect();
    }
    now = end;
    return take(port);
  }
  void hang_up(std::uint16_t port) {
    server.handle_send_failure(now, datagram(port), "closed");
    collect();
  }
  [[nodiscard]] bool has_ended(std::uint16_t port) const { return ended_.contains(port); }
  std::vector<Message> take(std::uint16_t port) { return std::exchange(heard_[port], {}); }

  [[nodiscard]] static Datagram datagram(std::uint16_t port) {
    return {.socket = SocketId{1},
            .protocol = Protocol::tcp,
            .local = *parse_endpoint("192.0.2.1:3478"),
            .remote = {IpAddress::v4(0xC6336401U), port}};
  }

  MemoryStore store;
  SeededRng rng{1};
  Server server;
  Instant now{1h};

 private:
  void collect() {
    while (auto out = server.poll_transmit()) {
      auto line = as_text(out->payload);
      line.remove_suffix(1);
      heard_[out->remote.port].push_back(parse_message(line).value());
    }
    while (auto change = server.poll_socket()) ++ended_[std::get<ConnectionEnd>(*change).remote.port];
  }
  std::map<std::uint16_t, std::vector<Message>> heard_;
  std::map<std::uint16_t, int> ended_;
};

template <class T>
std::optional<T> find(const std::vector<Message>& messages) {
  for (const auto& message : messages)
    if (const auto* wanted = std::get_if<T>(&message)) return *wanted;
  return std::nullopt;
}
}  // namespace natkit::test
