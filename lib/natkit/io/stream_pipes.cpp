#include "natkit/io/stream_pipes.hpp"

#include <algorithm>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/io/asio_address.hpp"
#include "natkit/io/asio_error.hpp"
#include "natkit/io/native_socket.hpp"
#include "natkit/io/stream_pipe.hpp"
#include "natkit/io/unix_path.hpp"

namespace natkit::io {
namespace {
// Out of descriptors: trying again at once would fail again and take all of the processor.
constexpr auto pause_after_refusal = std::chrono::milliseconds{100};
}  // namespace

struct StreamPipes::Acceptor {
  Acceptor(asio::io_context& context, PipeId id) : acceptor(context), pause(context), pipe(id) {}
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor;
  asio::steady_timer pause;
  PipeId pipe;
  std::optional<std::size_t> most{};  ///< connections at the same time
  OwnedPath path{};
};

StreamPipes::StreamPipes(asio::io_context& context, MachineOwner& owner) : context_(context), owner_(owner) {}

StreamPipes::~StreamPipes() {
  for (auto& [pipe, acceptor] : acceptors_) acceptor->path = {};
  while (!pipes_.empty()) std::shared_ptr(pipes_.begin()->second)->close();
}

std::shared_ptr<StreamPipe> StreamPipes::find(PipeId pipe) const {
  const auto found = pipes_.find(pipe);
  return found == pipes_.end() ? nullptr : found->second;
}

void StreamPipes::fail_later(PipeId pipe, std::string why) {
  asio::post(context_, [this, pipe, why = std::move(why)] {
    owner_.report_pipe_failure(pipe, why);
    owner_.settle();
  });
}

void StreamPipes::begin(const PipeListen& wish) {
  auto socket = open_tcp_listener(wish.local, Presence::required);
  if (!socket) return fail_later(wish.pipe, socket.error().message());
  const auto bound = local_endpoint(socket->number());
  if (!bound) return fail_later(wish.pipe, bound.error().message());
  const auto acceptor = std::make_shared<Acceptor>(context_, wish.pipe);
  std::error_code error;
  acceptor->acceptor.assign(asio::generic::stream_protocol{to_asio(*bound).protocol()}, socket->number(), error);
  if (error) return fail_later(wish.pipe, error.message());
  static_cast<void>(socket->release());
  wait_for_peers(acceptor, *bound);
}

void StreamPipes::begin(const PipeListenAt& wish) {
  auto listener = listen_at(wish.path);
  if (!listener) return fail_later(wish.pipe, listener.error());
  const auto acceptor = std::make_shared<Acceptor>(context_, wish.pipe);
  std::error_code error;
  acceptor->acceptor.assign(asio::generic::stream_protocol{AF_UNIX, 0}, listener->socket.number(), error);
  if (error) return fail_later(wish.pipe, error.message());
  static_cast<void>(listener->socket.release());
  acceptor->path = std::move(listener->path);
  acceptor->most = wish.most;
  wait_for_peers(acceptor, {});
}

void StreamPipes::wait_for_peers(const std::shared_ptr<Acceptor>& acceptor, const Endpoint& local) {
  acceptors_[acceptor->pipe] = acceptor;
  asio::post(context_, [this, acceptor, local] {
    if (!acceptor->acceptor.is_open()) return;
    owner_.report_pipe_opened(acceptor->pipe, local);
    owner_.settle();
    accept(acceptor);
  });
}

void StreamPipes::accept(const std::shared_ptr<Acceptor>& acceptor) {
  if (!acceptor->acceptor.is_open()) return;
  acceptor->acceptor.async_accept([this, acceptor](const std::error_code& error, StreamSocket stream) {
    if (!acceptor->acceptor.is_open()) return;
    if (error && error != asio::error::connection_aborted) {
      acceptor->pause.expires_after(pause_after_refusal);
      acceptor->pause.async_wait([this, acceptor](const std::error_code& cancelled) {
        if (!cancelled) accept(acceptor);
      });
      return;
    }
    if (!error && has_room(*acceptor)) welcome(*acceptor, std::move(stream));
    accept(acceptor);
  });
}

bool StreamPipes::has_room(const Acceptor& acceptor) const {
  const auto is_of_it = [&](const auto& entry) { return entry.second->accepted_by() == acceptor.pipe; };
  return !acceptor.most || std::ranges::count_if(pipes_, is_of_it) < static_cast<std::ptrdiff_t>(*acceptor.most);
}

void StreamPipes::welcome(const Acceptor& acceptor, StreamSocket stream) {
  std::error_code gone;
  const auto remote = stream.remote_endpoint(gone);
  if (gone) return;
  const auto pipe = new_name();
  const auto accepted = std::make_shared<StreamPipe>(*this, pipe, std::move(stream), acceptor.pipe);
  pipes_[pipe] = accepted;
  accepted->start();
  owner_.report_pipe_accepted(acceptor.pipe, pipe, from_asio(remote));
  owner_.settle();
}

PipeId StreamPipes::new_name() {
  do last_accepted_ = (last_accepted_ + 1) | static_cast<std::uint32_t>(first_accepted_pipe);
  while (pipes_.contains(PipeId{last_accepted_}));
  return PipeId{last_accepted_};
}

void StreamPipes::begin(const PipeConnect& wish) {
  auto pipe = std::make_shared<StreamPipe>(*this, wish.pipe, StreamSocket{context_});
  pipes_[wish.pipe] = pipe;
  pipe->connect(wish.remote);
}

void StreamPipes::begin(const PipeConnectTo& wish) {
  auto socket = connect_to(wish.path);
  if (!socket) return fail_later(wish.pipe, socket.error());
  StreamSocket stream{context_};
  std::error_code error;
  stream.assign(asio::generic::stream_protocol{AF_UNIX, 0}, socket->number(), error);
  if (error) return fail_later(wish.pipe, error.message());
  static_cast<void>(socket->release());
  const auto pipe = std::make_shared<StreamPipe>(*this, wish.pipe, std::move(stream));
  pipes_[wish.pipe] = pipe;
  pipe->start_later();
}

void StreamPipes::begin(const PipeRead& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->read(wish.most);
}

void StreamPipes::begin(PipeWrite wish) {
  if (const auto pipe = find(wish.pipe)) pipe->write(std::move(wish.bytes));
}

void StreamPipes::begin(const PipeEnd& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->end();
}

void StreamPipes::begin(const PipeClose& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->close();
  const auto listening = acceptors_.find(wish.pipe);
  if (listening == acceptors_.end()) return;
  std::error_code ignored;  // it is over either way
  listening->second->path = {};
  listening->second->acceptor.close(ignored);
  listening->second->pause.cancel();
  acceptors_.erase(listening);
}
}  // namespace natkit::io
