#include "natkit/channel/streams.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace natkit::channel {
namespace {
using State = StreamTable::State;
using End = StreamTable::Entry::End;
using Hold = StreamTable::Entry::Hold;

constexpr std::size_t longest_text = std::numeric_limits<std::uint16_t>::max();  // RFC 8832 §5.1
// SCTP has no empty messages, so one zero byte stands for them (RFC 8831 §6.6).
constexpr std::array<std::uint8_t, 1> stand_in{};

Ppid ppid_of(MessageKind kind, ByteView payload) {
  if (kind == MessageKind::text) return payload.empty() ? Ppid::empty_text : Ppid::text;
  return payload.empty() ? Ppid::empty_binary : Ppid::binary;
}

/// Until the ACK the peer may not know the stream yet; only order makes sure that the OPEN is first (RFC 8832 §6).
StreamOptions in_force(const StreamTable::Entry& entry) {
  StreamOptions out{.ordering = entry.options.ordering, .delivery = entry.options.delivery};
  if (entry.state == State::told) out.ordering = Ordering::ordered;
  return out;
}
}  // namespace

std::expected<StreamId, OpenError> Streams::open(StreamOptions options) {
  if (options.label.size() > longest_text || options.protocol.size() > longest_text) {
    return std::unexpected(OpenError::too_long);
  }
  const auto stream = table_.free_number();
  if (!stream) return std::unexpected(OpenError::too_many);
  table_.add(*stream, {.options = std::move(options), .state = State::to_be_told});
  return *stream;
}

std::expected<StreamId, OpenError> Streams::open_agreed(StreamId stream, StreamOptions options) {
  if (!table_.is_allowed(stream)) return std::unexpected(OpenError::too_many);
  if (table_.find(stream)) return std::unexpected(OpenError::taken);
  table_.add(stream, {.options = std::move(options), .state = State::open});
  return stream;
}

void Streams::close(StreamId stream, Association* association) {
  auto* const entry = table_.find(stream);
  if (!entry || entry->state == State::closing) return;
  if (entry->state == State::to_be_told) {
    table_.remove(stream);
    return;
  }
  entry->state = State::closing;
  if (association && is_up_ && entry->hold == Hold::none) association->reset(stream);
}

bool Streams::is_held(StreamId stream) {
  const auto* const entry = table_.find(stream);
  return entry && entry->hold != Hold::none;
}

std::expected<void, SendError> Streams::send(Association& association, StreamId stream, MessageKind kind,
                                             ByteView payload) {
  auto* const entry = table_.find(stream);
  if (!entry || entry->state == State::closing) return std::unexpected(SendError::no_such_stream);
  if (entry->hold != Hold::none) {
    entry->hold = Hold::wanted;
    return std::unexpected(SendError::buffer_full);
  }
  if (!untold_.empty()) return std::unexpected(SendError::buffer_full);  // the OPEN must be first
  const auto sent = association.send(stream, ppid_of(kind, payload), in_force(*entry),
                                     payload.empty() ? ByteView{stand_in} : payload);
  if (sent == SctpSocket::Sent::full) return std::unexpected(SendError::buffer_full);
  if (sent == SctpSocket::Sent::failed) return std::unexpected(SendError::closed);
  return {};
}

void Streams::handle_up(Association& association, std::uint16_t outgoing) {
  is_up_ = true;
  table_.lower_limit(outgoing);
  for (const auto& [stream, entry] : table_.entries()) {
    if (entry.state == State::closing) association.reset(stream);
  }
}

void Streams::flush(Association& association) {
  for (auto& [stream, entry] : table_.entries()) {
    if (entry.state != State::to_be_told) continue;
    entry.state = State::told;
    untold_.push_back({stream, dcep::Open{entry.options}});
  }
  while (!untold_.empty()) {
    const auto& [stream, message] = untold_.front();
    const auto bytes = dcep::write_message(message);
    if (association.send(stream, Ppid::dcep, {}, bytes) == SctpSocket::Sent::full) return;
    untold_.pop_front();
  }
}

