#include "channel/pair.hpp"

#include <algorithm>
#include <utility>

namespace natkit::test {
namespace {
channel::Channel::Config with_role(channel::Channel::Config config, channel::Role role) {
  config.role = role;
  return config;
}
}  // namespace

Bytes pattern(std::size_t size, std::uint8_t seed) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((i * 131 + (i >> 8) * 29 + seed) & 0xFF);
  return out;
}

Pair::Pair(Line line, std::uint64_t seed, Config config, std::optional<Config> of_server)
    : client{.channel = {with_role(config, channel::Role::client), identity_of("client")}},
      server{.channel = {with_role(of_server.value_or(config), channel::Role::server), identity_of("server")}},
      to_server(line),
      to_client(line),
      rng_(seed) {
  set_virtual_time(now_);
}

void Pair::start() {
  start_one(server);
  start_one(client);
}

void Pair::start_one(End& end) {
  end.channel.start(now_, identity_of(&end == &client ? "server" : "client").fingerprint());
  drain(end);
}

void Pair::drain(End& end) {
  while (end.is_reading) {
    auto event = end.channel.poll_event();
    if (!event) break;
    if (auto* message = std::get_if<channel::Message>(&*event)) {
      if (!end.first_message) end.first_message = now_;
      end.messages.push_back(std::move(*message));
    } else if (auto* opened = std::get_if<channel::StreamOpened>(&*event)) {
      end.opened.push_back(std::move(*opened));
    } else if (auto* gone = std::get_if<channel::StreamClosed>(&*event)) {
      end.closed_streams.push_back(gone->stream);
    } else if (auto* secured = std::get_if<channel::Secured>(&*event)) {
      end.secured = now_;
      end.round_trip = secured->round_trip;
    } else if (auto* closed = std::get_if<channel::Closed>(&*event)) {
      end.closed = std::move(*closed);
      end.closed_at = now_;
    } else {
      ++end.writable_again;
    }
  }
  while (auto datagram = end.channel.poll_transmit()) {
    ++end.datagrams_sent;
    end.bytes_sent += datagram->size();
    end.largest_datagram = std::max(end.largest_datagram, datagram->size());
    put_on_line(other(end), std::move(*datagram));
  }
}

void Pair::put_on_line(End& to, Bytes datagram) {
  const auto& line = &to == &server ? to_server : to_client;
  if (meddle && !meddle(to, datagram)) return;
  if (rng_.chance(line.loss)) return;
  auto leaves = now_;
  if (line.bytes_per_second > 0) {
    auto& free_at = line_free_[&to];
    const auto waiting = std::chrono::duration<double>(std::max(free_at, now_) - now_).count() * line.bytes_per_second;
    if (waiting > static_cast<double>(line.queue_bytes)) return;
    free_at = std::max(free_at, now_) + from_ms(1000 * static_cast<double>(datagram.size()) / line.bytes_per_second);
    leaves = free_at;
  }
  const int copies = rng_.chance(line.doubling) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const auto jitter =
        line.jitter.count() > 0
            ? Duration{static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(line.jitter.count())))}
            : 0ns;
    in_flight_.emplace(leaves + line.delay + jitter, InFlight{&to, datagram});
  }
}

void Pair::inject(End& to, Bytes datagram) { in_flight_.emplace(now_, InFlight{&to, std::move(datagram)}); }

bool Pair::advance(Instant limit) {
  drain(client);
  drain(server);
  auto next = in_flight_.empty() ? Instant::max() : in_flight_.begin()->first;
  for (const auto* end : {&client, &server}) {
    next = std::min(next, end->channel.poll_timeout().value_or(Instant::max()));
  }
  if (next > limit || next == Instant::max()) {
    now_ = std::max(now_, limit);
    set_virtual_time(now_);
    return false;
  }
  now_ = std::max(now_, next);
  set_virtual_time(now_);
  for (auto* end : {&client, &server}) {
    if (end->channel.poll_timeout().value_or(Instant::max()) <= now_) end->channel.handle_timeout(now_);
  }
  while (!in_flight_.empty() && in_flight_.begin()->first <= now_) {
    auto arrived = std::move(in_flight_.extract(in_flight_.begin()).mapped());
    arrived.to->channel.handle_datagram(now_, arrived.datagram);
    drain(*arrived.to);
  }
  drain(client);
  drain(server);
  return true;
}

bool Pair::run_until(const std::function<bool()>& done, Duration limit) {
  const auto end = now_ + limit;
  while (!done()) {
    if (!advance(end)) return done();
  }
  return true;
}

void Pair::run_for(Duration duration) {
  const auto end = now_ + duration;
  while (advance(end)) {
  }
}

void Pair::connect() {
  for (auto* end : {&client, &server}) (void)end->channel.open_agreed_stream(bulk, {.label = "bulk"});
  start();
  (void)run_until([&] { return client.secured && server.secured; });
}

std::expected<void, channel::SendError> Pair::send(End& from, ByteView payload, channel::StreamId stream) {
  auto sent = from.channel.send(now_, stream, channel::MessageKind::binary, payload);
  drain(from);
  return sent;
}
}  // namespace natkit::test
