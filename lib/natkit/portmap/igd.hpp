#pragma once
/// UPnP Internet Gateway Devices (IGD 1 and 2), as the machines of this room see them: calls and replies, which travel
/// as errands. Who runs them is not this room's business: `io` has miniupnpc do it in a fenced child process, `sim`
/// fakes gateways. Strings that came from a gateway are raw here and may hold anything: `printable` before they are
/// shown.
///
/// Source: UPnP WANIPConnection:1 and :2, WANPPPConnection:1, WANIPv6FirewallControl:1.
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::portmap::igd {
/// One service of a device, enough to call it.
struct Service {
  std::string type;         ///< "urn:schemas-upnp-org:service:WANIPConnection:1"
  std::string control_url;  ///< absolute; its host is the one that was asked for
  bool operator==(const Service&) const = default;
};

/// Read the description (its host must be `host`, else Fault::foreign), then ask each connection service for its status
/// and external address.
struct Describe {
  std::string location;
  IpAddress host{};   ///< the one that answered; nothing is fetched from anywhere else
  IpAddress local{};  ///< the address to ask from
};
/// AddPortMapping, or AddAnyPortMapping (IGD 2), which may pick another port.
struct Add {
  Service service;
  Protocol protocol = Protocol::udp;
  Endpoint internal{};
  std::uint16_t external_port = 0;  ///< never 0: that would mean every port
  std::chrono::seconds lifetime{};  ///< 0: permanent (IGD 1)
  std::string description;
  enum class Port : std::uint8_t { exact, any } port = Port::exact;
};
struct Delete {
  Service service;
  Protocol protocol = Protocol::udp;
  std::uint16_t external_port = 0;
};
/// GetSpecificPortMappingEntry.
struct Look {
  Service service;
  Protocol protocol = Protocol::udp;
  std::uint16_t external_port = 0;
};
/// Every entry, at most `limit`, until 713 (end) or a failure.
struct List {
  Service service;
  std::uint16_t limit = 512;
};
/// WANIPv6FirewallControl.
struct AddPinhole {
  Service service;
  Protocol protocol = Protocol::udp;
  Endpoint internal{};              ///< the call is made from this address
  std::chrono::seconds lifetime{};  ///< 1 … 86400
};
struct UpdatePinhole {
  Service service;
  IpAddress local{};
  std::uint16_t unique_id = 0;
  std::chrono::seconds lifetime{};
};
struct DeletePinhole {
  Service service;
  IpAddress local{};
  std::uint16_t unique_id = 0;
};
using Call = std::variant<Describe, Add, Delete, Look, List, AddPinhole, UpdatePinhole, DeletePinhole>;

/// What a gateway says of one of its connection services.
struct Connection {
  Service service;
  std::string status{};                 ///< "Connected", "Up" …; raw
  std::optional<IpAddress> external{};  ///< nullopt when it said none, or something that is no address
};
struct Device {
  std::string manufacturer, model, name;  ///< raw
  std::vector<Connection> connections;    ///< in the order to try: IP before PPP, :2 before :1
  std::optional<Service> firewall{};      ///< WANIPv6FirewallControl
  /// From FirewallEnabled and InboundPinholeAllowed; nullopt where it did not say, and where IPv4 was asked.
  std::optional<bool> pinholes_allowed{};
};
struct Entry {
  Protocol protocol = Protocol::udp;
  std::uint16_t external_port = 0;
  Endpoint internal{};
  std::chrono::seconds lifetime{};  ///< remaining; 0: permanent
  std::string description;          ///< raw
  std::string remote_host;          ///< raw; empty: anybody
  bool is_enabled = true;
};
struct Added {
  std::uint16_t external_port = 0;
};
struct Done {};
struct Pinhole {
  std::uint16_t unique_id = 0;
};
using Answer = std::variant<Device, Added, Done, Entry, std::vector<Entry>, Pinhole>;

struct Fault {
  enum class Kind : std::uint8_t {
    upnp_error,   ///< the gateway's own error: `code`
    unreachable,  ///< no connection, or it broke
    out_of_time,
    not_igd,  ///< a description without a service for us
    foreign,  ///< something pointed to another host, or where nobody may look
    malformed,
    crashed,  ///< the runner was ended: too much memory, or worse
  };
  Kind kind{};
  int code = 0;
  std::string detail;
};
using Reply = std::expected<Answer, Fault>;

/// How calls and replies travel as errands. The parsers take any bytes.
enum class ParseError : std::uint8_t { truncated, unknown_kind, bad_value, trailing_bytes };
[[nodiscard]] Bytes write_call(const Call& call);
[[nodiscard]] std::expected<Call, ParseError> parse_call(ByteView bytes);
[[nodiscard]] Bytes write_reply(const Reply& reply);
[[nodiscard]] std::expected<Reply, ParseError> parse_reply(ByteView bytes);
}  // namespace natkit::portmap::igd