std::expected<std::optional<Event>, std::string> Streams::handle_incoming(Association& association,
                                                                          Association::Incoming incoming) {
  if (incoming.ppid == Ppid::dcep) return handle_dcep(association, incoming.stream, incoming.payload);
  const bool is_text = incoming.ppid == Ppid::text || incoming.ppid == Ppid::empty_text;
  const bool is_binary = incoming.ppid == Ppid::binary || incoming.ppid == Ppid::empty_binary;
  const auto* const entry = table_.find(incoming.stream);
  // Data for nobody: on a stream closed here meanwhile, or of a kind unknown to RFC 8831.
  if (!entry || entry->state == State::closing || (!is_text && !is_binary)) return std::nullopt;
  if (incoming.ppid == Ppid::empty_text || incoming.ppid == Ppid::empty_binary) incoming.payload.clear();
  return Message{incoming.stream, is_text ? MessageKind::text : MessageKind::binary, std::move(incoming.payload)};
}

std::expected<std::optional<Event>, std::string> Streams::handle_dcep(Association& association, StreamId stream,
                                                                      ByteView bytes) {
  auto message = dcep::parse_message(bytes);
  if (!message) return std::unexpected("a malformed announcement of a stream");
  if (auto* open = std::get_if<dcep::Open>(&*message)) return handle_open(association, stream, std::move(*open));
  if (auto* entry = table_.find(stream); entry && entry->state == State::told) entry->state = State::open;
  return std::nullopt;
}

std::expected<std::optional<Event>, std::string> Streams::handle_open(Association& association, StreamId stream,
                                                                      dcep::Open open) {
  const auto* const before = table_.find(stream);
  // Its end and ours have met there: only its word for ours, which may get lost on the way (RFC 6525 §5.2.7), is not
  // here.
  const bool is_over_there =
      before && before->state == State::closing && before->ended == End::peers && before->hold == Hold::none;
  if (before && !is_over_there) return std::unexpected("a stream opened that is in use");
  if (!table_.is_allowed(stream)) return std::unexpected("a stream opened beyond the limit");
  if (untold_.size() >= limit_) return std::unexpected("streams opened faster than they can be answered");
  table_.add(stream, {.options = open.options, .state = State::open});
  if (is_over_there) {
    table_.find(stream)->hold = Hold::silent;
    replaced_ = StreamClosed{stream};
  } else {
    untold_.push_back({stream, dcep::Ack{}});
    flush(association);
  }
  return StreamOpened{stream, std::move(open.options)};
}

/// What waited for the end of the stream that had the number before.
void Streams::release(Association& association, StreamId stream, StreamTable::Entry& entry) {
  has_released_ = has_released_ || entry.hold == Hold::wanted;
  entry.hold = Hold::none;
  if (entry.state == State::closing) return association.reset(stream);
  untold_.push_back({stream, dcep::Ack{}});
  flush(association);
}

std::deque<StreamClosed> Streams::handle_reset(Association& association, const SctpSocket::Reset& reset) {
  std::deque<StreamClosed> gone;
  const auto end = reset.side == SctpSocket::Reset::Side::ours ? End::ours : End::peers;
  for (const auto stream : reset.streams) {
    auto* const entry = table_.find(stream);
    if (!entry) continue;
    if (end == End::ours && entry->hold != Hold::none) {
      release(association, stream, *entry);
      continue;
    }
    if (end == End::peers && entry->state != State::closing) {  // the peer goes first, and we follow
      entry->state = State::closing;
      if (entry->hold == Hold::none) association.reset(stream);
    }
    if (entry->ended == End::none) {
      entry->ended = end;
    } else if (entry->ended != end) {
      table_.remove(stream);
      gone.push_back({stream});
    }
  }
  return gone;
}

bool Streams::is_waiting() const {
  return !untold_.empty() || std::ranges::any_of(table_.entries(), [](const auto& item) {
    return item.second.state == State::closing || item.second.hold != Hold::none;
  });
}
}  // namespace natkit::channel
