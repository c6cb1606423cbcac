// Calls a peer that echoes, through any TURN server, with our client on real sockets.
//
//   turn_caller udp|tcp|tls SERVER:PORT USER PASSWORD PEER:PORT COUNT [ipv4|ipv6|both [AUTHORITIES.pem]]
//
// Sends COUNT datagrams of growing size, each after the echo of the one before (or, when it is lost, after a while),
// the first of them without waiting for anything. Prints one line; exits 0 when all came back, 4 when the relay says
// no, 6 when data was lost, 2 on wrong usage.
#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/turn/client.hpp"

namespace {
using namespace natkit;
using namespace std::chrono_literals;

class Caller {
 public:
  Caller(turn::Client::Config config, const Endpoint& peer, unsigned count, std::optional<TlsWish> tls, Rng& rng)
      : client_(std::move(config), rng), peer_(peer), count_(count), tls_(std::move(tls)) {}

  void start(Instant now) {
    end_ = now + 30s;
    client_.start(now);
    speak(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    if (!client_.owns(in)) return;
    client_.handle_datagram(now, in);
    while (const auto received = client_.poll_received()) {
      if (received->peer != peer_ || received->payload != said_) continue;
      ++echoed;
      if (echoed < count_)
        speak(now);
      else
        client_.close(now);
    }
  }
  void handle_timeout(Instant now) {
    client_.handle_timeout(now);
    if (now >= end_) client_.close(now);
    if (again_ && now >= *again_) {
      ++repeated;
      speak(now);
    }
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    client_.handle_send_failure(now, lost, why);
  }
  std::optional<SocketChange> poll_socket() {
    if (!tls_) return std::nullopt;
    return SocketWish{.protocol = Protocol::tcp, .tls = std::exchange(tls_, std::nullopt)};
  }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  std::optional<Datagram> poll_transmit() { return client_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    const bool is_over =
        client_.state() == turn::Client::State::closed || client_.state() == turn::Client::State::failed;
    if (is_over) return std::nullopt;
    auto next = std::min(client_.poll_timeout().value_or(end_), end_);
    return again_ && echoed < count_ ? std::min(next, *again_) : next;
  }
  [[nodiscard]] const turn::Client& client() const { return client_; }

  unsigned echoed = 0;
  unsigned repeated = 0;

 private:
  void speak(Instant now) {
    said_.assign(1 + echoed * 23 % 1200, static_cast<std::uint8_t>(echoed));
    client_.send(now, peer_, said_);
    again_ = now + 500ms;
  }

  turn::Client client_;
  Endpoint peer_;
  unsigned count_;
  std::optional<TlsWish> tls_;
  Bytes said_;
  std::optional<Instant> again_;
  Instant end_{};
};
static_assert(SansIo<Caller> && OpensSockets<Caller> && HearsSendFailure<Caller>);

std::string read_all(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

int call(const std::vector<std::string>& words) {
  const auto server = parse_endpoint(words[1]);
  const auto peer = parse_endpoint(words[4]);
  unsigned count = 0;
  std::from_chars(words[5].data(), words[5].data() + words[5].size(), count);
  if (!server || !peer || count == 0) return 2;
  turn::Client::Config config{.server = {words[0] == "udp" ? Protocol::udp : Protocol::tcp, *server}};
  if (!words[2].empty()) config.credentials = turn::Credentials{words[2], words[3]};
  if (words.size() > 6 && words[6] == "ipv6") config.families = turn::RelayedFamilies::ipv6;
  if (words.size() > 6 && words[6] == "both") config.families = turn::RelayedFamilies::both;
  std::optional<TlsWish> tls;
  if (words[0] == "tls")
    tls = TlsWish{.server = to_text(server->address), .authorities = words.size() > 7 ? read_all(words[7]) : ""};
  crypto::SecureRng rng;
  Caller caller{std::move(config), *peer, count, std::move(tls), rng};
  if (!io::run(caller, {.trust = crypto::TlsContext::trust})) return 2;
  if (const auto* failure = caller.client().failure()) {
    const auto error = to_error(*failure);
    fmt::print("failed {}: {} ({})\n", error.reason, error.detail, error.advice);
    return 4;
  }
  fmt::print("echoed {} repeated {} mapped {}\n", caller.echoed, caller.repeated,
             caller.client().mapped() ? to_text(*caller.client().mapped()) : "-");
  return caller.echoed == count ? 0 : 6;
}
}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return words.size() < 6 ? 2 : call(words);
}
