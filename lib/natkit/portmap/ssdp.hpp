#pragma once
/// The Simple Service Discovery Protocol, as far as finding gateways needs it (UPnP Device Architecture 1.1 §1.3,
/// §1.2). Everything in an answer is a stranger's word. It is kept raw, cut to length, and believed in nothing.
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::portmap::ssdp {
inline constexpr std::uint16_t port = 1900;
[[nodiscard]] Endpoint group(Family family);  ///< 239.255.255.250:1900, [ff02::c]:1900
inline constexpr std::size_t longest_message = 2048;

/// The search targets that gateways answer to. Not every gateway knows every one (tailscale#3557), so all are asked.
inline constexpr std::string_view igd_1 = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
inline constexpr std::string_view igd_2 = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
inline constexpr std::string_view root_device = "upnp:rootdevice";

/// M-SEARCH. To one host the same text is sent with that host in HOST and without MX, which is for crowds.
[[nodiscard]] Bytes write_search(std::string_view target, const Endpoint& destination);

struct Message {
  enum class Kind : std::uint8_t { answer, alive, byebye } kind{};
  std::string target;    ///< ST or NT
  std::string name;      ///< USN
  std::string location;  ///< absent with byebye
  std::string server;
  std::optional<std::uint32_t> boot_id{};  ///< BOOTID.UPNP.ORG: another one means that the device has restarted
  bool operator==(const Message&) const = default;
};

enum class ParseError : std::uint8_t {
  too_long,
  not_ssdp,     ///< neither an answer with status 200 nor a NOTIFY
  not_for_us,   ///< a search, or a NOTIFY that says neither alive nor byebye
  no_location,  ///< an answer or alive without one leads nowhere
};
/// Lines may end in CR LF or LF alone; names of headers are of any case; the first of a repeated header counts.
[[nodiscard]] std::expected<Message, ParseError> parse_message(ByteView datagram);

/// The UDN in a USN: "uuid:…", by which a device is the same whatever address it answers from (UPnP Device Architecture
/// 1.1 §1.1.4). Empty where there is none, or one too long to be one.
[[nodiscard]] std::string_view device_of(std::string_view name);
}  // namespace natkit::portmap::ssdp
