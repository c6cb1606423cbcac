#pragma once
/// HTTP/1.1 (RFC 9112) on listeners of its own, one question a connection, on the thread of the driver
/// (`RunOptions::guest`). What is asked goes to a function as a value; this moves bytes only (GNU libmicrohttpd does),
/// and bounds what strangers can make it keep.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/http.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/io/loop_guest.hpp"

namespace natkit::io {
class HttpServer final : public LoopGuest {
 public:
  struct Limits {
    unsigned connections = 256;                ///< of each listener
    unsigned connections_per_address = 16;     ///< an IPv6 /128 here; rates are the answerer's affair
    std::size_t head_bytes = 16384;            ///< the request line and all headers
    std::size_t body_bytes = 16384;            ///< longer ones are answered with 413, or cut off
    Duration time = std::chrono::seconds{20};  ///< for a connection from its first byte to its last
  };
  using Answer = std::function<HttpResponse(Instant, const HttpRequest&)>;

  /// All or nothing; port 0 binds a free one. Fails as `Listeners::bind` does. The answer is given at once, and must
  /// not throw.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(const std::vector<Endpoint>& wanted,
                                                                  const Limits& limits, const Answer& answer);
  ~HttpServer() override;

  /// In the order wanted, with true port numbers.
  [[nodiscard]] const std::vector<Endpoint>& bound() const { return bound_; }

  void enter(asio::io_context& context) override;
  void leave() override;

 private:
  class Port;
  HttpServer();
  std::vector<Endpoint> bound_;
  std::vector<std::unique_ptr<Port>> ports_;
};
}  // namespace natkit::io
