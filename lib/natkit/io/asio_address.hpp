#pragma once
// Private to the room: our addresses as asio's and back.
#include <algorithm>
#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <cstring>

#include "natkit/base/endpoint.hpp"

namespace natkit::io {
[[nodiscard]] inline asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return {asio::ip::address_v4{endpoint.address.v4_value()}, endpoint.port};
  asio::ip::address_v6::bytes_type bytes{};
  std::ranges::copy(endpoint.address.bytes(), bytes.begin());
  return {asio::ip::address_v6{bytes}, endpoint.port};
}

[[nodiscard]] inline Endpoint from_asio(const asio::ip::tcp::endpoint& endpoint) {
  if (endpoint.address().is_v4()) return {IpAddress::v4(endpoint.address().to_v4().to_uint()), endpoint.port()};
  return {IpAddress::v6(endpoint.address().to_v6().to_bytes()), endpoint.port()};
}

/// A stream of any family.
using StreamSocket = asio::generic::stream_protocol::socket;

/// Nothing in particular where it is no IP address, but a path.
[[nodiscard]] inline Endpoint from_asio(const asio::generic::stream_protocol::endpoint& endpoint) {
  const int family = endpoint.protocol().family();
  asio::ip::tcp::endpoint known;
  if ((family != AF_INET && family != AF_INET6) || endpoint.size() > known.capacity()) return {};
  std::memcpy(known.data(), endpoint.data(), endpoint.size());
  known.resize(endpoint.size());
  return from_asio(known);
}
}  // namespace natkit::io
