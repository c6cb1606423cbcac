// Our agent as a program, for other people's agents to connect to: SDP lines on stdout, the peer's on stdin, one
// datagram each way, and out. What it does is told on stderr.
//
//   ice_peer controlling|controlled [all|trickle] [natkit|rfc] [reserve] [ADDRESS[=STUN-SERVER]]
//
// `reserve` adds a second socket that only opens, from the outset.
// Exit status: 0 the peer's words arrived, 1 they did not within eight seconds, 2 usage.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "natkit/crypto/secure_rng.hpp"
#include "natkit/ice/agent.hpp"
#include "natkit/ice/gatherer.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace std::chrono_literals;

namespace {
constexpr std::string_view words = "natkit was here";

enum class Telling { all, trickle };
struct Options {
  Role role = Role::controlling;
  Telling telling = Telling::all;
  Endpoint bind{};
  std::optional<Endpoint> server{};
  Dialect dialect = Dialect::rfc;  ///< what we claim to be; ours all the same on the wire
  bool has_reserve = false;
};

Instant now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

sockaddr_in to_system(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(endpoint.address.v4_value());
  address.sin_port = htons(endpoint.port);
  return address;
}
Endpoint from_system(const sockaddr_in& address) {
  return {IpAddress::v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)};
}

class Peer {
 public:
  explicit Peer(const Options& options)
      : options_(options),
        agent_({.role = options.role, .local = make_credentials(rng_)}, rng_),
        gatherer_({.servers = options.server ? std::vector{*options.server} : std::vector<Endpoint>{}}, rng_) {}

  bool run() {
    ::fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    open_base(Manner::fires);
    if (options_.has_reserve) open_base(Manner::opens);
    tell_credentials();
    const auto end = now() + 8s;
    while (now() < end && !(has_heard_ && now() >= linger_until_)) step(std::min(end, next()));
    return has_heard_;
  }

