// Two channels in one process, nothing between them: what a message costs, both ends together, and how many fit into a
// second. Prints one line of JSON for each size.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "natkit/channel/channel.hpp"

using namespace natkit;
using namespace natkit::channel;
using namespace std::chrono_literals;

namespace {
constexpr StreamId stream{0};
constexpr auto duration = 3s;

Instant now() { return Instant{std::chrono::steady_clock::now().time_since_epoch()}; }

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Count {
  std::size_t messages = 0;
  std::size_t bytes = 0;
};

/// Moves all that one says to the other; true if it said anything.
bool move(Channel& from, Channel& to) {
  bool has_moved = false;
  while (const auto datagram = from.poll_transmit()) {
    to.handle_datagram(now(), *datagram);
    has_moved = true;
  }
  return has_moved;
}

void take(Channel& channel, Count& count, bool& is_secured) {
  while (const auto event = channel.poll_event()) {
    if (const auto* message = std::get_if<Message>(&*event)) {
      ++count.messages;
      count.bytes += message->payload.size();
    }
    is_secured |= std::holds_alternative<Secured>(*event);
  }
}

struct Bench {
  StreamOptions options;
  std::size_t message_bytes;
  std::size_t mtu;
};

void run(std::string_view name, const Bench& bench) {
  const auto one = crypto::Identity::make(), other = crypto::Identity::make();
  Channel client{{.role = Role::client, .mtu = bench.mtu}, one};
  Channel server{{.role = Role::server, .mtu = bench.mtu}, other};
  for (auto* end : {&client, &server}) (void)end->open_agreed_stream(stream, bench.options);
  server.start(now(), one.fingerprint());
  client.start(now(), other.fingerprint());

  const Bytes payload(bench.message_bytes, 0x5A);
  Count sent, received, none;
  bool is_client_secured = false, is_server_secured = false, is_settled = false;
  auto began = now();
  auto cpu = cpu_seconds();
  while (now() - began < duration) {
    if (is_client_secured && is_server_secured) {
      if (!is_settled) {
        is_settled = true;
        began = now();
        cpu = cpu_seconds();
        received = {};
      }
      while (client.send(now(), stream, MessageKind::binary, payload)) ++sent.messages;
    }
    bool has_moved = move(client, server);
    take(server, received, is_server_secured);
    has_moved |= move(server, client);
    take(client, none, is_client_secured);
    if (has_moved) continue;
    for (auto* end : {&client, &server}) {
      if (end->poll_timeout().value_or(Instant::max()) <= now()) end->handle_timeout(now());
    }
  }
  const auto seconds = std::chrono::duration<double>(now() - began).count();
  const auto used = cpu_seconds() - cpu;
  const auto messages = static_cast<double>(received.messages);
  std::printf(
      R"({"case": "%.*s", "message_bytes": %zu, "mtu": %zu, "messages_per_second": %.0f, "megabits_per_second": %.0f, "cpu_us_per_message": %.2f})"
      "\n",
      static_cast<int>(name.size()), name.data(), bench.message_bytes, bench.mtu, messages / seconds,
      8e-6 * static_cast<double>(received.bytes) / seconds, 1e6 * used / messages);
  std::fflush(stdout);
}
}  // namespace

int main() {
  const StreamOptions reliable{.label = "bench"};
  const StreamOptions unreliable{.label = "bench", .ordering = Ordering::unordered, .delivery = MostRepeats{0}};
  run("reliable", {reliable, 100, 1200});
  run("reliable", {reliable, 1024, 1200});
  run("reliable", {reliable, 16384, 1200});
  run("reliable", {reliable, 65536, 1200});
  run("reliable", {reliable, 65536, 1452});
  run("unreliable", {unreliable, 1024, 1200});
}
