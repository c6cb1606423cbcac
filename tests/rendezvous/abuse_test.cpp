// Strangers who know everything but the two tokens: names, ids, the attempt, what was said.
#include <algorithm>
#include <map>
#include <set>

#include "catch.hpp"
#include "raw.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr std::size_t attacks = 1'000'000;
constexpr std::size_t at_once = 50;  // what one of them says before the next one speaks
constexpr std::uint16_t honest_ports = 10;
constexpr Server::Limits limits{.connections = 60, .sessions = 50, .sessions_per_address = 50, .bytes = 1U << 20U};

/// The server, two who are at it, and a crowd.
class Siege {
 public:
  Siege() {
    for (std::uint16_t port = 1; port <= 2; ++port) {
      said_by_honest_.push_back(write_message(
          Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "description of one"}));
      say(port,
          write_message(Hello{}) + write_message(Register{.id = id_of(port), .token = "known to one " + id_of(port)}));
      say(port, said_by_honest_.back());
    }
    for (const auto& message : std::exchange(heard_[1], {}))
      if (const auto* found = std::get_if<PeerFound>(&message)) attempt_ = found->attempt;
    heard_[2].clear();
    said_by_honest_.push_back(write_message(Candidate{.attempt = attempt_, .text = "a candidate"}));
    said_by_honest_.push_back(write_message(AttemptResult{.attempt = attempt_, .outcome = Outcome::connected}));
    said_by_honest_.push_back(write_message(Bye{.attempt = attempt_, .reason = Reason::closed}));
  }

  [[nodiscard]] AttemptId attempt() const { return attempt_; }
  [[nodiscard]] Server& server() { return server_; }
  [[nodiscard]] std::vector<Message> heard(std::uint16_t port) { return std::exchange(heard_[port], {}); }
  [[nodiscard]] bool has_spoken_to_strangers() const { return has_spoken_to_strangers_; }
  [[nodiscard]] std::size_t dismissed() const { return dismissed_; }

  void say(std::uint16_t port, std::string_view text) {
    open_.insert(port);
    auto in = RawServer::datagram(port);
    in.payload.assign(text.begin(), text.end());
    server_.handle_datagram(now_, in);
    collect();
  }
  void attack(std::size_t turn) {
    pass(20ms);
    auto& port = attackers_[turn % attackers_.size()];
    if (!open_.contains(port)) {
      port = next_port_ = next_port_ < 60000 ? static_cast<std::uint16_t>(next_port_ + 1) : honest_ports;
      // Half of them claim to be one of the two; some say nothing of themselves.
      if (rng_.chance(0.8))
        say(port, write_message(Hello{}) + write_message(Register{.id = rng_.chance(0.5) ? id_of(1 + rng_.below(2))
                                                                                         : "x" + std::to_string(port),
                                                                  .token = "token " + std::to_string(rng_.below(40))}));
    }
    std::string text;
    for (std::size_t i = 0; i < at_once; ++i) text += line();
    say(port, text);
  }

 private:
  static std::string id_of(std::uint64_t port) { return port == 1 ? "anna" : "bert"; }

  std::string line() {
    const auto target = rng_.chance(0.8) ? attempt_ : AttemptId{rng_.next()};
    const PlaceId place{static_cast<std::uint32_t>(rng_.below(5))};
    switch (rng_.below(12)) {
      case 0:
        return write_message(Candidate{.attempt = target, .text = "forged"});
      case 1:
        return write_message(Restart{.attempt = target, .description = "forged"});
      case 2:
        return write_message(Bye{.attempt = target, .reason = Reason::closed});
      case 3:
        return write_message(
            AttemptResult{.attempt = target, .outcome = rng_.chance(0.5) ? Outcome::connected : Outcome::failed});
      case 4:  // played back
        return said_by_honest_[rng_.below(said_by_honest_.size())];
      case 5: {  // cut off, or run into the next one
        const auto& whole = said_by_honest_[rng_.below(said_by_honest_.size())];
        return whole.substr(0, rng_.below(whole.size())) + (rng_.chance(0.9) ? "\n" : "");
      }
      case 6: {
        auto bent = said_by_honest_[rng_.below(said_by_honest_.size())];
        bent[rng_.below(bent.size() - 1)] = static_cast<char>(rng_.below(256));
        return bent;
      }
      case 7:
        return write_message(Open{.place = PlaceId{++place_},
                                  .purpose = static_cast<Purpose>(rng_.below(3)),
                                  .name = rng_.chance(0.5) ? "den" : "x" + std::to_string(rng_.below(100)),
                                  .description = std::string(rng_.below(500), 'd')});
      case 8:
        return rng_.chance(0.5) ? write_message(Close{.place = place})
                                : write_message(Describe{.place = place, .description = "forged"});
      case 9:
        return write_message(Pong{.number = rng_.below(5)});
      case 10:
        return R"({"type":"dance","attempt":")" + to_text(target) + "\"}\n";
      default:
        return rng_.chance(0.02) ? write_message(PeerFound{.attempt = target, .peer = "bert"})
                                 : write_message(Ping{.number = 1});
    }
  }
  void pass(Duration time) {
    const auto end = now_ + time;
    for (auto due = server_.poll_timeout(); due && *due <= end; due = server_.poll_timeout()) {
      now_ = std::max(now_, *due);
      server_.handle_timeout(now_);
      collect();
    }
    now_ = end;
  }
  void collect() {
    std::vector<std::pair<std::uint16_t, std::uint64_t>> pings;
    while (auto out = server_.poll_transmit()) {
      const auto port = out->remote.port;
      if (!open_.contains(port)) has_spoken_to_strangers_ = true;
      if (port >= honest_ports) continue;
      auto message = parse_message(as_text(out->payload).substr(0, out->payload.size() - 1)).value();
      if (const auto* ping = std::get_if<Ping>(&message))
        pings.emplace_back(port, ping->number);
      else if (!std::holds_alternative<Welcome>(message) && !std::holds_alternative<Registered>(message))
        heard_[port].push_back(std::move(message));
    }
    while (auto change = server_.poll_socket()) {
      open_.erase(std::get<ConnectionEnd>(*change).remote.port);
      ++dismissed_;
    }
    for (const auto& [port, number] : pings) {
      // They have heard one message each: PeerFound.
      say(port, write_message(Pong{.number = number, .heard = attempt_ == AttemptId{} ? 0U : 1U}));
    }
  }

  MemoryStore store_;
  SeededRng rng_{7};
  Server server_{{.limits = limits, .attempt_lifetime = 24h}, store_, rng_};
  Instant now_{1h};
  std::array<std::uint16_t, 40> attackers_{};
  std::uint16_t next_port_ = honest_ports;
  std::uint32_t place_ = 0;
  std::set<std::uint16_t> open_;
  std::map<std::uint16_t, std::vector<Message>> heard_;
  std::vector<std::string> said_by_honest_;
  AttemptId attempt_{};
  bool has_spoken_to_strangers_ = false;
  std::size_t dismissed_ = 0;
};
}  // namespace

