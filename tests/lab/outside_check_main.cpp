// For reachability_test.py: one outside check by itself, without a gateway that is asked to map anything.
//
//   outside_check udp|tcp EXTERNAL_PORT SERVER [INTERNAL [EXPECTED]]
//
// Prints the verdict, the reason, the likely causes with commas between, and the sentence, one a line.
#include <iostream>
#include <span>
#include <string>

#include "natkit/crypto/secure_rng.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/portmap/outside_check.hpp"

using namespace natkit;

int main(int argc, char** argv) {
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  if (arguments.size() < 4) return 2;
  portmap::OutsideCheck::Config config{
      .servers = {parse_endpoint(arguments[3]).value()},
      .protocol = std::string{arguments[1]} == "tcp" ? Protocol::tcp : Protocol::udp,
      .external_port = static_cast<std::uint16_t>(std::stoul(arguments[2])),
  };
  if (arguments.size() > 4) config.internal = {parse_endpoint(arguments[4]).value()};
  if (arguments.size() > 5) config.expected = {parse_ip_address(arguments[5]).value()};
  crypto::SecureRng rng;
  portmap::OutsideCheck check{config, rng};
  if (!io::run(check)) return 70;
  for (const auto& result : check.results()) {
    std::cout << to_text(result.openness) << "\n" << to_text(result.reason) << "\n";
    for (const auto cause : result.likely) std::cout << to_text(cause) << ",";
    std::cout << "\n" << to_text(result) << "\n";
  }
  return 0;
}
