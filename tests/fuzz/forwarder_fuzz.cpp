// Whatever a peer says on the streams of a forwarder: any labels, any words, bytes nobody allowed it, in any order.
// Nothing is connected to, and nothing sent to, but what is permitted, and there are never more connections than are
// allowed.
#include <array>
#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include "fuzz/fuzz.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/link/forwarder.hpp"

using namespace natkit;
using namespace natkit::link;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_connections = 8;
const IpAddress home = IpAddress::v4(0x7F000001);

const crypto::Identity& us() {
  static const auto identity = crypto::Identity::make();
  return identity;
}

/// The fuzzer's bytes, taken one after the other; then zeros.
class Source {
 public:
  explicit Source(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return first;
  }
  Bytes take(std::size_t size) {
    const auto piece = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(piece.size());
    return {piece.begin(), piece.end()};
  }

 private:
  ByteView bytes_;
};

/// What hostile peers would say, so that the fuzzer need not find it letter by letter.
constexpr std::array<std::string_view, 8> labels{"tcp 127.0.0.1:80", "udp 127.0.0.1:80",
                                                 "tcp 127.0.0.1:81", "tcp localhost:80",
                                                 "udp [::1]:53",     "tcp ",
                                                 "x 127.0.0.1:80",   ""};
constexpr std::array<std::string_view, 8> words{"take 65536", "take 99999999999999999999", "take -1", "end",
                                                "reset",      "refused because",           "take",    "end end"};

/// The pipes and sockets of the serving side, as the forwarder wishes for them.
class Machine {
 public:
  explicit Machine(Forwarder& forwarder) : forwarder_(forwarder) {}

  void drain() {
    while (auto change = forwarder_.poll_pipe()) {
      must_hold(!std::holds_alternative<PipeListen>(*change));
      if (const auto* connect = std::get_if<PipeConnect>(&*change)) {
        must_hold(connect->remote == Endpoint{home, 80});
        connecting_.insert(connect->pipe);
      } else if (const auto* close = std::get_if<PipeClose>(&*change)) {
        connecting_.erase(close->pipe);
      }
    }
    while (const auto out = forwarder_.poll_transmit()) must_hold(out->remote == Endpoint{home, 80});
    while (forwarder_.poll_socket()) {
    }
    while (forwarder_.poll_event()) {
    }
    must_hold(forwarder_.connections() <= most_connections);
  }
  /// One of those that are being made stands.
  void open(Instant now, Link& link) {
    if (connecting_.empty()) return;
    const auto pipe = connecting_.extract(connecting_.begin()).value();
    forwarder_.handle_pipe_opened(now, link, pipe, {home, 40000});
  }

 private:
  Forwarder& forwarder_;
  std::set<PipeId> connecting_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Source source{{data, size}};
  SeededRng rng{1};
  Link link{{.identity = us()}, rng};
  Forwarder forwarder{
      {.permits = {{.host = "127.0.0.1", .port = 80, .addresses = {home}}}, .most_connections = most_connections}};
  Machine machine{forwarder};
  forwarder.begin();
  for (Instant now{}; !source.is_empty(); now += std::chrono::seconds{1}) {
    const auto what = source.byte();
    const channel::StreamId stream{static_cast<std::uint16_t>(source.byte() % 16)};
    const auto chosen = source.byte();
    switch (what % 8) {
      case 0:
      case 1: {
        const auto text = source.take(chosen % 32);
        const auto label =
            chosen < 128 ? std::string{labels.at(chosen % labels.size())} : std::string{text.begin(), text.end()};
        forwarder.handle_stream_opened(now, link, {.stream = stream, .options = {.label = label}});
        break;
      }
      case 2: {
        const auto text = words.at(chosen % words.size());
        forwarder.handle_message(now, link, {stream, channel::MessageKind::text, Bytes(text.begin(), text.end())});
        break;
      }
      case 3:
        forwarder.handle_message(now, link, {stream, channel::MessageKind::text, source.take(chosen)});
        break;
      case 4:
        forwarder.handle_message(now, link, {stream, channel::MessageKind::binary, Bytes(std::size_t{chosen} * 1024)});
        break;
      case 5:
        forwarder.handle_stream_closed(now, link, stream);
        break;
      case 6:
        machine.open(now, link);
        break;
      default:
        forwarder.handle_timeout(now, link);
    }
    machine.drain();
  }
  return 0;
}
