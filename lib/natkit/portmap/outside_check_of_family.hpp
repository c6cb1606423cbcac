#pragma once
// Private to the room: the outside check over one family, as outside_check.hpp describes it.
#include <deque>
#include <optional>
#include <vector>

#include "natkit/portmap/outside_check.hpp"
#include "natkit/stun/stream_framer.hpp"

namespace natkit::portmap {
class OutsideCheckOfFamily {
 public:
  struct Config {
    Endpoint server{};
    Protocol protocol = Protocol::udp;
    std::uint16_t external_port = 0;
    std::optional<Endpoint> internal{};
    std::optional<IpAddress> expected{};
    Duration patience{};
    SocketId ask_socket{};     ///< questions leave from it; nothing else arrives at it than their answers
    SocketId listen_socket{};  ///< at the internal endpoint; nothing leaves from it
  };
  OutsideCheckOfFamily(const Config& config, Rng& rng);

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(const Datagram& lost);
  void handle_socket_opened(Instant now, SocketId socket);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool uses(SocketId socket) const {
    return socket == config_.ask_socket || socket == config_.listen_socket;
  }
  [[nodiscard]] const OutsideResult& result() const { return result_; }

 private:
  /// One attempt of the server, with a token of its own.
  struct Round {
    stun::ReachToken token{};
    Instant next_ask{};
    std::optional<stun::ReachReport> report{};
    Instant reported{};
    bool is_impostor = false;  // its connection was accepted long ago, and no token came
    [[nodiscard]] bool is_over() const { return report && stun::is_over(report->state); }
    [[nodiscard]] bool ended_as(stun::ReachState state) const { return report && report->state == state; }
  };
  struct Ask {
    stun::TransactionId id{};
    Instant sent{};
    std::optional<std::size_t> round{};  // none: it asks for the cookie
    bool is_answered = false;
  };
  struct Stream {
    Endpoint from{};
    stun::StreamFramer framer{};
  };
  /// `parting`: the verdict is there, and the server is left to close its connection first. Otherwise the internal port
  /// would be in TIME-WAIT for a minute (RFC 9293 §3.6), and the program that it was opened for could not have it.
  enum class Phase : std::uint8_t { idle, proving, trying, parting, done };

  void send_ask(Instant now, std::optional<std::size_t> round);
  void start_round_if_needed(Instant now);
  void handle_answer(Instant now, const Datagram& in);
  void handle_proof(const stun::Message& answer);
  void handle_report(Instant now, Round& round, const stun::ReachReport& report);
  void handle_arrival(Instant now, const Datagram& in);
  void handle_stream(Instant now, const Datagram& in);
  void look_for_token(Instant now, const Datagram& in, ByteView bytes);

  void judge(Instant now);
  void judge_end_of(const Round& round);
  void judge_silence(Instant now);
  void judge_impostor(Instant now);
  void give_up(OutsideReason fallback);
  void finish(Openness openness, OutsideReason reason);
  void close();

  [[nodiscard]] bool is_listening() const { return result_.listening == Listening::yes; }
  [[nodiscard]] double loss(Instant now) const;
  [[nodiscard]] unsigned copies_of(const Round& round) const;
  [[nodiscard]] std::optional<Instant> next_round_due() const;

  Config config_;
  Rng& rng_;
  Phase phase_ = Phase::idle;
  Instant deadline_{};
  Instant next_ask_{};  // for the cookie
  Instant last_round_{};
  std::optional<stun::AddressCookie> cookie_;
  std::optional<Duration> rtt_;  // the least seen
  std::vector<Ask> asks_;
  std::vector<Round> rounds_;
  std::deque<Stream> streams_;
  std::deque<SocketChange> changes_;
  std::deque<Datagram> out_;
  unsigned refused_sends_ = 0;
  OutsideResult result_;
};
}  // namespace natkit::portmap
