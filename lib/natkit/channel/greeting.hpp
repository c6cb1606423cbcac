#pragma once
// SCTP's first two packets, told while DTLS still shakes hands, which saves a round trip. They are told by whatever
// carries the handshake before there is a path, and hold nothing worth hiding: tags and a cookie that count for nothing
// outside the DTLS connection. All that follows is encrypted.
//
//   server |--INIT----------------------->| client      beside what DTLS has to say
//          |<--INIT ACK-------------------|
//          |==COOKIE ECHO, first data====>|             once the server is secured and has something to say
#include <optional>

#include "natkit/base/bytes.hpp"
#include "natkit/channel/channel.hpp"

namespace natkit::channel {
class Greeting {
 public:
  explicit Greeting(Role role) : role_(role) {}

  /// A packet of our association. Kept if it is ours to tell, the latest one; else dropped, for SCTP repeats it.
  void say(Bytes packet);
  /// A packet that the peer has told. False: no greeting, or none that is new.
  bool hear(ByteView packet);

  [[nodiscard]] ByteView said() const { return said_; }
  [[nodiscard]] bool has_heard() const { return !heard_.empty(); }
  /// What the peer has told, for the association; once.
  [[nodiscard]] std::optional<Bytes> take_heard();

 private:
  Role role_;
  Bytes said_;
  Bytes heard_;
  bool is_taken_ = false;
};
}  // namespace natkit::channel
