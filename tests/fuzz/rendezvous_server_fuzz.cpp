// Clients that say anything at any time, into the server: it stays bounded, and speaks to nobody who did not connect.
//
// An input is a row of records:
//   | who (1) | what (1) | count (1) | payload … |
//   who: bits 0-2 connection, 3-7 time since the record before, in steps of 0.4 s
//   what: bits 0-3 a message to be made from the payload, or 15: the payload as it is; 14: hang up; 13: hello and
//   register; with bits 4-7 a message about rows, or to the witness; from 12 on about matches
#include <map>
#include <set>

#include "fuzz/fuzz.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/store.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_bytes = 20000;
constexpr std::size_t most_rows = 3;

class Echo final : public Witness {
 public:
  std::optional<std::string> answer(Instant, std::string_view, std::string_view text) override {
    return std::string{text} + "!";
  }
};

class World {
 public:
  World() { server_.offer().tell_time(now_, turn::UnixTime{std::chrono::seconds{1'000'000'000}}); }
  void step(std::uint8_t who, std::uint8_t what, ByteView payload) {
    pass(std::chrono::milliseconds{400} * (who >> 3U));
    const std::uint16_t port = static_cast<std::uint16_t>(5000 + (who & 7U));
    auto in = datagram(port);
    if ((what & 15U) == 14) {
      server_.handle_send_failure(now_, in, "closed");
      open_.erase(port);
      return collect();
    }
    const auto text = words(port, what, payload);
    in.payload.assign(text.begin(), text.end());
    if (!server_.wants(in)) return;
    open_.insert(port);
    server_.handle_datagram(now_, in);
    collect();
  }
  void finish() {
    pass(std::chrono::seconds{200});
    must_hold(server_.sessions() == 0 && server_.connections() == 0 && server_.attempts() == 0);
    must_hold(server_.kept_bytes() == 0);
    must_hold(matchmaker_.waiting() == 0 && matchmaker_.bytes() == 0);
    directory_.expire(now_ + std::chrono::minutes{6});
    must_hold(directory_.size() == 0 && directory_.bytes() == 0 && !directory_.next_expiry());
  }

 private:
  static Datagram datagram(std::uint16_t port) {
    return {.socket = SocketId{1},
            .protocol = Protocol::tcp,
            .local = {IpAddress::v4(0xC0000201U), 3478},
            .remote = {IpAddress::v4(0xC6336401U), port}};
  }
  std::string words(std::uint16_t port, std::uint8_t what, ByteView payload) {
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    const auto text = [&](std::uint8_t n) { return std::string(1, static_cast<char>('a' + n % 4)); };
    const PlaceId place{byte(0)};
    const auto attempt = attempts_.empty() ? AttemptId{byte(0)} : attempts_[byte(0) % attempts_.size()];
    const auto heard = byte(1) < 128 ? heard_[port] : byte(1) % 4U;
    std::optional<std::string> description;
    if (byte(3) < 200) description = std::string(byte(3), 'd');
    std::optional<Duration> wait;
    if (byte(4) < 200) wait = std::chrono::milliseconds{50} * byte(4);
    if ((what & 15U) < 14 && what >> 4U != 0) return words_of_sessions(what >> 4U, payload);
    switch (what & 15U) {
      case 0:
        return write_message(Open{.place = place,
                                  .purpose = static_cast<Purpose>(byte(1) % 3),
                                  .name = text(byte(2)),
                                  .description = description,
                                  .wait = wait});
      case 1:
        return write_message(Describe{.place = place, .description = "again"});
      case 2:
        return write_message(Close{.place = place});
      case 3:
        return write_message(Candidate{.attempt = attempt, .text = text(byte(1))});
      case 4:
        return write_message(Restart{.attempt = attempt, .description = text(byte(1))});
      case 5:
        return write_message(Bye{.attempt = attempt, .reason = static_cast<Reason>(byte(1) % 14)});
      case 6:
        return write_message(AttemptResult{.attempt = attempt, .outcome = static_cast<Outcome>(byte(1) % 2)});
      case 7:
        return write_message(Ping{.number = byte(0), .heard = heard});
      case 8:
        return write_message(Pong{.number = pings_[port], .heard = heard});
      case 9:
        return write_message(Hello{});
      case 10:
        return write_message(Register{.id = text(byte(0)), .token = text(byte(1)), .heard = heard_[port]});
      case 11:
        return write_message(Goodbye{.reason = Reason::closed});
      case 12:
        return write_message(Candidate{.attempt = attempt, .text = std::string(2000, 'c')});
      case 13:
        return write_message(Hello{}) + write_message(Register{.id = text(byte(0)), .token = text(byte(1))});
      default:
        return {payload.begin(), payload.end()};
    }
  }
  static std::string words_of_matches(unsigned what, ByteView payload) {
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    const auto member = [&](std::uint8_t n) { return std::string(64, static_cast<char>('a' + n % 6)); };
    if (what == 14) return write_message(Unseek{.question = byte(0) % 4U});
    if (what == 15)
      return write_message(ReportMember{.question = byte(0),
                                        .report = {.session = std::string(32, static_cast<char>('0' + byte(1) % 10)),
                                                   .member = member(byte(2)),
                                                   .certificate = {payload.begin(), payload.end()}}});
    Seeker seeker{.member = member(byte(1)),
                  .players = 2U + byte(2) % 3U,
                  .families = static_cast<Seeker::Families>(1 + byte(3) % 3),
                  .reach = static_cast<Reach>(byte(3) / 4 % 4)};
    if (byte(4) < 128) seeker.round_trip = std::chrono::milliseconds{byte(4)};
    if (byte(5) < 128) seeker.blocked.insert(member(byte(5)));
    if (what == 13) seeker.tags["k"] = std::string(1, static_cast<char>(byte(6)));
    return write_message(Seek{.question = byte(0) % 4U, .seeker = seeker});
  }
  static std::string words_of_sessions(unsigned what, ByteView payload) {
    if (what >= 12) return words_of_matches(what, payload);
    const auto byte = [&](std::size_t i) { return i < payload.size() ? payload[i] : std::uint8_t{0}; };
    const auto text = [&](std::uint8_t n) { return std::string(1, static_cast<char>('a' + n % 6)); };
    switch (what % 4) {
      case 0:
        return write_message(Publish{.row = {.session = text(byte(0)),
                                             .name = text(byte(1)),
                                             .host = std::string(64, text(byte(2)).front()),
                                             .epoch = byte(3) % 4U,
                                             .visibility = static_cast<Visibility>(byte(4) % 2),
                                             .doors = static_cast<Doors>(byte(4) / 2 % 2),
                                             .knock = std::string(8U * byte(5), 'k'),
                                             .columns = {payload.begin(), payload.end()},
                                             .ttl = std::chrono::seconds{byte(6)}},
                                     .token = text(byte(7) / 64),
                                     .old_host = static_cast<HostEnd>(byte(4) / 4 % 3)});
      case 1:
        return write_message(Withdraw{.session = text(byte(0)), .token = text(byte(1) / 64), .epoch = byte(2) % 4U});
      case 2: {
        Query query{.after = byte(2) % 8U, .most = byte(3)};
        if (byte(0) < 128) query.name = text(byte(0));
        if (byte(1) < 128) query.session = text(byte(1));
        return write_message(Find{.question = byte(4), .query = query});
      }
      default:
        return write_message(WitnessText{.session = text(byte(0)), .text = std::string(16U * byte(1), 'w')});
    }
  }
  void pass(Duration time) {
    const auto end = now_ + time;
    for (auto due = server_.poll_timeout(); due && *due <= end; due = server_.poll_timeout()) {
      now_ = std::max(now_, *due);
      server_.handle_timeout(now_);
      const auto next = server_.poll_timeout();
      must_hold(!next || *next > now_);
      collect();
    }
    now_ = end;
  }
  void collect() {
    while (auto out = server_.poll_transmit()) {
      must_hold(out->protocol == Protocol::tcp && open_.contains(out->remote.port));
      const auto line = as_text(out->payload);
      const auto message = parse_message(line.substr(0, line.size() - 1));
      must_hold(message.has_value());
      note(out->remote.port, *message);
    }
    while (auto change = server_.poll_socket()) {
      const auto port = std::get<ConnectionEnd>(*change).remote.port;
      must_hold(open_.erase(port) == 1);
    }
    must_hold(server_.kept_bytes() <= 2 * most_bytes);
    must_hold(server_.connections() <= open_.size());
    must_hold(directory_.size() <= most_rows && directory_.bytes() <= most_bytes);
    must_hold(directory_.hosts_remembered() <= 2);
    must_hold(matchmaker_.waiting() <= 3 && matchmaker_.remembered() <= 4);
    must_hold(reports_.cases() <= 2);
  }
  void note(std::uint16_t port, const Message& message) {
    if (const auto* found = std::get_if<PeerFound>(&message)) attempts_.push_back(found->attempt);
    if (const auto* ping = std::get_if<Ping>(&message)) pings_[port] = ping->number;
    if (const auto* registered = std::get_if<Registered>(&message);
        registered != nullptr && registered->session == Registered::Session::fresh)
      heard_[port] = 0;
    if (std::holds_alternative<PeerFound>(message) || std::holds_alternative<Refused>(message) ||
        std::holds_alternative<Candidate>(message) || std::holds_alternative<Restart>(message) ||
        std::holds_alternative<Bye>(message) || std::holds_alternative<Matched>(message))
      ++heard_[port];
  }

  MemoryStore store_;
  Directory directory_{
      {.limits = {.rows = most_rows, .rows_per_address = 2, .bytes = most_bytes, .hosts_remembered = 2}}};
  Echo witness_;
  SeededRng rng_{1};
  Matchmaker matchmaker_{{.limits = {.waiting = 3, .waiting_per_address = 3, .remembered = 4}}, rng_};
  Reports reports_{{.limits = {.cases = 2}}};
  Server server_{
      {.limits = {.connections = 6,
                  .sessions = 5,
                  .sessions_per_address = 5,
                  .places = 4,
                  .attempts = 3,
                  .queued = 2,
                  .unheard_bytes = 5000,
                  .bytes = most_bytes},
       .offer = {.here = {{.kind = Service::Kind::turn}}, .secret = "north", .lifetime = std::chrono::seconds{40}},
       .directory = &directory_,
       .witness = &witness_,
       .matchmaker = &matchmaker_,
       .reports = &reports_},
      store_,
      rng_};
  Instant now_{std::chrono::hours{1}};
  std::set<std::uint16_t> open_;
  std::vector<AttemptId> attempts_;
  std::map<std::uint16_t, std::uint64_t> pings_;
  std::map<std::uint16_t, std::uint64_t> heard_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  ByteReader reader{ByteView{data, size}};
  while (const auto who = reader.read_u8()) {
    const auto what = reader.read_u8().value_or(15);
    const auto count = std::min<std::size_t>(reader.read_u8().value_or(0), reader.remaining());
    world.step(*who, what, *reader.read_bytes(count));
  }
  world.finish();
  return 0;
}
