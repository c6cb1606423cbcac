// One end of a WebRTC data channel, so that other people's peers have something to talk to: reads their offer (SDP) up
// to an empty line, writes an answer, and then says what happens, a line each. Of ICE it has only what RFC 8445 §2.5
// calls lite: one candidate, and answers to whoever knows its password. It echoes every message, and opens a stream of
// its own.
//
//     data_channel_peer ADDRESS client|server      the role in DTLS
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "natkit/channel/channel.hpp"
#include "natkit/crypto/digest.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"

using namespace natkit;
using namespace natkit::channel;

namespace {
constexpr auto patience = std::chrono::seconds{20};
constexpr std::size_t longest_datagram = 65'535;

Instant now() { return Instant{std::chrono::steady_clock::now().time_since_epoch()}; }

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << why << '\n';
  std::exit(1);
}

void say(const std::string& what) { std::cout << what << std::endl; }

std::string random_word(std::size_t bytes) {
  crypto::SecureRng rng;
  Bytes word(bytes);
  rng.fill(word);
  return to_hex(word);
}

/// The value of the line that begins like this.
std::string find(const std::string& sdp, const std::string& key) {
  const auto begin = sdp.find(key);
  if (begin == std::string::npos) give_up("the offer has no " + key);
  return sdp.substr(begin + key.size(), sdp.find_first_of("\r\n", begin) - begin - key.size());
}

std::string read_offer() {
  std::string out;
  for (std::string line; std::getline(std::cin, line) && !line.empty() && line != "\r";) out += line + '\n';
  return out;
}

class UdpSocket {
 public:
  explicit UdpSocket(const char* address) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &local.sin_addr) != 1 ||
        bind(socket_, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) {
      give_up("cannot bind " + std::string{address});
    }
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in local{};
    socklen_t size = sizeof local;
    (void)getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &size);
    return ntohs(local.sin_port);
  }
  void wait(Duration most) const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    (void)poll(&waiting, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count()));
  }
  bool receive(Bytes& out, sockaddr_in& from) const {
    out.resize(longest_datagram);
    socklen_t size = sizeof from;
    const auto got = recvfrom(socket_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
  }
  void send(ByteView bytes, sockaddr_in to) const {
    (void)sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  }

 private:
  int socket_;
};

class Peer {
 public:
  Peer(const char* address, Role role)
      : role_(role), address_(address), socket_(address), channel_({.role = role}, identity_) {}

  void run() {
    const auto offer = read_offer();
    const auto theirs = crypto::parse_fingerprint(find(offer, "a=fingerprint:"));
    if (!theirs) give_up("the offer has no fingerprint by SHA-256");
    std::cout << answer() << std::endl;
    const auto end = now() + patience;
    if (role_ == Role::server) channel_.start(now(), *theirs);
    while (!is_closed_ && now() < end) {
      drain();
      socket_.wait(std::min(end, channel_.poll_timeout().value_or(end)) - now());
      Bytes datagram;
      sockaddr_in from{};
      while (socket_.receive(datagram, from)) take(datagram, from, *theirs);
      if (channel_.poll_timeout().value_or(end) <= now()) channel_.handle_timeout(now());
    }
    drain();
  }

 private:
  [[nodiscard]] std::string answer() const {
    return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0\r\n"
           "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
           "a=sctp-port:5000\r\na=max-message-size:262144\r\na=setup:" +
           std::string{role_ == Role::client ? "active" : "passive"} +
           "\r\na=fingerprint:" + to_text(identity_.fingerprint()) + "\r\na=ice-ufrag:" + fragment_ +
           "\r\na=ice-pwd:" + password_ + "\r\na=candidate:1 1 UDP 2130706431 " + address_ + " " +
           std::to_string(socket_.port()) + " typ host\r\na=end-of-candidates\r\n";
  }

  void take(ByteView datagram, const sockaddr_in& from, const crypto::Fingerprint& theirs) {
    if (datagram[0] >= 20 && datagram[0] <= 63) {  // DTLS (RFC 7983 §7)
      channel_.handle_datagram(now(), datagram);
      return;
    }
    const auto message = stun::parse_message(datagram);
    if (!message || message->message_class() != stun::MessageClass::request ||
        stun::verify_message_integrity(*message, as_bytes(password_)) != stun::Integrity::right) {
      return;
    }
    answer_check(*message, from);
    if (!peer_) {
      peer_ = from;
      channel_.start(now(), theirs);
    }
    if (message->find(stun::AttributeType::use_candidate)) peer_ = from;
  }

  void answer_check(const stun::Message& message, const sockaddr_in& from) const {
    const Endpoint seen{IpAddress::v4(ntohl(from.sin_addr.s_addr)), ntohs(from.sin_port)};
    socket_.send(stun::MessageWriter{stun::MessageClass::success, stun::Method::binding, message.transaction_id()}
                     .add_endpoint(stun::AttributeType::xor_mapped_address, seen)
                     .add_message_integrity(as_bytes(password_))
                     .add_fingerprint()
                     .finish(),
                 from);
  }

  void drain() {
    while (const auto event = channel_.poll_event()) handle(*event);
    while (const auto datagram = channel_.poll_transmit()) {
      if (peer_) socket_.send(*datagram, *peer_);
    }
  }

  void handle(const Event& event) {
    if (std::holds_alternative<Secured>(event)) {
      say("secured");
      const auto stream = channel_.open_stream(now(), {.label = "ours", .protocol = "echo"});
      (void)channel_.send(now(), stream.value(), MessageKind::text, as_bytes("hello from natkit"));
    } else if (const auto* opened = std::get_if<StreamOpened>(&event)) {
      say("opened " + opened->options.label);
    } else if (const auto* message = std::get_if<Message>(&event)) {
      handle_message(*message);
    } else if (std::holds_alternative<StreamClosed>(event)) {
      say("stream closed");
    } else if (const auto* closed = std::get_if<Closed>(&event)) {
      say("closed " + std::string{to_text(closed->reason)} + " " + closed->detail);
      is_closed_ = true;
    }
  }

  void handle_message(const Message& message) {
    const bool is_text = message.kind == MessageKind::text;
    say(is_text ? "text " + std::string{as_text(message.payload)}
                : "binary " + std::to_string(message.payload.size()) + " " + to_hex(crypto::sha256(message.payload)));
    if (is_text && as_text(message.payload) == "close") {
      channel_.close(now());
    } else if (!is_text || as_text(message.payload).substr(0, 4) != "echo") {
      (void)channel_.send(now(), message.stream, message.kind, message.payload);
    }
  }

  Role role_;
  std::string address_;
  std::string fragment_ = random_word(4);
  std::string password_ = random_word(16);
  crypto::Identity identity_ = crypto::Identity::make();
  UdpSocket socket_;
  Channel channel_;
  std::optional<sockaddr_in> peer_;
  bool is_closed_ = false;
};
}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc == 3 ? argv[2] : "";
  if (role != "client" && role != "server") give_up("usage: data_channel_peer ADDRESS client|server");
  Peer{argv[1], role == "client" ? Role::client : Role::server}.run();
}
