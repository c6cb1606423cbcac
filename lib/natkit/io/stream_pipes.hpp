#pragma once
// Private to the room: streams over TCP or at paths, for a machine that carries their bytes, one piece at a time each
// way. How many there are over TCP is for the machine to bound: it is told of each, and closes what is too many.
#include <asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "natkit/base/pipe.hpp"
#include "natkit/io/asio_address.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class StreamPipe;

class StreamPipes {
 public:
  StreamPipes(asio::io_context& context, MachineOwner& owner);
  ~StreamPipes();
  StreamPipes(const StreamPipes&) = delete;
  StreamPipes& operator=(const StreamPipes&) = delete;

  // Each is answered later, never from within the call.
  void begin(const PipeListen& wish);
  void begin(const PipeConnect& wish);
  void begin(const PipeListenAt& wish);
  void begin(const PipeConnectTo& wish);
  void begin(const PipeRead& wish);
  void begin(PipeWrite wish);
  void begin(const PipeEnd& wish);
  void begin(const PipeClose& wish);

 private:
  friend class StreamPipe;
  struct Acceptor;
  void wait_for_peers(const std::shared_ptr<Acceptor>& acceptor, const Endpoint& local);
  void accept(const std::shared_ptr<Acceptor>& acceptor);
  void welcome(const Acceptor& acceptor, StreamSocket stream);
  [[nodiscard]] bool has_room(const Acceptor& acceptor) const;
  [[nodiscard]] PipeId new_name();
  void fail_later(PipeId pipe, std::string why);
  [[nodiscard]] std::shared_ptr<StreamPipe> find(PipeId pipe) const;

  asio::io_context& context_;
  MachineOwner& owner_;
  std::map<PipeId, std::shared_ptr<Acceptor>> acceptors_;
  std::map<PipeId, std::shared_ptr<StreamPipe>> pipes_;
  std::uint32_t last_accepted_ = 0;
};
}  // namespace natkit::io
