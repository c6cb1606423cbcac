#pragma once
// Private to the room: forwarded UDP. Who sends to a socket that listens has a flow, which is one stream of unordered
// messages that are sent once and no more; at the other side each flow has a socket of its own, so that answers find
// back. A flow ends when nothing has gone by it for a while, or when there are too many: then the one idle for longest.
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "natkit/base/socket.hpp"
#include "natkit/link/forward_place.hpp"
#include "natkit/link/link.hpp"

namespace natkit::link {
class ForwardFlows {
 public:
  struct Config {
    std::size_t most = 128;
    Duration idle = std::chrono::seconds{60};  ///< half of the least that RFC 4787 REQ-5 asks of a NAT
    SocketId first_socket{};                   ///< its sockets have 2^28 numbers from here on
  };
  explicit ForwardFlows(const Config& config) : config_(config) {}

  /// Datagrams that come to `local` are for that place at the peer's side.
  SocketId listen(const Endpoint& local, Place to);
  /// A stream that the peer opened, for a place that it may have.
  void serve(Instant now, Link& link, channel::StreamId stream, const Endpoint& target);

  void handle_datagram(Instant now, Link& link, const Datagram& in);
  void handle_timeout(Instant now, Link& link);
  /// False: none of its streams.
  bool hear(Instant now, const channel::Message& message);
  bool handle_stream_closed(channel::StreamId stream);
  /// To where the flow was to go that the peer does not serve; `nullopt`: none of its streams. It stays, and carries
  /// nothing: so whoever goes on sending does not ask the peer each time.
  std::optional<Place> handle_refusal(Instant now, Link& link, channel::StreamId stream);

  struct Opened {
    Endpoint from;
    Place to;
  };
  [[nodiscard]] std::optional<Opened> poll_opened();
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] const Place* place_of(SocketId listening) const;
  [[nodiscard]] bool owns(SocketId socket) const;
  [[nodiscard]] std::size_t size() const { return flows_.size(); }

 private:
  using Key = std::pair<SocketId, Endpoint>;  ///< ours, and who is at its other end
  struct Flow {
    std::optional<channel::StreamId> stream;  ///< none: refused
    Instant last_used{};
  };
  using Flows = std::map<Key, Flow>;

  [[nodiscard]] SocketId new_socket();
  Flow* open(Instant now, Link& link, const Key& key, const Place& to);
  Flow& add(Instant now, Link& link, const Key& key, channel::StreamId stream);
  void close(Instant now, Link& link, Flows::iterator flow);
  void forget(Flows::iterator flow);
  [[nodiscard]] Flows::iterator find(channel::StreamId stream);
  [[nodiscard]] Flows::const_iterator idlest() const;

  Config config_;
  std::uint32_t sockets_made_ = 0;
  std::map<SocketId, Place> listening_;
  Flows flows_;
  std::map<channel::StreamId, Key> by_stream_;
  std::deque<SocketChange> changes_;
  std::deque<Datagram> out_;
  std::deque<Opened> opened_;
};
}  // namespace natkit::link
