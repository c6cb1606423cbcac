#pragma once
/// A trace put in order: per question what was asked, how often, and what came back; per server its round trips and its
/// second address; per family how much gets lost. The planner decides from it what to ask next, the classifier what it
/// all means, so neither ever walks the events itself.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/probe/trace.hpp"

namespace natkit::probe {
/// One request. Every copy carries a transaction id of its own, so each answer belongs to exactly one copy: round trips
/// are true ones and losses can be counted.
struct Copy {
  Duration sent_at{};
  stun::TransactionId id{};
  std::optional<Duration> answered_at{};  ///< by the very endpoint that was asked; a receipt is an answer
  std::optional<Endpoint> receipt{};      ///< the server's word from where it answered this copy
};

/// One question put to one endpoint from one socket.
struct Asked {
  Question question{};
  std::uint32_t server = 0;
  Endpoint to{};
  std::uint16_t size = 0;  ///< of the whole IP packet, where that was the question
  std::vector<Copy> copies{};
  std::optional<Endpoint> local{};       ///< the socket, as the host saw it
  std::optional<Endpoint> mapped{};      ///< the socket, as the asked endpoint saw it first
  std::optional<Endpoint> remapped{};    ///< a different answer to the same question later on: the mapping moved
  std::optional<Endpoint> heard_from{};  ///< a changed answer came through from here, where we had never sent anything
  std::optional<Endpoint> unchanged{};   ///< the server answered a CHANGE-REQUEST from the place that was asked
  std::optional<std::uint16_t> error_code{};
  std::optional<PageHead> page{};
  std::optional<stun::ReachState> reach_refusal{};  ///< it was to connect back, and will not
  unsigned send_failures = 0;
  std::string why_not_sent{};  ///< the system's own words for the last failure

  [[nodiscard]] bool is_answered() const;
  /// The system would not send it, twice: once may be a passing shortage of buffers.
  [[nodiscard]] bool is_unsendable() const { return send_failures >= 2; }
  [[nodiscard]] Duration first_sent() const { return copies.front().sent_at; }
  [[nodiscard]] Duration last_sent() const { return copies.back().sent_at; }
};

/// A fresh socket that asked one endpoint which port it has outside (`Question::allocation`).
struct Sample {
  SocketId socket{};
  std::uint32_t server = 0;
  Duration sent_at{};  ///< last
  unsigned copies = 0;
  std::optional<Endpoint> local{};
  std::optional<Endpoint> mapped{};
  bool was_refused = false;  ///< by the system
};

/// One of the two sockets that send to each other by their public endpoints (`Question::hairpin`).
struct Mirrored {
  Sample own{};  ///< how it learned its own
  unsigned sent = 0;
  Duration sent_at{};                    ///< last
  std::optional<Endpoint> heard_from{};  ///< the other one received what this one sent, and saw it come from here
};

/// A socket that rests, and what arrived there (`Question::lifetime`).
struct Rested {
  Sample own{};                           ///< how it learned where it is outside
  std::vector<Copy> calls{};              ///< for the server to answer there; answered when that arrived
  bool is_misled = false;                 ///< the server answers the caller instead, or refuses
  bool is_called_from_elsewhere = false;  ///< the caller has another public address, so its answers go there
  unsigned asked_again = 0;               ///< after the calls
  std::optional<Endpoint> mapped_again{};