TEST_CASE("A million forged, replayed, cut and bent lines reach neither of two who are at it, nor grow the server",
          "[rendezvous][abuse]") {
  Siege siege;
  REQUIRE(siege.attempt() != AttemptId{});
  std::size_t most_kept = 0;
  std::size_t most_attempts = 0;
  for (std::size_t turn = 0; turn < attacks / at_once; ++turn) {
    siege.attack(turn);
    most_kept = std::max(most_kept, siege.server().kept_bytes());
    most_attempts = std::max(most_attempts, siege.server().attempts());
  }
  CHECK(siege.heard(1).empty());
  CHECK(siege.heard(2).empty());
  CHECK_FALSE(siege.has_spoken_to_strangers());
  CHECK(siege.dismissed() > 1000);  // they were heard, and judged
  CHECK(most_kept <= limits.bytes + limits.unheard_bytes);
  CHECK(most_attempts <= limits.sessions * limits.attempts / 2);
  CHECK(siege.server().sessions() <= limits.sessions);
  CHECK(siege.server().connections() <= limits.connections);

  // The two have not noticed anything.
  siege.say(1, write_message(Candidate{.attempt = siege.attempt(), .text = "true"}));
  const auto candidate = find<Candidate>(siege.heard(2));
  REQUIRE(candidate);
  CHECK(candidate->text == "true");
  const auto connected = siege.server().counters().connected;
  for (const auto port : {std::uint16_t{1}, std::uint16_t{2}})
    siege.say(port, write_message(AttemptResult{.attempt = siege.attempt(), .outcome = Outcome::connected}));
  CHECK(siege.server().counters().connected == connected + 1);
}

TEST_CASE("Who claims the ids of two others does not stand in their way", "[rendezvous][abuse]") {
  RawServer raw;
  const auto enter = [&](std::uint16_t port, const std::string& id, const std::string& token, const std::string& room) {
    static_cast<void>(raw.enter(port, id, token));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = room, .description = "d"}));
  };
  enter(6000, "anna", "forged", "trap");
  enter(6001, "bert", "forged too", "trap");
  enter(5000, "anna", "hers", "den");
  enter(5001, "bert", "his", "den");
  const auto found = find<PeerFound>(raw.take(5000));
  REQUIRE(found);
  CHECK(found->peer == "bert");
  CHECK(raw.server.attempts() == 2);
}
