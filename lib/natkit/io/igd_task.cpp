#include "natkit/io/igd_task.hpp"

#include <fmt/format.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/url.hpp"

// Only calls that are the same in 2.2.4 (Debian 12) and later are used; UPNP_GetValidIGD, which changed its arguments
// and the meaning of what it returns, is not: which service to use is decided by the machines, from what each says.
namespace natkit::io {
namespace {
using namespace portmap;
using igd::Fault;
using igd::Reply;

template <std::size_t N>
using Buffer = std::array<char, N>;  // the sizes are miniupnpc's own

template <std::size_t N>
std::string text_of(const Buffer<N>& buffer) {
  return {buffer.data(), std::find(buffer.begin(), buffer.end(), '\0')};
}

std::string decimal(std::int64_t value) { return fmt::format("{}", value); }

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// miniupnpc puts arguments into its XML as they are.
std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (static_cast<unsigned char>(c) >= ' ' && c != '\x7f')
      out += c;
  }
  return out;
}

/// Upper case: some gateways know no other (tailscale#7377).
const char* name_of(Protocol protocol) { return protocol == Protocol::tcp ? "TCP" : "UDP"; }

Reply fault_of(int code) {
  if (code == UPNPCOMMAND_HTTP_ERROR) return std::unexpected(Fault{Fault::Kind::unreachable, 0, "no answer over HTTP"});
  if (code < 0) return std::unexpected(Fault{Fault::Kind::malformed, code, {}});
  return std::unexpected(Fault{Fault::Kind::upnp_error, code, {}});
}

struct Urls {
  UPNPUrls urls{};
  Urls() = default;
  Urls(const Urls&) = delete;
  Urls& operator=(const Urls&) = delete;
  ~Urls() { FreeUPNPUrls(&urls); }
};

/// A service with its control address made absolute; nullopt when there is none, `foreign` noted when it lies
/// elsewhere.
std::optional<igd::Service> service_of(const IGDdatas& all, const IGDdatas_service& one, const igd::Describe& call,
                                       bool& is_foreign) {
  if (one.servicetype[0] == '\0' || one.controlurl[0] == '\0') return std::nullopt;
  IGDdatas only = all;
  only.first = one;
  Urls made;
  GetUPNPUrls(&made.urls, &only, call.location.c_str(), 0);
  if (made.urls.controlURL == nullptr) return std::nullopt;
  if (!parse_url_on(made.urls.controlURL, call.host)) {
    is_foreign = true;
    return std::nullopt;
  }
  return igd::Service{static_cast<const char*>(one.servicetype), made.urls.controlURL};
}

igd::Connection ask_connection(igd::Service service) {
  igd::Connection connection{.service = std::move(service)};
  const auto& [type, url] = connection.service;
  Buffer<64> status{};
  Buffer<64> last_error{};
  unsigned int uptime[2] = {};  // NOLINT(*-avoid-c-arrays): the library may write 64 bits here
  if (UPNP_GetStatusInfo(url.c_str(), type.c_str(), status.data(), &uptime[0], last_error.data()) ==
      UPNPCOMMAND_SUCCESS)
    connection.status = text_of(status);
  Buffer<40> external{};
  if (UPNP_GetExternalIPAddress(url.c_str(), type.c_str(), external.data()) == UPNPCOMMAND_SUCCESS) {
    const auto address = parse_ip_address(text_of(external));
    const bool is_nowhere = !address || address->is_unspecified() || address->is_loopback() || address->is_multicast();
    if (!is_nowhere) connection.external = address;
  }
  return connection;
}

/// IP before PPP, version 2 before 1.
int rank(const igd::Service& service) {
  const int is_ip = service.type.find("WANIPConnection") != std::string::npos ? 2 : 0;
  return is_ip + (service.type.ends_with(":2") ? 1 : 0);
}

Reply run(const igd::Describe& call) {
  if (const auto url = parse_url_on(call.location, call.host); !url)
    return std::unexpected(Fault{Fault::Kind::foreign, 0, fmt::format("the location {}", to_text(url.error()))});
  Urls found;
  IGDdatas data{};
  Buffer<64> local{};
  if (UPNP_GetIGDFromUrl(call.location.c_str(), &found.urls, &data, local.data(), local.size()) != 1)
    return std::unexpected(Fault{Fault::Kind::unreachable, 0, "no description could be read there"});
  igd::Device device;
  bool is_foreign = false;
  for (const auto* one : {&data.first, &data.second}) {
    auto service = service_of(data, *one, call, is_foreign);
    const bool maps = service && (service->type.find("WANIPConnection") != std::string::npos ||
                                  service->type.find("WANPPPConnection") != std::string::npos);
    if (maps) device.connections.push_back({.service = std::move(*service)});
  }
  auto& both = device.connections;
  if (both.size() == 2 && rank(both[0].service) < rank(both[1].service)) std::swap(both[0], both[1]);
  for (auto& connection : device.connections) connection = ask_connection(std::move(connection.service));
  device.firewall = service_of(data, data.IPv6FC, call, is_foreign);
  if (device.firewall && call.local.is_v6()) {
    int is_on = 0;
    int is_allowed = 0;
    if (UPNP_GetFirewallStatus(device.firewall->control_url.c_str(), device.firewall->type.c_str(), &is_on,
                               &is_allowed) == UPNPCOMMAND_SUCCESS)
      device.pinholes_allowed = is_on != 0 && is_allowed != 0;
  }
  if (device.connections.empty() && !device.firewall)
    return std::unexpected(is_foreign ? Fault{Fault::Kind::foreign, 0, "the control address lies on another host"}
                                      : Fault{Fault::Kind::not_igd, 0, {}});
  return device;
}

