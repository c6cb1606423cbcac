#include "natkit/io/listening.hpp"

#include <bit>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::io;

TEST_CASE("The kernel's tables tell who waits for packets", "[listening]") {
  if constexpr (std::endian::native != std::endian::little) return;  // the table is written in the machine's order
  const auto udp = parse_socket_table(
      "   sl  local_address rem_address   st tx_queue rx_queue\n"
      "  462: 0100007F:1B58 00000000:0000 07 00000000:00000000\n"
      "  463: 00000000:1B59 00000000:0000 07 00000000:00000000\n"
      "  464: 0201A8C0:1B5A 0101A8C0:0035 01 00000000:00000000\n",
      Protocol::udp);
  CHECK(udp == std::vector{*parse_endpoint("127.0.0.1:7000"), *parse_endpoint("0.0.0.0:7001")});
  const auto tcp = parse_socket_table(
      "   0: B80D0120000000000000000001000000:1B58 00000000000000000000000000000000:0000 0A 0\n"
      "   1: B80D0120000000000000000001000000:1B59 00000000000000000000000000000000:0000 06 0\n",
      Protocol::tcp);
  CHECK(tcp == std::vector{*parse_endpoint("[2001:db8::1]:7000")});
}

TEST_CASE("A table that makes no sense has nobody in it", "[listening]") {
  for (const auto* text : {"", "\n\n", "a b c d", "1: zz:1B58 0:0 07", "1: 0100007F 0:0 07", "1: 0100007F:1B58 0:0",
                           "1: 0100007F:11B58 0:0 07", "1: 010000:1B58 0:0 07"})
    CHECK(parse_socket_table(text, Protocol::udp).empty());
}
