#pragma once
// A session in virtual time: members as they are shipped, clocks that run at different paces, and a network that loses,
// delays, doubles and cuts off what they say. After every step the invariants of natkit/mesh/participant.hpp are
// checked; the first one that breaks is remembered, with the time.
//
// Links are a fact that comes from outside: two that want each other, and are not cut off, are linked after two round
// trips and a half; who is cut off or dead for 3.2 s is told that the link is gone, as natkit's links do.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/mesh/participant.hpp"
#include "natkit/mesh/witness.hpp"
#include "quick_signatures.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

[[nodiscard]] mesh::MemberId member_id(unsigned number);

struct Told {
  Instant at{};  ///< the world's time
  mesh::Event event;
};

class World {
 public:
  struct Config {
    std::uint64_t seed = 1;
    Duration least_rtt = 30ms;
    Duration longest_rtt = 150ms;
    double loss = 0;
    double doubled = 0;
    double drift = 0;  ///< clocks run at 1 ± this
    mesh::Timing timing{};
    mesh::Settings settings{.name = "den", .most = 64};
    enum class Signing : std::uint8_t { quick, real } signing{};
    /// A meeting place that is a voter too; members ask it, and it answers.
    enum class Server : std::uint8_t { none, witness } server{};
    /// What somebody is about to say, to be changed by who plays a liar; with `say_as` more can be said.
    std::function<void(World&, unsigned from, unsigned to, mesh::Message&)> tamper{};
  };
  struct Newcomer {
    std::optional<unsigned> by{};  ///< none: the host
    std::optional<mesh::PasswordKey> password{};
    mesh::Participant::Hook admission{};
    mesh::Participant::Hook takeover{};
    std::optional<mesh::MemberId> founder{};  ///< who was named to it
  };
  static constexpr Duration most_jitter = 5ms;  ///< one way
  explicit World(Config config);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The first one founds the session, later ones join by whom is named, or by anybody who is a member.
  unsigned add(std::optional<unsigned> by = {}) { return add(Newcomer{.by = by}); }
  unsigned add(const Newcomer& newcomer);
  /// Everybody in, one after the other, and nothing left to do.
  void gather(unsigned members);
  void run_for(Duration time);
  /// Until this holds, at most so long; whether it does.
  template <class Condition>
  bool run_until(Condition condition, Duration most) {
    const auto end = now_ + most;
    while (!condition()) {
      if (!step(end)) return condition();
    }
    return true;
  }

  enum class Death { power_cut, process_killed };
  void kill(unsigned member, Death death);
  /// As another incarnation, by anybody who is there.
  void restart(unsigned member);
  void leave(unsigned member);
  void stop(unsigned member, Duration time);
  void cut(unsigned from, unsigned to);  ///< one way
  void mend();                           ///< all cuts
  void part(const std::set<unsigned>& island);
  /// As a member's number: for cuts.
  static constexpr unsigned server = 0xffff;
  void stop_server();
  /// Anew: it has forgotten everything.
  void start_server();
  [[nodiscard]] bool has_server_at_times() const { return config_.server == Config::Server::witness; }
  /// At once, whoever wishes for it.
  void link(unsigned a, unsigned b) { set_link(a, b, mesh::LinkState::up); }
  void never_connect(unsigned a, unsigned b) { hopeless_.insert({std::min(a, b), std::max(a, b)}); }
  void set_loss(double loss) { loss_ = loss; }

