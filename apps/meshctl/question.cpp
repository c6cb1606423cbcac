#include "question.hpp"

#include <chrono>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/base/take_front.hpp"

namespace natkit {
namespace {
constexpr PipeId pipe{1};
constexpr std::size_t longest_reply = 1 << 20;
constexpr Duration forever = std::chrono::hours{24 * 365};  ///< until Ctrl-C, or the session's end

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
}  // namespace

Question::Question(std::string path, control::Words words, Kind kind, Duration patience, cli::Output& output)
    : path_(std::move(path)), words_(std::move(words)), kind_(kind), patience_(patience), output_(output) {}

void Question::start(Instant now) {
  until_ = now + patience_;
  pipes_.push_back(PipeConnectTo{pipe, path_});
}

void Question::handle_pipe_opened(Instant, PipeId, const Endpoint&) {
  pipes_.push_back(PipeWrite{pipe, bytes_of(control::write_line(words_))});
  pipes_.push_back(PipeRead{pipe});
}

void Question::handle_pipe_written(Instant, PipeId) {}

void Question::handle_pipe_read(Instant now, PipeId, ByteView piece) {
  if (piece.empty()) {
    until_.reset();
    if (!is_printing_) reply_ = control::parse_reply(heard_);
    pipes_.push_back(PipeClose{pipe});
    return;
  }
  pipes_.push_back(PipeRead{pipe});
  if (is_printing_) return output_.answer(as_text(piece));
  heard_ += as_text(piece);
  if (heard_.size() > longest_reply) return fail({Errc::protocol, "version-mismatch", "the answer has no end", {}});
  if (kind_ == Kind::once || heard_.find('\n') == std::string::npos) return;
  reply_ = control::parse_reply(heard_);
  if (reply_.error) return;
  is_printing_ = true;
  until_ = now + forever;
  output_.answer(std::exchange(reply_.body, {}));
}

void Question::handle_pipe_failure(Instant, PipeId, std::string_view why) {
  if (is_printing_) {
    until_.reset();
    return;
  }
  fail({Errc::nobody_there, "not-running",
        "no process of this session answers on this host: " + printable(std::string{why}),
        "`meshctl create` or `meshctl join` starts one; --detach leaves it in the background"});
}

void Question::handle_timeout(Instant now) {
  if (until_ && *until_ <= now)
    fail({Errc::peer, "no-answer", "the process of this session does not answer", "is it stopped, or very busy?"});
}

void Question::fail(Error error) {
  until_.reset();
  reply_.error = std::move(error);
  pipes_.push_back(PipeClose{pipe});
}

void Question::stop(Instant) {
  until_.reset();
  pipes_.push_back(PipeClose{pipe});
}

std::optional<PipeChange> Question::poll_pipe() { return take_front(pipes_); }
}  // namespace natkit
