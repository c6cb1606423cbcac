#include "carry.hpp"

#include <string_view>
#include <utility>

namespace natkit {
namespace {
// On the task's stream: binary is bytes, text one of these two.
constexpr std::string_view end_word = "end";          ///< no more bytes from this side
constexpr std::string_view receipt_word = "written";  ///< all bytes up to the end have been
constexpr std::size_t piece_bytes = 65536;

bool send_word(Instant now, link::Link& link, std::string_view word) {
  const Bytes text(word.begin(), word.end());
  return link.send(now, task_stream, channel::MessageKind::text, text).has_value();
}
}  // namespace

/// So that the first bytes go with the end of the handshake instead of a round trip later.
void Carry::prepare() {
  if (waiting_.empty()) changes_.emplace_back(PipeRead{standard_streams, piece_bytes});
}

void Carry::begin(Instant now, link::Link& link) {
  static_cast<void>(link.open_agreed_stream(task_stream, {}));
  send_waiting(now, link);
}

void Carry::handle_read(Instant now, link::Link& link, PipeId /*pipe*/, ByteView piece) {
  waiting_.assign(piece.begin(), piece.end());
  has_ended_here_ = has_ended_here_ || piece.empty();
  send_waiting(now, link);
}

void Carry::handle_writable(Instant now, link::Link& link) {
  send_waiting(now, link);
  send_receipt(now, link);
}

/// The next piece is read once this one has found room.
void Carry::send_waiting(Instant now, link::Link& link) {
  if (!waiting_.empty()) {
    if (!link.send(now, task_stream, channel::MessageKind::binary, waiting_)) return;
    sent_ += waiting_.size();
    waiting_.clear();
    if (!has_ended_here_) changes_.emplace_back(PipeRead{standard_streams, piece_bytes});
  }
  send_end(now, link);
}

void Carry::send_end(Instant now, link::Link& link) {
  if (has_ended_here_ && !is_end_told_ && waiting_.empty()) is_end_told_ = send_word(now, link, end_word);
}

void Carry::send_receipt(Instant now, link::Link& link) {
  if (has_ended_there_ && !is_writing_ && !is_receipt_told_) is_receipt_told_ = send_word(now, link, receipt_word);
}

void Carry::hear(Instant now, link::Link& link, channel::Message message) {
  if (message.stream != task_stream) return;
  if (message.kind == channel::MessageKind::binary) {
    received_ += message.payload.size();
    is_writing_ = true;
    changes_.emplace_back(PipeWrite{standard_streams, std::move(message.payload)});
    return;
  }
  const std::string_view word{reinterpret_cast<const char*>(message.payload.data()), message.payload.size()};
  if (word == receipt_word) is_all_taken_there_ = true;
  if (word != end_word) return;
  has_ended_there_ = true;
  has_ended_here_ = has_ended_here_ || input_ == Input::terminal;
  send_end(now, link);
  send_receipt(now, link);
}

void Carry::handle_written(Instant now, link::Link& link, PipeId /*pipe*/) {
  is_writing_ = false;
  send_receipt(now, link);
}

std::optional<PipeChange> Carry::poll_pipe() {
  if (changes_.empty()) return std::nullopt;
  auto out = std::move(changes_.front());
  changes_.pop_front();
  return out;
}

bool Carry::is_done() const { return is_receipt_told_ && is_all_taken_there_; }
}  // namespace natkit
