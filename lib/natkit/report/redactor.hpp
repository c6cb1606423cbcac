#pragma once
/// `--redact`: takes the addresses and the servers' names out of what is shown or written, so that it can be given to
/// strangers. IPv4 addresses become 240.0.0.N, IPv6 addresses 100::N, names "server-N", N in the order first met.
/// No host has such addresses and they still parse, so a redacted trace can be replayed. What is equal stays equal, and
/// what differs stays different; ports stay. What an address is (private, a carrier's) is lost: judge first, mask
/// afterwards. Unspecified and multicast addresses belong to nobody and stay as they are, and
/// so does the well-known prefix of NAT64, which is everybody's.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/result.hpp"
#include "natkit/probe/report.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit::report {
/// Masking what is masked already changes nothing.
class Redactor {
 public:
  /// A server as the user named it, HOST[:PORT]: its host is masked in texts from now on.
  void learn(std::string_view server);
  /// Its addresses and names get their masks in the order of the trace.
  void learn(const probe::Trace& trace);

  [[nodiscard]] IpAddress mask(const IpAddress& address);
  [[nodiscard]] probe::Trace redact(probe::Trace trace);
  [[nodiscard]] probe::Report redact(probe::Report report);
  /// Every address that stands in the text, met before or not, and every name that was learned.
  [[nodiscard]] std::string redact(std::string_view text);
  [[nodiscard]] Error redact(Error error);

 private:
  struct Longest {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  [[nodiscard]] std::string mask_server(std::string_view server);
  [[nodiscard]] const std::string& mask_host(std::string_view host);
  /// Writes the mask of what begins here and gives its length; 0 where nothing begins.
  std::size_t take_name(std::string_view text, std::size_t at, std::string& out) const;
  std::size_t take_address(std::string_view text, std::size_t at, std::string& out);

  std::map<IpAddress, IpAddress> masks_;
  std::set<IpAddress> taken_;                          ///< as masks, by us or by who redacted before
  std::map<std::string, std::string, Longest> hosts_;  ///< in lower case, to their masks
  std::set<std::string> taken_hosts_;
  std::uint32_t ipv4_count_ = 0;
  std::uint32_t ipv6_count_ = 0;
  std::size_t host_count_ = 0;
};
}  // namespace natkit::report
