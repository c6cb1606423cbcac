// A server that says anything, into the client: it ends or goes on, and never speaks but to its servers.
//
// An input is a row of records:
//   | how (1) | count (1) | payload … |
//   how: bits 0-3 a message to be made from the payload, or 15: the payload as it is, 14: the connection ends,
//        13: the client is asked for something, 12: about rows; 4 which server; 5-7 time since the record before, in
//        seconds
#include <map>
#include <set>

#include "fuzz/fuzz.hpp"
#include "natkit/rendezvous/client.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using fuzz::must_hold;

namespace {
const std::vector<Endpoint> servers{{IpAddress::v4(0xC0000201U), 3478}, {IpAddress::v4(0xC0000202U), 3478}};

class World {
 public:
  explicit World(std::size_t count)
      : client_({.servers = {servers.begin(), servers.begin() + static_cast<std::ptrdiff_t>(count)},
                 .tls = {{servers[1], {}}},
                 .id = "me"},
                rng_) {
    client_.start(now_);
    collect();
  }
  void step(std::uint8_t how, ByteView payload) {
    pass(std::chrono::seconds{how >> 5U});
    const auto& server = servers[how >> 4U & 1U];
    const auto socket = sockets_.find(server);
    if (socket == sockets_.end()) return;
    Datagram in{.socket = socket->second, .protocol = Protocol::tcp, .remote = server};
    if ((how & 15U) == 13) {
      ask(payload);
    } else if ((how & 15U) == 14) {
      client_.handle_send_failure(now_, in, "closed");
    } else {
      const auto text = words(how, payload);
      in.payload.assign(text.begin(), text.end());
      client_.handle_datagram(now_, in);
    }
    collect();
  }

