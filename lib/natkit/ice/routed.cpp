#include "natkit/ice/routed.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "natkit/crypto/digest.hpp"

namespace natkit::ice {
namespace {
constexpr std::array<std::uint8_t, 6> prefix{0xfd, 0xab, 0x68, 0x1e, 0x22, 0x3f};
constexpr std::size_t id_bytes = 5;
constexpr unsigned prefix_bits = 8 * prefix.size();
constexpr unsigned router_bits = prefix_bits + 8 * id_bytes;
constexpr std::uint16_t virtual_port = 1;  // any that is none of a real candidate's special ones (0, 9) would do
}  // namespace

Endpoint virtual_endpoint(ByteView router, ByteView member) {
  assert(member.size() >= id_bytes);
  const auto digest = crypto::sha256(router);
  std::array<std::uint8_t, 16> bytes{};
  auto* end = std::ranges::copy(prefix, bytes.begin()).out;
  end = std::ranges::copy(ByteView{digest}.first(id_bytes), end).out;
  std::ranges::copy(member.first(id_bytes), end);
  return {IpAddress::v6(bytes), virtual_port};
}

bool is_virtual(const IpAddress& address) {
  return address.is_v6() && std::ranges::equal(address.bytes().first(prefix.size()), prefix);
}

bool are_at_one_router(const IpAddress& a, const IpAddress& b) {
  return is_virtual(a) && a.shares_prefix(b, router_bits);
}

Candidate make_routed(const Endpoint& virtual_endpoint, std::uint16_t preference) {
  return make_candidate(Kind::routed, Transport::udp, virtual_endpoint,
                        {.base = virtual_endpoint, .local_preference = preference});
}
}  // namespace natkit::ice
