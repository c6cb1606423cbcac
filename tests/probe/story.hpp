#pragma once
// Tells a run by hand, so that a test of the planner or the classifier reads as what happened on the wire.
#include <string>
#include <utility>

#include "natkit/probe/trace.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline Endpoint ep(const char* text) { return *parse_endpoint(text); }

class Story {
 public:
  using Id = stun::TransactionId;
  struct Reply {
    const char* mapped = nullptr;
    const char* other = nullptr;
    const char* receipt = nullptr;
    std::optional<std::uint16_t> second_port{};
    std::optional<std::uint16_t> error_code{};
    const char* local = "192.168.1.2:50000";
  };

  explicit Story(std::initializer_list<const char*> servers) {
    for (const auto* server : servers) trace.servers.push_back({server, ep(server)});
  }

  Id ask(Duration at, probe::Question question, const char* to, std::uint32_t server = 0) {
    Id id;
    id.bytes[0] = ++ids_;
    trace.events.emplace_back(probe::Sent{
        .at = at, .socket = socket_for(question), .question = question, .server = server, .to = ep(to), .id = id});
    return id;
  }

  void hear(Duration at, const Id& id, const char* from, const Reply& reply) {
    const auto maybe = [](const char* text) { return text ? std::optional{ep(text)} : std::nullopt; };
    trace.events.emplace_back(probe::Received{.at = at,
                                              .from = ep(from),
                                              .local = ep(reply.local),
                                              .id = id,
                                              .mapped = maybe(reply.mapped),
                                              .other = maybe(reply.other),
                                              .receipt = maybe(reply.receipt),
                                              .second_port = reply.second_port,
                                              .error_code = reply.error_code});
  }

  /// A question and its answer, one round trip of 50 ms apart.
  void ask_and_hear(Duration at, const char* to, const Reply& reply, std::uint32_t server = 0) {
    const auto id = ask(at, probe::Question::mapping, to, server);
    hear(at + 50ms, id, to, reply);
  }

  /// `copies` filtering questions, of which our server says from where it answered.
  void ask_in_vain(probe::Question question, const char* to, const char* answered_from, int copies) {
    for (int i = 0; i < copies; ++i) {
      const auto id = ask(15ms * i, question, to);
      hear(15ms * i + 50ms, id, to, {.mapped = "203.0.113.7:50002", .receipt = answered_from});
    }
  }

  void end(Duration at) { trace.events.emplace_back(probe::Ended{at}); }

  probe::Trace trace;

 private:
  static SocketId socket_for(probe::Question question) { return SocketId{static_cast<std::uint32_t>(question)}; }
  std::uint8_t ids_ = 0;
};
}  // namespace natkit::test
