#include "natkit/io/tcp_pipes.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "natkit/io/asio_address.hpp"
#include "natkit/io/asio_error.hpp"
#include "natkit/io/native_socket.hpp"
#include "natkit/io/tcp_pipe.hpp"

namespace natkit::io {
namespace {
// Out of descriptors: trying again at once would fail again and take all of the processor.
constexpr auto pause_after_refusal = std::chrono::milliseconds{100};
}  // namespace

struct TcpPipes::Acceptor {
  Acceptor(asio::io_context& context, PipeId id) : acceptor(context), pause(context), pipe(id) {}
  asio::ip::tcp::acceptor acceptor;
  asio::steady_timer pause;
  PipeId pipe;
};

TcpPipes::TcpPipes(asio::io_context& context, MachineOwner& owner) : context_(context), owner_(owner) {}

TcpPipes::~TcpPipes() {
  while (!pipes_.empty()) std::shared_ptr(pipes_.begin()->second)->close();
}

std::shared_ptr<TcpPipe> TcpPipes::find(PipeId pipe) const {
  const auto found = pipes_.find(pipe);
  return found == pipes_.end() ? nullptr : found->second;
}

void TcpPipes::fail_later(PipeId pipe, std::string why) {
  asio::post(context_, [this, pipe, why = std::move(why)] {
    owner_.report_pipe_failure(pipe, why);
    owner_.settle();
  });
}

void TcpPipes::begin(const PipeListen& wish) {
  auto socket = open_tcp_listener(wish.local, Presence::required);
  if (!socket) return fail_later(wish.pipe, socket.error().message());
  const auto bound = local_endpoint(socket->number());
  if (!bound) return fail_later(wish.pipe, bound.error().message());
  const auto acceptor = std::make_shared<Acceptor>(context_, wish.pipe);
  std::error_code error;
  acceptor->acceptor.assign(bound->address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), socket->number(),
                            error);
  if (error) return fail_later(wish.pipe, error.message());
  static_cast<void>(socket->release());
  acceptors_[wish.pipe] = acceptor;
  asio::post(context_, [this, acceptor, local = *bound] {
    if (!acceptor->acceptor.is_open()) return;
    owner_.report_pipe_opened(acceptor->pipe, local);
    owner_.settle();
    accept(acceptor);
  });
}

void TcpPipes::accept(const std::shared_ptr<Acceptor>& acceptor) {
  if (!acceptor->acceptor.is_open()) return;
  acceptor->acceptor.async_accept([this, acceptor](const std::error_code& error, asio::ip::tcp::socket stream) {
    if (!acceptor->acceptor.is_open()) return;
    if (error && error != asio::error::connection_aborted) {
      acceptor->pause.expires_after(pause_after_refusal);
      acceptor->pause.async_wait([this, acceptor](const std::error_code& cancelled) {
        if (!cancelled) accept(acceptor);
      });
      return;
    }
    std::error_code gone;
    const auto remote = stream.remote_endpoint(gone);
    if (!error && !gone) {
      const auto pipe = new_name();
      const auto accepted = std::make_shared<TcpPipe>(*this, pipe, std::move(stream));
      pipes_[pipe] = accepted;
      accepted->start();
      owner_.report_pipe_accepted(acceptor->pipe, pipe, from_asio(remote));
      owner_.settle();
    }
    accept(acceptor);
  });
}

PipeId TcpPipes::new_name() {
  do last_accepted_ = (last_accepted_ + 1) | static_cast<std::uint32_t>(first_accepted_pipe);
  while (pipes_.contains(PipeId{last_accepted_}));
  return PipeId{last_accepted_};
}

void TcpPipes::begin(const PipeConnect& wish) {
  auto pipe = std::make_shared<TcpPipe>(*this, wish.pipe, asio::ip::tcp::socket{context_});
  pipes_[wish.pipe] = pipe;
  pipe->connect(wish.remote);
}

void TcpPipes::begin(const PipeRead& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->read(wish.most);
}

void TcpPipes::begin(PipeWrite wish) {
  if (const auto pipe = find(wish.pipe)) pipe->write(std::move(wish.bytes));
}

void TcpPipes::begin(const PipeEnd& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->end();
}

void TcpPipes::begin(const PipeClose& wish) {
  if (const auto pipe = find(wish.pipe)) pipe->close();
  const auto listening = acceptors_.find(wish.pipe);
  if (listening == acceptors_.end()) return;
  std::error_code ignored;  // it is over either way
  listening->second->acceptor.close(ignored);
  listening->second->pause.cancel();
  acceptors_.erase(listening);
}
}  // namespace natkit::io
