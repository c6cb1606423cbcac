#pragma once
/// A question over HTTP and its answer, as values: whoever answers is a function of these, and `io` moves the bytes
/// (RFC 9110).
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit {
struct HttpRequest {
  std::string method{};         ///< "GET" …; a HEAD is asked as a GET
  std::string target{};         ///< path and query as they came, not decoded
  std::string authorization{};  ///< that header, or nothing
  std::string body{};
  IpAddress from{};
};

struct HttpResponse {
  unsigned status = 200;
  std::string body{};  ///< may be empty
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};  ///< others
};
}  // namespace natkit
