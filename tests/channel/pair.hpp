#pragma once
// Two channels and the line between them, in virtual time. The line delays, loses, doubles and swaps datagrams as told,
// by a seed, so that what fails can be run again.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/identities.hpp"
#include "channel/virtual_time.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/channel/channel.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

/// One direction.
struct Line {
  Duration delay = 0ms;
  Duration jitter = 0ms;  ///< uniform on top of the delay; more than the distance of two datagrams swaps them
  double loss = 0;
  double doubling = 0;
  double bytes_per_second = 0;        ///< 0: no limit
  std::size_t queue_bytes = 1 << 18;  ///< in front of a limited line; what does not fit is lost
};

/// A channel with all that it has said.
struct End {
  channel::Channel channel;
  std::vector<channel::Message> messages{};
  std::vector<channel::StreamOpened> opened{};
  std::vector<channel::StreamId> closed_streams{};
  std::optional<Instant> secured{};
  std::optional<Duration> round_trip{};
  std::optional<Instant> first_message{};
  std::optional<channel::Closed> closed{};
  std::optional<Instant> closed_at{};
  std::size_t writable_again = 0;
  std::size_t datagrams_sent = 0;
  std::size_t largest_datagram = 0;
  std::size_t bytes_sent = 0;
  bool is_reading = true;
};

class Pair {
 public:
  using Config = channel::Channel::Config;
  explicit Pair(Line line = {}, std::uint64_t seed = 1, Config config = {}, std::optional<Config> of_server = {});

  End client;
  End server;
  Line to_server;
  Line to_client;
  /// May change a datagram, or say that it is not to arrive.
  std::function<bool(const End& to, Bytes& datagram)> meddle{};

  void start();
  void start_one(End& end);
  /// False when that did not happen in time. Looks after every event.
  bool run_until(const std::function<bool()>& done, Duration limit = 60s);
  void run_for(Duration duration);
  /// Started, secured, and one agreed reliable stream.
  void connect();
  /// Puts a datagram on the line as if the other end had sent it.
  void inject(End& to, Bytes datagram);
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Duration elapsed() const { return now_ - Instant{}; }
  Rng& rng() { return rng_; }

  static constexpr channel::StreamId bulk{0};
  std::expected<void, channel::SendError> send(End& from, ByteView payload, channel::StreamId stream = bulk);

 private:
  struct InFlight {
    End* to;
    Bytes datagram;
  };
  void drain(End& end);
  void put_on_line(End& to, Bytes datagram);
  /// Nothing left, or nothing before the limit: false.
  bool advance(Instant limit);
  [[nodiscard]] End& other(const End& end) { return &end == &client ? server : client; }

  SeededRng rng_;
  Instant now_{};
  std::multimap<Instant, InFlight> in_flight_;
  std::map<const End*, Instant> line_free_;
};

/// Bytes that are told apart wherever they are cut.
Bytes pattern(std::size_t size, std::uint8_t seed = 0);
}  // namespace natkit::test
