#include "natkit/portmap/announcements.hpp"

#include <utility>

#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"
#include "natkit/portmap/ssdp.hpp"

namespace natkit::portmap {
namespace {
IpAddress all_hosts(Family family) {
  if (family == Family::ipv4) return IpAddress::v4(0xE0000001);
  return IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

bool is_announcement(ByteView payload) {
  if (const auto response = pcp::parse_response(payload)) return response->result == pcp::ResultCode::success;
  return natpmp::parse_response(payload).has_value();
}
}  // namespace

Announcements::Announcements(Config config) : config_(std::move(config)) {
  const auto family = config_.local.family();
  const auto wish = [&](SocketId socket, std::uint16_t port, const IpAddress& group) {
    sockets_.emplace_back(SocketWish{.socket = socket,
                                     .local = {IpAddress::any(family), port},
                                     .interface = config_.interface,
                                     .groups = {group},
                                     .sharing = Sharing::shared});
  };
  wish(config_.control_socket, pcp::client_port, all_hosts(family));
  const auto ssdp = ssdp::group(family);
  wish(config_.ssdp_socket, ssdp.port, ssdp.address);
}

bool Announcements::handle_datagram(Instant now, const Datagram& in) {
  if (in.socket != config_.control_socket && in.socket != config_.ssdp_socket) return false;
  const bool is_hint = in.socket == config_.control_socket ? is_announcement(in.payload) : [&] {
    const auto message = ssdp::parse_message(in.payload);
    return message && message->kind != ssdp::Message::Kind::answer;
  }();
  if (!is_hint) return true;
  const auto last = heard_.find(in.remote.address);
  if (last != heard_.end() && now - last->second < config_.pause) return true;
  if (last == heard_.end() && heard_.size() >= config_.most_senders) heard_.clear();
  heard_[in.remote.address] = now;
  hints_.push_back(in.remote.address);
  return true;
}

std::optional<SocketChange> Announcements::poll_socket() {
  if (sockets_.empty()) return std::nullopt;
  auto out = std::move(sockets_.front());
  sockets_.pop_front();
  return out;
}

std::optional<IpAddress> Announcements::poll_hint() {
  if (hints_.empty()) return std::nullopt;
  auto out = hints_.front();
  hints_.pop_front();
  return out;
}
}  // namespace natkit::portmap
