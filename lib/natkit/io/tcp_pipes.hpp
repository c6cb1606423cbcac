#pragma once
// Private to the room: streams over TCP for a machine that carries their bytes, one piece at a time each way. How many
// there are is for the machine to bound: it is told of each, and closes what is too many.
#include <asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "natkit/base/pipe.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class TcpPipe;

class TcpPipes {
 public:
  TcpPipes(asio::io_context& context, MachineOwner& owner);
  ~TcpPipes();
  TcpPipes(const TcpPipes&) = delete;
  TcpPipes& operator=(const TcpPipes&) = delete;

  // Each is answered later, never from within the call.
  void begin(const PipeListen& wish);
  void begin(const PipeConnect& wish);
  void begin(const PipeRead& wish);
  void begin(PipeWrite wish);
  void begin(const PipeEnd& wish);
  void begin(const PipeClose& wish);

 private:
  friend class TcpPipe;
  struct Acceptor;
  void accept(const std::shared_ptr<Acceptor>& acceptor);
  [[nodiscard]] PipeId new_name();
  void fail_later(PipeId pipe, std::string why);
  [[nodiscard]] std::shared_ptr<TcpPipe> find(PipeId pipe) const;

  asio::io_context& context_;
  MachineOwner& owner_;
  std::map<PipeId, std::shared_ptr<Acceptor>> acceptors_;
  std::map<PipeId, std::shared_ptr<TcpPipe>> pipes_;
  std::uint32_t last_accepted_ = 0;
};
}  // namespace natkit::io
