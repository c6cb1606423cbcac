#include "natkit/io/pipes.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace natkit::io {
namespace {
/// A pipe that is told to be writable takes so many bytes without blocking (POSIX, PIPE_BUF).
constexpr std::size_t unblocked_bytes = PIPE_BUF;

bool is_writable_now(int number) {
  pollfd query{.fd = number, .events = POLLOUT, .revents = 0};
  return ::poll(&query, 1, 0) == 1 && (query.revents & (POLLOUT | POLLERR)) != 0;
}

/// False for a file, which is ready always.
bool watch(asio::posix::stream_descriptor& readiness, int number, std::uint32_t what) {
  const auto set = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event wish{.events = what, .data = {.fd = number}};
  std::error_code failure;
  if (set >= 0 && ::epoll_ctl(set, EPOLL_CTL_ADD, number, &wish) == 0) readiness.assign(set, failure);
  if (readiness.is_open()) return true;
  if (set >= 0) ::close(set);
  return false;
}
}  // namespace

void Pipes::wait(Readiness& readiness, int number, For purpose, std::function<void()> then) {
  auto go_on = [this, then = std::move(then)](const std::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    then();
    owner_.settle();
  };
  if (!readiness.is_open() && !watch(readiness, number, purpose == For::reading ? EPOLLIN : EPOLLOUT))
    return asio::post(context_, [go_on = std::move(go_on)] { go_on({}); });
  readiness.async_wait(Readiness::wait_read, std::move(go_on));
}

void Pipes::read(const PipeRead& wish) {
  wait(input_, STDIN_FILENO, For::reading, [this, wish] { read_now(wish); });
}

void Pipes::read_now(const PipeRead& wish) {
  Bytes piece(wish.most);
  const auto count = ::read(STDIN_FILENO, piece.data(), piece.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return read(wish);
  piece.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  owner_.report_pipe_read(wish.pipe, piece);  // what cannot be read has ended
}

void Pipes::write(PipeWrite wish) {
  writing_ = std::move(wish);
  written_ = 0;
  wait(output_, STDOUT_FILENO, For::writing, [this] { write_some(); });
}

void Pipes::write_some() {
  do {
    const auto rest = std::min(writing_.bytes.size() - written_, unblocked_bytes);
    const auto count = ::write(STDOUT_FILENO, writing_.bytes.data() + written_, rest);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return owner_.report_pipe_failure(writing_.pipe, std::generic_category().message(errno));
    written_ += static_cast<std::size_t>(count);
  } while (written_ < writing_.bytes.size() && is_writable_now(STDOUT_FILENO));
  if (written_ == writing_.bytes.size()) return owner_.report_pipe_written(writing_.pipe);
  wait(output_, STDOUT_FILENO, For::writing, [this] { write_some(); });
}
}  // namespace natkit::io
