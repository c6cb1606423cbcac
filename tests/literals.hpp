#pragma once
// Addresses in tests as they are written on a whiteboard: "203.0.113.1"_ip, "198.51.100.1:3478"_ep.
#include <cstddef>
#include <string_view>

#include "natkit/base/endpoint.hpp"

namespace natkit::test {
inline IpAddress operator""_ip(const char* text, std::size_t length) {
  return parse_ip_address({text, length}).value();
}
inline Endpoint operator""_ep(const char* text, std::size_t length) { return parse_endpoint({text, length}).value(); }
}  // namespace natkit::test
