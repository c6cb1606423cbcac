#pragma once
// An SCTP association with the messages whole again: every message of one stream, or word of what became of the
// association. Knows payload protocol identifiers, not what the streams are for.
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/channel/sctp_socket.hpp"

namespace natkit::channel {
class Association {
 public:
  Association(const SctpOptions& options, std::size_t largest_message);

  void connect() { socket_.connect(); }
  void handle_packet(ByteView packet) { socket_.handle_packet(packet); }
  [[nodiscard]] std::optional<Bytes> poll_packet();

  struct Incoming {
    StreamId stream{};
    Ppid ppid{};
    Bytes payload{};
  };
  struct TooLarge {};  ///< a message beyond the limit: the rest of it would have to be read for nothing
  using Event = std::variant<Incoming, TooLarge, SctpSocket::Up, SctpSocket::Down, SctpSocket::Reset>;
  [[nodiscard]] std::optional<Event> poll_event();

  [[nodiscard]] SctpSocket::Sent send(StreamId stream, Ppid ppid, const StreamOptions& how, ByteView payload) {
    return socket_.send(stream, ppid, how, payload);
  }
  [[nodiscard]] std::size_t buffered_bytes() const { return socket_.buffered_bytes(); }
  void reset(StreamId stream) { socket_.reset(stream); }
  void set_first_timeout(std::chrono::milliseconds timeout) { socket_.set_first_timeout(timeout); }
  void lift_first_timeout() { socket_.lift_first_timeout(); }
  void set_packet_bytes(std::size_t bytes) { socket_.set_packet_bytes(bytes); }
  void shutdown() { socket_.shutdown(); }
  void abort() { socket_.abort(); }

 private:
  PacketQueue packets_;
  SctpSocket socket_;
  std::size_t largest_message_;
  Bytes begun_;  ///< of one message at a time: SCTP delivers no other meanwhile
};
}  // namespace natkit::channel