Reply run(const igd::Add& call) {
  const auto external = decimal(call.external_port);
  const auto internal = decimal(call.internal.port);
  const auto host = to_text(call.internal.address);
  const auto lease = decimal(call.lifetime.count());
  const auto description = escape(call.description);
  const auto& [type, url] = call.service;
  if (call.port == igd::Add::Port::any) {
    Buffer<6> granted{};
    const int code =
        UPNP_AddAnyPortMapping(url.c_str(), type.c_str(), external.c_str(), internal.c_str(), host.c_str(),
                               description.c_str(), name_of(call.protocol), nullptr, lease.c_str(), granted.data());
    if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
    return igd::Added{parse_number<std::uint16_t>(text_of(granted)).value_or(call.external_port)};
  }
  const int code = UPNP_AddPortMapping(url.c_str(), type.c_str(), external.c_str(), internal.c_str(), host.c_str(),
                                       description.c_str(), name_of(call.protocol), nullptr, lease.c_str());
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  return igd::Added{call.external_port};
}

Reply run(const igd::Delete& call) {
  const int code = UPNP_DeletePortMapping(call.service.control_url.c_str(), call.service.type.c_str(),
                                          decimal(call.external_port).c_str(), name_of(call.protocol), nullptr);
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  return igd::Done{};
}

Reply run(const igd::Look& call) {
  Buffer<40> host{};
  Buffer<6> port{};
  Buffer<80> description{};
  Buffer<4> enabled{};
  Buffer<16> lease{};
  const int code = UPNP_GetSpecificPortMappingEntry(
      call.service.control_url.c_str(), call.service.type.c_str(), decimal(call.external_port).c_str(),
      name_of(call.protocol), nullptr, host.data(), port.data(), description.data(), enabled.data(), lease.data());
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  const auto address = parse_ip_address(text_of(host));
  const auto number = parse_number<std::uint16_t>(text_of(port));
  if (!address || !number) return std::unexpected(Fault{Fault::Kind::malformed, 0, "an entry without an address"});
  return igd::Entry{.protocol = call.protocol,
                    .external_port = call.external_port,
                    .internal = {*address, *number},
                    .lifetime = std::chrono::seconds{parse_number<std::uint32_t>(text_of(lease)).value_or(0)},
                    .description = text_of(description),
                    .remote_host = {},
                    .is_enabled = text_of(enabled) != "0"};
}

Reply run(const igd::List& call) {
  std::vector<igd::Entry> entries;
  for (std::uint16_t index = 0; index < call.limit; ++index) {
    Buffer<40> host{};
    Buffer<6> external{};
    Buffer<6> internal{};
    Buffer<4> protocol{};
    Buffer<80> description{};
    Buffer<4> enabled{};
    Buffer<64> remote{};
    Buffer<16> lease{};
    const int code = UPNP_GetGenericPortMappingEntry(
        call.service.control_url.c_str(), call.service.type.c_str(), decimal(index).c_str(), external.data(),
        host.data(), internal.data(), protocol.data(), description.data(), enabled.data(), remote.data(), lease.data());
    if (code != UPNPCOMMAND_SUCCESS) {
      if (index == 0 && code != 713 && code != 714 && code != 402) return fault_of(code);  // 402: how some say "end"
      break;
    }
    const auto address = parse_ip_address(text_of(host));
    const auto port = parse_number<std::uint16_t>(text_of(internal));
    const auto outside = parse_number<std::uint16_t>(text_of(external));
    if (!address || !port || !outside) continue;
    const auto name = text_of(protocol);
    entries.push_back({.protocol = name == "TCP" || name == "tcp" ? Protocol::tcp : Protocol::udp,
                       .external_port = *outside,
                       .internal = {*address, *port},
                       .lifetime = std::chrono::seconds{parse_number<std::uint32_t>(text_of(lease)).value_or(0)},
                       .description = text_of(description),
                       .remote_host = text_of(remote),
                       .is_enabled = text_of(enabled) != "0"});
  }
  return entries;
}

Reply run(const igd::AddPinhole& call) {
  Buffer<8> id{};
  const int code =
      UPNP_AddPinhole(call.service.control_url.c_str(), call.service.type.c_str(), "", "0",
                      to_text(call.internal.address).c_str(), decimal(call.internal.port).c_str(),
                      call.protocol == Protocol::tcp ? "6" : "17", decimal(call.lifetime.count()).c_str(), id.data());
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  return igd::Pinhole{parse_number<std::uint16_t>(text_of(id)).value_or(0)};
}

Reply run(const igd::UpdatePinhole& call) {
  const int code = UPNP_UpdatePinhole(call.service.control_url.c_str(), call.service.type.c_str(),
                                      decimal(call.unique_id).c_str(), decimal(call.lifetime.count()).c_str());
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  return igd::Pinhole{call.unique_id};
}

Reply run(const igd::DeletePinhole& call) {
  const int code =
      UPNP_DeletePinhole(call.service.control_url.c_str(), call.service.type.c_str(), decimal(call.unique_id).c_str());
  if (code != UPNPCOMMAND_SUCCESS) return fault_of(code);
  return igd::Done{};
}
}  // namespace

Bytes run_igd_call(ByteView question) {
  const auto call = igd::parse_call(question);
  if (!call) return igd::write_reply(std::unexpected(Fault{Fault::Kind::malformed, 0, "an unreadable call"}));
  return igd::write_reply(std::visit([](const auto& one) { return run(one); }, *call));
}
}  // namespace natkit::io
