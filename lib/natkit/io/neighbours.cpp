#include "natkit/io/neighbours.hpp"

#include <fstream>
#include <sstream>

namespace natkit::io {
namespace {
/// Of a neighbour that is asked for and has not answered (ATF_COM is not set).
constexpr const char* nobody = "00:00:00:00:00:00";
constexpr std::size_t most_lines = 4096;  // the kernel keeps 1024 (gc_thresh3), unless it is told otherwise
}  // namespace

std::optional<std::string> link_layer_address(std::istream& table, const IpAddress& neighbour,
                                              const std::string& interface) {
  const auto wanted = to_text(neighbour);
  std::string line;
  for (std::size_t lines = 0; lines < most_lines && std::getline(table, line); ++lines) {
    std::istringstream words{line};
    std::string address, kind, flags, link, mask, device;
    if (!(words >> address >> kind >> flags >> link >> mask >> device)) continue;
    if (address == wanted && device == interface && link != nobody) return link;
  }
  return std::nullopt;
}

std::optional<std::string> link_layer_address(const IpAddress& neighbour, const std::string& interface) {
  if (!neighbour.is_v4()) return std::nullopt;
  std::ifstream table{"/proc/net/arp"};
  return link_layer_address(table, neighbour, interface);
}
}  // namespace natkit::io