 private:
  [[nodiscard]] Instant next() const {
    auto due = now() + 20ms;
    for (const auto at : {agent_.poll_timeout(), gatherer_.poll_timeout()})
      if (at) due = std::min(due, *at);
    return due;
  }
  void open_base(Manner manner) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    auto address = to_system(options_.bind);
    socklen_t size = sizeof address;
    if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0) return std::perror("bind");
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    const auto own = from_system(address);
    const LocalCandidate host{.candidate = make_candidate(Kind::host, Transport::udp, own,
                                                          {.base = own, .local_preference = preference_of(manner)}),
                              .base = SocketId{static_cast<std::uint32_t>(sockets_.size())},
                              .manner = manner};
    sockets_.push_back(socket);
    announce(host);
    gatherer_.add_base(now(), host);
  }
  void announce(const LocalCandidate& candidate) {
    agent_.add_local(now(), candidate);
    untold_.push_back(candidate.candidate);
  }
  void tell_credentials() {
    say(write_description({.credentials = agent_.credentials(), .dialect = options_.dialect}));
  }
  static void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  /// With all at once nothing is told before all is gathered.
  void tell_candidates() {
    if (options_.telling == Telling::all && !gatherer_.is_done()) return;
    for (const auto& candidate : std::exchange(untold_, {})) say("a=" + write_candidate(candidate) + "\r\n");
    if (gatherer_.is_done() && !is_told_) say("a=end-of-candidates\r\n");
    is_told_ = is_told_ || gatherer_.is_done();
  }

  void step(Instant until) {
    tell_candidates();
    send();
    std::vector<pollfd> waits{{.fd = is_ended_ ? -1 : STDIN_FILENO, .events = POLLIN, .revents = 0}};
    for (const int socket : sockets_) waits.push_back({.fd = socket, .events = POLLIN, .revents = 0});
    const auto wait = std::max<Duration>(until - now(), 0ns);
    const timespec time{.tv_sec = wait / 1s, .tv_nsec = static_cast<long>((wait % 1s).count())};
    ::ppoll(waits.data(), waits.size(), &time, nullptr);
    if (waits[0].revents != 0) read_peer();
    take_peer();
    for (std::size_t i = 0; i < sockets_.size(); ++i)
      if (waits[i + 1].revents != 0) receive(SocketId{static_cast<std::uint32_t>(i)});
    gatherer_.handle_timeout(now());
    agent_.handle_timeout(now());
    hear();
  }

  void read_peer() {
    std::array<char, 4096> buffer{};
    const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) is_ended_ = true;
    if (count > 0) text_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  /// Whole lines of the peer's description, when it is time for them.
  void take_peer() {
    const auto line_end = text_.rfind('\n');
    if (line_end == std::string::npos) return;
    description_ += text_.substr(0, line_end + 1);
    text_.erase(0, line_end + 1);
    const auto read = parse_description(description_);
    if (!read) return;
    for (const auto& skipped : read->skipped)
      fmt::print(stderr, "passed over {}: {}\n", skipped.line, to_text(skipped.why));
    for (const auto& candidate : read->description.candidates) agent_.add_remote(now(), candidate);
    if (!is_known_) {
      is_known_ = true;
      told_ = now();
      agent_.set_remote(now(), read->description.credentials, read->description.dialect);
      agent_.start(now());
    }
    if (read->description.gathering == Gathering::complete) agent_.end_remote(now());
  }

  void receive(SocketId socket) {
    std::array<std::uint8_t, 2048> buffer{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto count = ::recvfrom(sockets_.at(static_cast<std::size_t>(socket)), buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) return;
    const Datagram in{
        .socket = socket, .remote = from_system(from), .payload = Bytes(buffer.begin(), buffer.begin() + count)};
    if (gatherer_.handle_datagram(now(), in) || agent_.handle_datagram(now(), in)) return;
    if (!agent_.is_path(socket, in.remote) || has_heard_) return;
    fmt::print(stderr, "received: {}\n", as_text(in.payload));
    has_heard_ = true;
    linger_until_ = now() + 1s;  // for what the peer has not heard yet
  }

  void hear() {
    while (const auto event = gatherer_.poll_event())
      if (const auto* found = std::get_if<Gatherer::Found>(&*event)) announce(found->candidate);
    while (const auto event = agent_.poll_event()) {
      if (const auto* selected = std::get_if<Agent::PathSelected>(&*event))
        fmt::print(stderr, "selected {} {} after {:.1f} ms\n", to_text(selected->path.remote_kind),
                   to_text(selected->path.remote), to_ms(now() - told_));
      if (std::holds_alternative<Agent::Completed>(*event))
        fmt::print(stderr, "completed after {:.1f} ms\n", to_ms(now() - told_));
      if (std::holds_alternative<Agent::PathLost>(*event)) fmt::print(stderr, "lost\n");
      if (std::holds_alternative<Agent::Failed>(*event)) fmt::print(stderr, "failed\n");
      if (std::holds_alternative<Agent::WantsFreshBase>(*event)) open_base(Manner::opens);
    }
    if (!agent_.path() || now() < next_words_) return;
    next_words_ = now() + 100ms;
    transmit({.socket = agent_.path()->socket,
              .remote = agent_.path()->remote,
              .payload = Bytes(as_bytes(words).begin(), as_bytes(words).end())});
  }
  void send() {
    while (const auto out = gatherer_.poll_transmit()) transmit(*out);
    while (const auto out = agent_.poll_transmit()) transmit(*out);
  }
  void transmit(const Datagram& out) {
    const int socket = sockets_.at(static_cast<std::size_t>(out.socket));
    const int hops = out.hop_limit;
    ::setsockopt(socket, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
    const auto address = to_system(out.remote);
    ::sendto(socket, out.payload.data(), out.payload.size(), 0, reinterpret_cast<const sockaddr*>(&address),
             sizeof address);
  }

  Options options_;
  crypto::SecureRng rng_;
  Agent agent_;
  Gatherer gatherer_;
  std::vector<int> sockets_;
  std::vector<Candidate> untold_;
  bool is_told_ = false;
  std::string text_;
  std::string description_;
  bool is_known_ = false;
  bool is_ended_ = false;
  bool has_heard_ = false;
  Instant told_{};
  Instant linger_until_{};
  Instant next_words_{};
};

std::optional<Options> parse(std::span<char*> arguments) {
  Options options{.bind = {IpAddress::v4(0x7F000001), 0}};
  for (const std::string_view word : arguments.subspan(1)) {
    if (word == "controlling" || word == "controlled") {
      options.role = word == "controlling" ? Role::controlling : Role::controlled;
    } else if (word == "all" || word == "trickle") {
      options.telling = word == "all" ? Telling::all : Telling::trickle;
    } else if (word == "natkit" || word == "rfc") {
      options.dialect = word == "natkit" ? Dialect::natkit : Dialect::rfc;
    } else if (const auto bind = parse_endpoint(word.substr(0, word.find('=')), 0)) {
      options.bind = *bind;
      if (const auto sign = word.find('='); sign != std::string_view::npos)
        options.server = parse_endpoint(word.substr(sign + 1), stun::default_port);
    } else if (word == "reserve") {
      options.has_reserve = true;
    } else {
      return std::nullopt;
    }
  }
  return options;
}
}  // namespace

int main(int argc, char** argv) {
  const auto options = parse({argv, static_cast<std::size_t>(argc)});
  if (!options) return 2;
  return Peer{*options}.run() ? 0 : 1;
}
