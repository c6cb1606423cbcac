#pragma once
// One SCTP association as usrsctp sees it: a socket with its options, and pieces of messages or notifications read from
// it.
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "natkit/channel/sctp_stack.hpp"
#include "natkit/channel/stream.hpp"

struct socket;         // usrsctp's
struct sockaddr_conn;  // NOLINT(readability-identifier-naming): the same

namespace natkit::channel {
using SctpHandle = struct ::socket;

/// What a payload is (RFC 8831 §8).
enum class Ppid : std::uint32_t { dcep = 50, text = 51, binary = 53, empty_text = 56, empty_binary = 57 };

struct SctpOptions {
  std::size_t packet_bytes = 0;  ///< the largest, with SCTP's common header
  std::uint16_t streams = 0;
  std::size_t send_buffer = 0;
  std::size_t receive_buffer = 0;
  std::chrono::milliseconds first_timeout{};  ///< until round trips were measured
  std::chrono::milliseconds heartbeat{};      ///< when nothing else is sent
};

class SctpSocket {
 public:
  SctpSocket(const SctpOptions& options, PacketQueue& packets);
  ~SctpSocket();
  SctpSocket(const SctpSocket&) = delete;
  SctpSocket& operator=(const SctpSocket&) = delete;

  void connect();
  void handle_packet(ByteView packet);

  enum class Sent { yes, full, failed };
  [[nodiscard]] Sent send(StreamId stream, Ppid ppid, const StreamOptions& how, ByteView payload);

  struct Piece {
    StreamId stream{};
    Ppid ppid{};
    ByteView bytes{};  ///< lives until the next call
    enum class Rest : std::uint8_t { none, follows } rest{};
  };
  struct Up {
    std::uint16_t outgoing_streams = 0;
  };
  struct Down {
    enum class Cause : std::uint8_t { closed, lost } cause{};
  };
  struct Reset {
    enum class Side : std::uint8_t { ours, peers } side{};  ///< whose sending on them has ended
    std::vector<StreamId> streams;
  };
  using Read = std::variant<Piece, Up, Down, Reset>;
  [[nodiscard]] std::optional<Read> read();

  [[nodiscard]] std::size_t buffered_bytes() const;
  /// Ends our sending on it, once what was sent before has arrived. Only while the association stands.
  void reset(StreamId stream);
  /// It was connected before a round trip was known. Nothing of the handshake takes longer, until that is lifted.
  void set_first_timeout(std::chrono::milliseconds timeout);
  void lift_first_timeout();
  void set_packet_bytes(std::size_t bytes);
  void shutdown();
  void abort();

 private:
  void set_path(const sockaddr_conn& peer);
  SctpOptions options_;
  SctpAddress address_;
  SctpHandle* socket_ = nullptr;
  bool is_connected_ = false;
};
}  // namespace natkit::channel