 private:
  void ask(ByteView payload) {
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    switch (byte(0) % 11) {
      case 0:
        static_cast<void>(client_.open(now_, {.purpose = static_cast<Purpose>(byte(1) % 3),
                                              .name = "den",
                                              .description = "d",
                                              .wait = std::chrono::seconds{byte(2)}}));
        break;
      case 1:
        client_.describe(now_, PlaceId{byte(1)}, "again");
        break;
      case 2:
        client_.close(now_, PlaceId{byte(1)});
        break;
      case 3:
        client_.send_candidate(now_, AttemptId{byte(1)}, "c");
        break;
      case 4:
        client_.report(now_, AttemptId{byte(1)}, Outcome::connected);
        break;
      case 5:
        client_.leave(now_);
        break;
      case 6:
        client_.publish(now_, {.session = std::string(1, text(byte(1))), .epoch = byte(2) % 3U}, "key");
        break;
      case 7:
        client_.withdraw(now_, std::string(1, text(byte(1))));
        break;
      case 8:
        client_.release(std::string(1, text(byte(1))));
        break;
      case 9:
        asked_.insert(client_.find(now_, {.most = byte(1)}));
        break;
      default:
        client_.send_witness(now_, "a", "who");
        break;
    }
  }
  static char text(std::uint8_t n) { return static_cast<char>('a' + n % 3); }
  static std::string words_of_sessions(ByteView payload) {
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    const std::string session(1, text(byte(1)));
    switch (byte(0) % 5) {
      case 0:
        return write_message(
            Published{.session = session, .epoch = byte(2) % 3U, .ttl = std::chrono::milliseconds{100} * byte(3)});
      case 1:
        return write_message(Withdrawn{.session = session});
      case 2: {
        Rows rows{.question = byte(1), .rows = std::vector<Entry>(byte(2) % 8U)};
        if (byte(3) < 128) rows.next = byte(3);
        return write_message(rows);
      }
      case 3: {
        DirectoryRefused refused{.reason = static_cast<DirectoryRefusal>(byte(2) % 7)};
        if (byte(3) < 128)
          refused.question = byte(1);
        else
          refused.session = session;
        if (byte(4) < 128) refused.epoch = byte(4) % 3U;
        return write_message(refused);
      }
      default:
        return write_message(WitnessText{.session = session, .text = "he"});
    }
  }
  static std::string words(std::uint8_t how, ByteView payload) {
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    const AttemptId attempt{byte(1)};
    switch (how & 15U) {
      case 0:
        return write_message(Welcome{.address = servers[0], .ping_interval = std::chrono::seconds{byte(0)}});
      case 1:
        return write_message(Registered{.session = static_cast<Registered::Session>(byte(0) % 2), .heard = byte(1)});
      case 2:
        return write_message(Ping{.number = byte(0), .heard = byte(1)});
      case 3:
        return write_message(Pong{.number = byte(0), .heard = byte(1)});
      case 4:
        return write_message(Closing{});
      case 5:
        return write_message(Goodbye{.reason = static_cast<Reason>(byte(0) % 14), .detail = "x"});
      case 6:
        return write_message(PeerFound{.place = PlaceId{byte(0)},
                                       .attempt = attempt,
                                       .peer = "b",
                                       .peer_address = servers[1],
                                       .description = "theirs"});
      case 7:
        return write_message(Refused{.reason = static_cast<Reason>(byte(0) % 14),
                                     .detail = "x",
                                     .finality = static_cast<Finality>(byte(1) % 2),
                                     .place = PlaceId{byte(2)}});
      case 8:
        return write_message(Candidate{.attempt = attempt, .text = "c"});
      case 9:
        return write_message(Bye{.attempt = attempt, .reason = Reason::closed});
      case 10:
        return write_message(Renewed{.services = {{.kind = static_cast<Service::Kind>(byte(0) % 3)}}});
      case 11:
        return write_message(Registered{.services = {{.credentials = turn::Credentials{"n", "p"}}},
                                        .services_for = std::chrono::seconds{byte(0)}});
      case 12:
        return words_of_sessions(payload);
      default:
        return {payload.begin(), payload.end()};
    }
  }
  void pass(Duration time) {
    const auto end = now_ + time;
    for (auto due = client_.poll_timeout(); due && *due <= end; due = client_.poll_timeout()) {
      now_ = std::max(now_, *due);
      client_.handle_timeout(now_);
      const auto next = client_.poll_timeout();
      must_hold(!next || *next > now_);
      collect();
    }
    now_ = end;
  }
  void collect() {
    while (auto out = client_.poll_transmit()) {
      must_hold(out->protocol == Protocol::tcp && client_.owns(out->socket));
      must_hold(out->remote == servers[0] || out->remote == servers[1]);
      sockets_[out->remote] = out->socket;
    }
    while (client_.poll_socket()) {
    }
    while (auto event = client_.poll_event()) {
      if (const auto* registered = std::get_if<RegisteredAt>(&*event))
        for (const auto& service : registered->services) must_hold(service.address.has_value());
      if (const auto* told = std::get_if<NewServices>(&*event))
        for (const auto& service : told->services) must_hold(service.address.has_value());
      if (const auto* found = std::get_if<FoundRows>(&*event)) {
        must_hold(asked_.erase(found->question) == 1);  // once
        must_hold(found->rows.size() <= 255);
      }
      if (const auto* not_answered = std::get_if<NotAnswered>(&*event))
        must_hold(asked_.erase(not_answered->question) == 1);
      const auto* verdict = std::get_if<NotPossible>(&*event);
      if (verdict != nullptr && !verdict->place) must_hold(!client_.poll_timeout());
    }
  }

  SeededRng rng_{1};
  Instant now_{std::chrono::hours{1}};
  Client client_;
  std::map<Endpoint, SocketId> sockets_;
  std::set<QuestionId> asked_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader{ByteView{data, size}};
  World world{1U + reader.read_u8().value_or(0) % 2U};
  while (const auto how = reader.read_u8()) {
    const auto count = std::min<std::size_t>(reader.read_u8().value_or(0), reader.remaining());
    world.step(*how, *reader.read_bytes(count));
  }
  return 0;
}
