#pragma once
// Private to the room: what the server remembers.
#include "natkit/rendezvous/alarms.hpp"
#include "natkit/rendezvous/line_splitter.hpp"
#include "natkit/rendezvous/outbox.hpp"
#include "natkit/rendezvous/server.hpp"

namespace natkit::rendezvous {
inline constexpr std::string_view ban_words = "the operator of this server has banned that key";

struct Server::Connection {
  ConnectionId id{};
  Path path{};
  LineSplitter lines{};
  stun::TokenBucket messages;
  stun::TokenBucket bytes;
  stun::TokenBucket answers;
  bool is_greeted = false;
  std::optional<SessionId> session{};
  Instant since{};                      ///< the first byte
  std::optional<Instant> part_since{};  ///< an unfinished line waits for its end
  std::size_t part_bytes = 0;           ///< of that line; they count as kept
  Instant next_ping{};
  std::uint64_t ping_number = 0;
  std::optional<Instant> ping_sent{};  ///< the last one, while it is not answered
  unsigned missed = 0;
};

struct Server::Place {
  Purpose purpose{};
  std::string name;
  std::optional<std::string> description{};  ///< until it is used up
  std::optional<AttemptId> asking{};
  /// `met`: it has been told of somebody, so another description is another try.
  enum class Wait : std::uint8_t { going_on, over, met } wait = Wait::going_on;

  [[nodiscard]] NameKey key() const { return {kind_of(purpose), name}; }
};

struct Server::Session {
  SessionId id{};
  std::string peer_id;
  Token token{};
  IpAddress household{};
  Endpoint address{};                                                    ///< of the last connection
  std::optional<ConnectionId> connection{};                              ///< none: away
  enum class Voice : std::uint8_t { heard, mute } voice = Voice::heard;  ///< mute: did not answer when it was asked
  Outbox out{};
  std::uint64_t heard = 0;
  static constexpr std::size_t samples = 4;
  std::array<std::optional<Duration>, samples> round_trips{};  ///< the last ones; the least is what the path takes
  std::size_t next_sample = 0;
  std::optional<Instant> answered{};  ///< the last ping
  std::optional<Instant> offered{};   ///< services with names that end
  std::map<PlaceId, Place> places{};
  PlaceId next_place{};  ///< numbers below were used
  std::vector<AttemptId> attempts{};
  std::optional<std::uint32_t> seeks{};  ///< its question, while it waits for a match

  [[nodiscard]] std::optional<Duration> round_trip() const {
    std::optional<Duration> least;
    for (const auto& sample : round_trips)
      if (sample && (!least || *sample < *least)) least = sample;
    return least;
  }
};

struct Server::Attempt {
  struct Side {
    SessionId session{};
    PlaceId place{};
    std::optional<Outcome> outcome{};
  };
  std::array<Side, 2> sides{};
  Pair pair{};
  enum class Stage : std::uint8_t { asking, running, established } stage = Stage::asking;
  Instant asked{};

  [[nodiscard]] Side& side_of(SessionId session) { return sides[0].session == session ? sides[0] : sides[1]; }
  [[nodiscard]] Side& other_than(SessionId session) { return sides[0].session == session ? sides[1] : sides[0]; }
};

struct Server::AlarmTable : Alarms<AlarmKey> {};
}  // namespace natkit::rendezvous