  /// Between the last word of its own and the call: how long it had rested.
  [[nodiscard]] Duration rest_at(const Copy& call) const { return call.sent_at - own.sent_at; }
};

/// A packet that was to live for so many hops (`Question::hop`).
struct Hop {
  Sample own{};
  std::uint8_t limit = 0;
  std::optional<IpAddress> router{};  ///< the one that it died at, by its own word
  bool has_arrived = false;           ///< at the server: it is no farther away than this
};

/// What is known of a server; times over UDP only.
struct ServerFacts {
  Endpoint address{};
  std::optional<Duration> rtt_min{};
  std::optional<Duration> rtt_max{};
  std::optional<Endpoint> other{};             ///< OTHER-ADDRESS as its first answer had it
  std::optional<std::uint16_t> second_port{};  ///< as its first answer had it
  bool gives_receipts = false;                 ///< it is ours
  bool answered = false;
  bool is_same_unmasked = false;        ///< its answers arrived as it wrote them (`Received::is_same_unmasked`)
  std::optional<Endpoint> rewritten{};  ///< what an answer of its became on the way (`Received::rewritten`)

  /// Where it says a second address is, if that can be one: same family, other address (RFC 5780 §7.4).
  [[nodiscard]] std::optional<Endpoint> alternate() const;
  /// The other port of the address that was asked.
  [[nodiscard]] std::optional<Endpoint> same_address_other_port() const;
  /// How long after its due time an answer may still come: max(40 ms, 0.6 RTT, 4 × observed jitter), measured to be
  /// enough for right verdicts on every NAT of the simulator's grid under jitter and reordering.
  [[nodiscard]] Duration guard() const;
  /// How long an answer may take.
  [[nodiscard]] Duration time_of_answer() const { return rtt_max.value_or(Duration{}) + guard(); }
};

struct Digest {
  std::vector<ServerFacts> servers{};  ///< as Trace::servers
  std::vector<Asked> asked{};          ///< in the order first asked
  std::vector<Sample> samples{};       ///< in the order first sent
  std::vector<Mirrored> mirrored{};    ///< the same; two of a family
  std::vector<Rested> rested{};        ///< the same; the first of a family is called again and again
  std::vector<Hop> hops{};             ///< the nearest first
  std::optional<Duration> ended{};
  Duration last_event{};

  [[nodiscard]] const Asked* find(Question question, std::uint32_t server, const Endpoint& to,
                                  std::uint16_t size = 0) const;
  [[nodiscard]] const Asked* find(Question question, std::uint32_t server) const;
  /// Probability that one request or its answer gets lost, both ways together, from all exchanges that were due by
  /// `now` with servers of this family: (lost + 1/2) / (due + 1), the Jeffreys estimate, never 0.
  [[nodiscard]] double loss(Family family, Duration now) const;
  /// What was lost of the plain requests to this server's own endpoint, both ways together; none where none was due.
  [[nodiscard]] std::optional<double> loss_of(std::uint32_t server, Duration now) const;
};
/// Keeps a digest up to date, event by event, so that a running probe need not read its trace anew each time.
class Ledger {
 public:
  explicit Ledger(const std::vector<Server>& servers);
  void enter(const Event& event);
  [[nodiscard]] const Digest& digest() const { return digest_; }

 private:
  struct Place {
    std::size_t asked = 0;
    std::size_t copy = 0;
  };
  void file(const Sent& sent);
  void file(const Received& in);
  void file(const SendFailed& failed);
  void file(const Expired& expired);
  void file(const Ended& ended);
  void file_sample(const Sent& sent);
  void file_mirrored(const Sent& sent);
  void hear_mirrored(Mirrored& mirrored, const Received& in);
  void file_hop(const Sent& sent);
  void file_rested(const Sent& sent);
  void file_call(const Sent& sent);
  void hear_rested(Rested& rested, const Received& in);
  void note_rewritten(const Received& in);

  Digest digest_;
  std::map<stun::TransactionId, Place> places_;
  std::map<stun::TransactionId, std::size_t> samples_;
  std::map<stun::TransactionId, std::size_t> mirrored_;
  std::map<stun::TransactionId, std::size_t> rested_;
};
[[nodiscard]] Digest digest(const Trace& trace);
/// Whether all sockets that rest have the same public address: only then a caller's answer goes to where they are.
[[nodiscard]] bool have_one_address(const Digest& digest, std::uint32_t server);
}  // namespace natkit::probe