  [[nodiscard]] Instant now() const { return now_; }
  /// Of a pair, at its longest: what is said may be on its way for some milliseconds more than it must.
  [[nodiscard]] Duration rtt(unsigned a, unsigned b) const { return 2 * (trip(a, b) + most_jitter); }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(nodes_.size()); }
  [[nodiscard]] bool is_alive(unsigned member) const;
  [[nodiscard]] bool is_stopped(unsigned member) const;
  [[nodiscard]] mesh::Participant& at(unsigned member);
  [[nodiscard]] Instant local(unsigned member) const;
  [[nodiscard]] const std::vector<Told>& told(unsigned member) const;
  [[nodiscard]] unsigned number_of(const mesh::MemberId& id) const;
  [[nodiscard]] mesh::MemberId id_of(unsigned member) const;
  [[nodiscard]] const mesh::Signatures& signatures(unsigned member) const;
  [[nodiscard]] const mesh::SessionId& session() const { return session_; }
  /// What the machine of `from` never said, on its way to `to`; past `tamper`.
  void say_as(unsigned from, unsigned to, const mesh::Message& message);
  /// Who acts at this instant.
  [[nodiscard]] std::optional<unsigned> acting_host() const;
  /// Whether all that live and are in agree on a view that they know a majority to have, and its host acts.
  [[nodiscard]] bool is_of_one_mind() const;
  /// Whether voters enough of the latest view live for somebody to lead.
  [[nodiscard]] bool has_quorum() const;
  /// The first invariant that broke; empty: none.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t bytes_sent(unsigned member) const;
  [[nodiscard]] std::uint64_t messages_sent(unsigned member) const;
  [[nodiscard]] std::string describe() const;
  Rng& rng() { return rng_; }
  /// After each input that did not come from here.
  void settle(unsigned member) { drain(member); }

 private:
  struct Node;
  struct Pending;
  struct Later {
    bool operator()(const Pending& a, const Pending& b) const;
  };

  bool step(Instant end);
  void deliver(const Pending& pending);
  void drain(unsigned member);
  void transmit(unsigned from, const mesh::Outgoing& out);
  void start(unsigned member, const Newcomer& newcomer);
  void push(unsigned from, unsigned to, Bytes bytes, Duration extra);
  void arm(unsigned member);
  void scan_links();
  void set_link(unsigned a, unsigned b, mesh::LinkState state);
  void ask_server(unsigned from, const Bytes& message);
  void hear_question(const Pending& pending);
  void hear_answer(unsigned member, const Bytes& bytes);
  void scan_server();
  [[nodiscard]] bool has_quorum(const mesh::View& view) const;
  [[nodiscard]] bool can_find(unsigned member, unsigned other) const;
  [[nodiscard]] bool are_brought_together(unsigned seeker, unsigned host) const;
  [[nodiscard]] mesh::MemberId witness_id() const;
  void note_follower(const mesh::MemberId& id, const mesh::View& view);
  void check(unsigned member);
  void check_acting();
  void check_view(unsigned member);
  void check_committed(unsigned member);
  void check_succession(const mesh::Version& elected, const mesh::Version& base, const mesh::Version& committed);
  void fail(std::string what);
  [[nodiscard]] Duration trip(unsigned a, unsigned b) const;
  [[nodiscard]] bool is_cut(unsigned from, unsigned to) const { return cuts_.contains({from, to}); }
  [[nodiscard]] Instant to_world(unsigned member, Instant local) const;

  Config config_;
  mesh::SessionId session_{};
  SeededRng rng_;
  Instant now_{};
  double loss_;
  std::uint64_t order_ = 0;
  std::uint64_t steps_ = 0;
  unsigned at_once_ = 0;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::priority_queue<Pending, std::vector<Pending>, Later> queue_;
  Instant next_scan_{};
  struct Pair {
    mesh::LinkState state = mesh::LinkState::none;
    std::optional<Instant> up_at{};
    std::optional<Instant> broken_since{};
  };
  std::map<std::pair<unsigned, unsigned>, Pair> pairs_;
  std::unique_ptr<mesh::Signatures> server_signatures_;
  std::unique_ptr<mesh::Witness> witness_;
  std::uint64_t server_lives_ = 0;
  std::set<std::pair<unsigned, unsigned>> cuts_;
  std::set<std::pair<unsigned, unsigned>> hopeless_;
  std::map<std::pair<unsigned, unsigned>, Duration> trips_;
  /// What was seen of a session: of the one, or of branches of it.
  struct Seen {
    std::map<std::uint64_t, mesh::MemberId> led{};                 ///< epoch -> who acted in it
    std::map<std::uint64_t, std::set<mesh::MemberId>> followed{};  ///< epoch -> who had a view of it
    std::map<mesh::Version, std::set<mesh::MemberId>> voters{};    ///< of each view
    std::map<mesh::Version, std::uint64_t> bodies{};               ///< … by a hash
    std::set<mesh::Version> committed{};                           ///< that somebody knows a majority to have
    std::map<mesh::Version, mesh::Version> bases{};                ///< of elected views
  };
  std::map<mesh::SessionId, Seen> seen_;
  std::string fault_;
};
}  // namespace natkit::test
