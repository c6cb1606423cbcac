// Lying and broken servers against a running probe: the input says what they answer, to which request, from where and
// when. Whatever they do, the run ends in its time, its trace is bounded, and a replay judges it the same.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/probe/probe.hpp"

using namespace natkit;
using fuzz::must_hold;

namespace {
const Endpoint server{IpAddress::v4(0xC6336401), 3478};

/// What stands in the way answers for a web page, perhaps in parts.
Bytes write_page(ByteReader& input) {
  auto text = input.remaining() % 3 == 0 ? std::string{} : std::string{"HTTP/1.1 302 \r\nLocation: "};
  text += as_text(
      input.read_bytes(std::min<std::size_t>(input.read_u8().value_or(0), input.remaining())).value_or(ByteView{}));
  text += "\r\n\r\n";
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

/// An answer made of input bytes that fits the request well enough to be read.
Bytes answer_to(const Datagram& request, ByteReader& input) {
  const auto asked = stun::parse_message(request.payload);
  if (!asked) return write_page(input);
  const auto id = asked->transaction_id();
  const auto kind = input.read_u8().value_or(0);
  stun::MessageWriter writer{(kind & 1U) != 0 ? stun::MessageClass::error : stun::MessageClass::success,
                             stun::Method::binding, id};
  for (unsigned attributes = kind >> 5U; attributes > 0; --attributes) {
    const auto type = static_cast<stun::AttributeType>(input.read_u16().value_or(0));
    const auto value = input.read_bytes(std::min<std::size_t>(input.read_u8().value_or(0), input.remaining()));
    writer.add(type, value.value_or(ByteView{}));
  }
  return writer.finish();
}
void open(probe::Probe& machine, Instant now, const SocketWish& wish, ByteReader& input) {
  if (input.read_u8().value_or(0) == 255)
    machine.handle_socket_failure(now, wish.socket, "Address already in use");
  else
    machine.handle_socket_opened(now, wish.socket, {IpAddress::v4(0xC0A80102), 50000});
}

/// What a server sends on a connection that it was asked to make.
Bytes call_back(const Datagram& request) {
  const auto asked = stun::parse_message(request.payload);
  const auto id = asked ? asked->transaction_id() : stun::TransactionId{};
  stun::ReachQuestion question{.protocol = Protocol::tcp, .port = 50000};
  std::copy(id.bytes.end() - static_cast<std::ptrdiff_t>(question.token.size()), id.bytes.end(),
            question.token.begin());
  return stun::write_reach_probe({}, question);
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input{{data, size}};
  SeededRng rng{1};
  // Both kinds of run with any input: which one, its length says.
  const auto extent = size % 2 == 0 ? probe::Timing::Extent::core : probe::Timing::Extent::full;
  probe::Probe machine{
      {.servers = {{"one", server}, {"two", {IpAddress::v4(0xC6336409), 3478}}}, .timing = {.extent = extent}}, rng};
  Instant now{std::chrono::hours{1}};
  const Instant begin = now;
  std::vector<Datagram> requests;
  machine.start(now);
  while (!machine.is_done()) {
    while (auto change = machine.poll_socket()) open(machine, now, std::get<SocketWish>(*change), input);
    while (auto out = machine.poll_transmit()) requests.push_back(std::move(*out));
    const auto step = input.read_u8();
    if (step && *step < 128 && !requests.empty()) {
      const auto& request = requests[*step % requests.size()];
      Datagram in{.socket = request.socket, .protocol = request.protocol, .local = {}, .remote = request.remote};
      if (const auto elsewhere = input.read_u8().value_or(0); elsewhere > 127)
        in.remote = {IpAddress::v4(0xC6336400U + elsewhere), static_cast<std::uint16_t>(elsewhere)};
      in.payload = input.remaining() % 7 == 0 ? call_back(request) : answer_to(request, input);
      if (const auto kind = input.read_u8().value_or(0); kind > 250)
        machine.handle_send_failure(now, request, "Message too long");
      else if (kind > 245)
        machine.handle_path_error(now, {.socket = request.socket,
                                        .kind = PathError::Kind::hop_limit_exceeded,
                                        .remote = request.remote,
                                        .offender = in.remote.address});
      else
        machine.handle_datagram(now, in);
    } else {
      must_hold(machine.poll_timeout().has_value());
      now = std::max(now, *machine.poll_timeout());
      machine.handle_timeout(now);
    }
  }
  must_hold(now - begin <= probe::Timing{}.timeout);
  must_hold(machine.trace().events.size() < 4000);
  must_hold(!machine.poll_timeout());
  const auto report = probe::classify(machine.trace());
  must_hold(report.elapsed == now - begin);
  return 0;
}
