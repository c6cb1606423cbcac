#include "natkit/link/forward_stream.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace natkit::link {
namespace {
constexpr std::size_t piece_bytes = 65'536;
constexpr std::size_t longest_reason = 200;  // of a peer's words
constexpr std::string_view take_word = "take ", end_word = "end", reset_word = "reset", refused_word = "refused ";

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return count;
}
}  // namespace

void ForwardStream::connect(Instant deadline, std::vector<Endpoint> targets) {
  connect_deadline_ = deadline;
  targets_ = std::move(targets);
  connect_next();
}

void ForwardStream::connect_next() {
  out_.emplace_back(PipeConnect{pipe_, targets_.front()});
  targets_.erase(targets_.begin());
}

void ForwardStream::handle_opened() {
  connect_deadline_.reset();
  targets_.clear();
  read_next();
  write_next();
}

void ForwardStream::read_next() {
  const bool may_read = has_pipe_ && !connect_deadline_ && !is_reading_ && !has_input_ended_ && !farewell_;
  if (!may_read || !waiting_.empty() || credit_ == 0) return;
  is_reading_ = true;
  out_.emplace_back(PipeRead{pipe_, std::min(credit_, piece_bytes)});
}

void ForwardStream::handle_read(ByteView piece) {
  is_reading_ = false;
  has_input_ended_ = piece.empty();
  waiting_.assign(piece.begin(), piece.end());
  credit_ -= std::min(credit_, piece.size());
}

void ForwardStream::write_next() {
  if (!has_pipe_ || connect_deadline_ || writing_ > 0 || has_output_ended_) return;
  if (!queue_.empty()) {
    writing_ = queue_.front().size();
    out_.emplace_back(PipeWrite{pipe_, std::move(queue_.front())});
    queue_.pop_front();
  } else if (has_peer_ended_) {
    has_output_ended_ = true;
    out_.emplace_back(PipeEnd{pipe_});
  }
}

void ForwardStream::handle_written() {
  queued_ -= std::exchange(writing_, 0);
  write_next();
}

void ForwardStream::handle_failure(std::string_view why) {
  if (connect_deadline_ && !targets_.empty()) return connect_next();
  has_pipe_ = false;
  if (connect_deadline_) return refuse(std::string{why});
  cut_off(std::string{reset_word});
}

void ForwardStream::handle_timeout(Instant now) {
  if (connect_deadline_ && *connect_deadline_ <= now) refuse("no answer in time");
}

void ForwardStream::handle_stream_closed() {
  stream_.reset();
  if (!is_end_told_ || !has_peer_ended_) drop_pipe();
}

void ForwardStream::refuse(std::string why) {
  cut_off(std::string{refused_word} + why);
  refusal_ = Refusal{Refusal::By::us, std::move(why)};
}

void ForwardStream::cut_off(std::string word) {
  drop_pipe();
  if (!farewell_) farewell_ = std::move(word);
}

void ForwardStream::drop_pipe() {
  connect_deadline_.reset();
  queue_.clear();
  queued_ = writing_ = 0;
  waiting_.clear();
  if (std::exchange(has_pipe_, false)) out_.emplace_back(PipeClose{pipe_});
}

void ForwardStream::hear(const channel::Message& message) {
  if (farewell_) return;  // it is over here already
  if (message.kind == channel::MessageKind::binary)
    hear_bytes(message.payload);
  else
    hear_word(as_text(message.payload));
}

void ForwardStream::hear_bytes(const Bytes& bytes) {
  if (bytes.empty()) return;  // none of our own: the window would not bound them
  if (bytes.size() > room_ || has_peer_ended_) return cut_off(std::string{reset_word});
  room_ -= bytes.size();
  queued_ += bytes.size();
  queue_.push_back(bytes);
  write_next();
}

void ForwardStream::hear_word(std::string_view word) {
  if (word.starts_with(take_word)) {
    const auto more = parse_count(word.substr(take_word.size()));
    if (!more || *more > most_window) return cut_off(std::string{reset_word});
    credit_ = std::min(credit_ + *more, most_window);
    read_next();
  } else if (word == end_word) {
    has_peer_ended_ = true;
    write_next();
  } else if (word.starts_with(refused_word)) {
    refusal_ = Refusal{Refusal::By::peer, std::string{word.substr(refused_word.size(), longest_reason)}};
    cut_off({});
  } else {
    cut_off({});
  }
}

bool ForwardStream::send_word(Instant now, Link& link, std::string_view word) {
  const auto sent = link.send(now, *stream_, channel::MessageKind::text, as_bytes(word));
  return sent || sent.error() != channel::SendError::buffer_full;  // what can never be said need not be tried again
}

void ForwardStream::leave(Instant now, Link& link) {
  link.close_stream(now, *stream_);
  stream_.reset();
}

/// Not for every little piece: a quarter of the window at once.
bool ForwardStream::grant(Instant now, Link& link, std::size_t window) {
  const auto used = room_ + queued_;
  if (connect_deadline_ || has_peer_ended_ || used + window / 4 > window) return true;
  const auto more = window - used;
  if (!send_word(now, link, std::string{take_word} + std::to_string(more))) return false;
  room_ += more;
  return true;
}

ForwardStream::Flushed ForwardStream::flush(Instant now, Link& link, std::size_t window) {
  if (!stream_) return Flushed::all;
  if (farewell_) {
    if (!farewell_->empty() && !send_word(now, link, *farewell_)) return Flushed::blocked;
    leave(now, link);
    return Flushed::all;
  }
  if (!grant(now, link, window)) return Flushed::blocked;
  if (!waiting_.empty()) {
    const auto sent = link.send(now, *stream_, channel::MessageKind::binary, waiting_);
    if (!sent && sent.error() == channel::SendError::buffer_full) return Flushed::blocked;
    waiting_.clear();
    read_next();
  }
  if (has_input_ended_ && !is_end_told_) {
    if (!send_word(now, link, end_word)) return Flushed::blocked;
    is_end_told_ = true;
  }
  if (is_end_told_ && has_peer_ended_) leave(now, link);
  return Flushed::all;
}
}  // namespace natkit::link
