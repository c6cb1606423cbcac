#pragma once
/// Frames for tests, made and checked by other code than the router's: checksums are always computed in full.
#include <cstdint>

#include <string_view>

#include "natkit/base/bytes.hpp"
#include "router/frame.hpp"

namespace natkit::test {
enum class Transport : std::uint8_t { icmp = 1, tcp = 6, udp = 17 };

inline std::uint32_t sum16(ByteView bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

inline ByteView ip_of(ByteView frame) { return frame.subspan(14); }
inline ByteView transport_of(ByteView frame) { return frame.subspan(34); }

inline std::uint32_t pseudo_header(ByteView ip) {
  const auto size = static_cast<std::uint32_t>(ip.size() - 20);
  return sum16(ip.subspan(12, 8)) + ip[9] + size;
}
/// A sum over everything that a right checksum covers is all ones (RFC 1071).
inline bool ip_checksum_right(ByteView frame) { return sum16(ip_of(frame).first(20)) == 0xFFFF; }
inline bool icmp_checksum_right(ByteView frame) { return sum16(transport_of(frame)) == 0xFFFF; }
inline bool transport_checksum_right(ByteView frame) {
  return sum16(transport_of(frame), pseudo_header(ip_of(frame))) == 0xFFFF;
}

inline void fill_checksum(Bytes& frame, std::size_t at, std::uint32_t sum) {
  const auto value = static_cast<std::uint16_t>(~sum);
  frame.at(at) = static_cast<std::uint8_t>(value >> 8);
  frame.at(at + 1) = static_cast<std::uint8_t>(value & 0xFF);
}

/// Ethernet and IPv4 headers around `body`; `fragment` is the field of that name (flags and offset).
inline Bytes ip_frame(Transport transport, const lab::Flow& flow, ByteView body, std::uint16_t fragment = 0) {
  Bytes frame;
  ByteWriter writer{frame};
  writer.write_bytes(Bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0});
  writer.write_u16(0x4500);
  writer.write_u16(static_cast<std::uint16_t>(20 + body.size()));
  writer.write_u16(777);
  writer.write_u16(fragment);
  writer.write_u8(64);
  writer.write_u8(static_cast<std::uint8_t>(transport));
  writer.write_u16(0);
  writer.write_bytes(flow.source.address.bytes());
  writer.write_bytes(flow.destination.address.bytes());
  fill_checksum(frame, 14 + 10, sum16(ip_of(frame)));
  writer.write_bytes(body);
  return frame;
}

inline Bytes udp_frame(const lab::Flow& flow, std::string_view text = "hello", std::uint16_t fragment = 0) {
  Bytes body;
  ByteWriter writer{body};
  writer.write_u16(flow.source.port);
  writer.write_u16(flow.destination.port);
  writer.write_u16(static_cast<std::uint16_t>(8 + text.size()));
  writer.write_u16(0);
  writer.write_bytes(as_bytes(text));
  Bytes frame = ip_frame(Transport::udp, flow, body, fragment);
  fill_checksum(frame, 34 + 6, sum16(transport_of(frame), pseudo_header(ip_of(frame))));
  return frame;
}

inline Bytes tcp_frame(const lab::Flow& flow) {
  Bytes body;
  ByteWriter writer{body};
  writer.write_u16(flow.source.port);
  writer.write_u16(flow.destination.port);
  writer.write_u64(0x0102030405060708);
  writer.write_u32(0x5002FFFF);
  writer.write_u32(0);
  Bytes frame = ip_frame(Transport::tcp, flow, body);
  fill_checksum(frame, 34 + 16, sum16(transport_of(frame), pseudo_header(ip_of(frame))));
  return frame;
}

enum class Echo : std::uint8_t { reply = 0, request = 8 };
inline Bytes echo_frame(Echo type, const lab::Flow& flow, std::uint16_t identifier) {
  Bytes body;
  ByteWriter writer{body};
  writer.write_u8(static_cast<std::uint8_t>(type));
  writer.write_u8(0);
  writer.write_u16(0);
  writer.write_u16(identifier);
  writer.write_u16(1);
  writer.write_bytes(as_bytes("ping"));
  Bytes frame = ip_frame(Transport::icmp, flow, body);
  fill_checksum(frame, 34 + 2, sum16(transport_of(frame)));
  return frame;
}

/// ICMP time exceeded that quotes the whole of `cause`.
inline Bytes time_exceeded_frame(const lab::Flow& flow, ByteView cause) {
  Bytes body{11, 0, 0, 0, 0, 0, 0, 0};
  const ByteView quoted = ip_of(cause);
  body.insert(body.end(), quoted.begin(), quoted.end());
  Bytes frame = ip_frame(Transport::icmp, flow, body);
  fill_checksum(frame, 34 + 2, sum16(transport_of(frame)));
  return frame;
}
}  // namespace natkit::test
