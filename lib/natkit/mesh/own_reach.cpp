#include "natkit/mesh/own_reach.hpp"

#include <algorithm>
#include <utility>

#include "natkit/probe/classifier.hpp"

namespace natkit::mesh {
namespace {
/// The probe numbers its sockets from 0 on, as whoever owns this machine does; the port's come before (held_port.hpp).
constexpr std::uint32_t first_socket = 0x5000'0000;
constexpr std::uint32_t last_socket = 0x5fff'ffff;
/// One server with two addresses answers everything; a second one confirms it. More would only be asked for nothing.
constexpr std::size_t most_servers = 4;

bool is_public(const IpAddress& address) {
  return portmap::may_be_external(address) && !address.is_private() && !address.is_shared() && !address.is_link_local();
}
}  // namespace

OwnReach::OwnReach(Config config, std::unique_ptr<portmap::HeldPort> port, Rng& rng)
    : rng_(rng), port_(std::move(port)) {
  std::vector<probe::Server> servers;
  for (const auto& server : config.servers)
    if (!server.address.is_loopback() && servers.size() < most_servers)
      servers.push_back({.name = natkit::to_text(server), .address = server});
  if (!servers.empty())
    probe_ = std::make_unique<probe::Probe>(
        probe::Probe::Config{.servers = std::move(servers), .timing = config.timing}, rng_);
}

bool OwnReach::owns(SocketId socket) {
  const auto number = std::to_underlying(socket);
  return portmap::HeldPort::owns(socket) || (number >= first_socket && number <= last_socket);
}

void OwnReach::start(Instant now) {
  if (probe_) probe_->start(now);
}

void OwnReach::ask_router(Instant now, std::vector<portmap::Route> routes, std::uint16_t internal_port,
                          portmap::HeldPort::At at) {
  if (!port_ || port_->is_asked()) return;
  refused_.reset();
  is_granted_ = false;
  port_->ask(now, std::move(routes), internal_port, at);
}

void OwnReach::close_port(Instant now) {
  if (port_) port_->close(now);
}

void OwnReach::close(Instant now) {
  probe_.reset();
  close_port(now);
}

const probe::FamilyReport* OwnReach::family() const {
  if (!report_) return nullptr;
  if (report_->ipv4 && report_->ipv4->mapped) return &*report_->ipv4;
  return report_->ipv6 && report_->ipv6->mapped ? &*report_->ipv6 : nullptr;
}

/// A router behind another one, or on another way out than ours, opens a port that nobody finds.
bool OwnReach::leads_here() const {
  if (!grant_ || !is_public(grant_->external.address)) return false;
  const bool is_seen = report_ && report_->ipv4 && report_->ipv4->mapped;
  return !is_seen || report_->ipv4->mapped->address == grant_->external.address;
}

OwnReach::Port OwnReach::port_state() const {
  if (!port_) return Port::not_asked;
  if (port_->is_asked() && !is_granted_) return Port::asking;
  if (port_->is_asked()) return leads_here() ? Port::held : Port::useless;
  if (refused_) return Port::refused;
  return grant_ ? Port::given_back : Port::not_asked;
}

NatFindings OwnReach::findings() const {
  NatFindings found{.has_port = !refused_ && leads_here(),
                    .is_blocked = report_ && report_->udp == probe::UdpState::blocked};
  const auto* measured = family();
  if (measured == nullptr || !is_public(measured->mapped->address)) return found;
  found.mapping = measured->mapping;
  found.filtering = measured->filtering;
  return found;
}

OwnReach::Reason OwnReach::reason() const {
  const auto found = findings();
  if (found.is_blocked) return Reason::udp_blocked;
  const bool is_open =
      found.mapping == Behavior::endpoint_independent && found.filtering == Behavior::endpoint_independent;
  if (is_open) return Reason::open;
  if (found.has_port) return Reason::mapped;
  if (probe_) return Reason::measuring;
  if (!report_) return Reason::not_measured;
  const auto* measured = family();
  if (measured == nullptr) return Reason::no_answer;
  if (!is_public(measured->mapped->address)) return Reason::server_inside;
  if (reach() == Reach::unknown) return Reason::not_decided;
  return reach() == Reach::hard ? Reason::port_each_peer : Reason::same_port;
}

void OwnReach::handle_datagram(Instant now, Datagram in) {
  if (portmap::HeldPort::owns(in.socket)) {
    if (port_) port_->handle_datagram(now, std::move(in));
  } else if (probe_) {
    in.socket = SocketId{std::to_underlying(in.socket) - first_socket};
    probe_->handle_datagram(now, in);
  }
}

void OwnReach::handle_timeout(Instant now) {
  if (port_) port_->handle_timeout(now);
  if (const auto due = probe_ ? probe_->poll_timeout() : std::nullopt; due && *due <= now) probe_->handle_timeout(now);
}

void OwnReach::handle_send_failure(Instant now, Datagram lost, std::string_view why) {
  if (portmap::HeldPort::owns(lost.socket) || !probe_) return;
  lost.socket = SocketId{std::to_underlying(lost.socket) - first_socket};
  probe_->handle_send_failure(now, lost, why);
}

void OwnReach::handle_errand_reply(Instant now, const ErrandReply& reply) {
  if (port_) port_->handle_errand_reply(now, reply);
}

void OwnReach::handle_path_error(Instant now, const PathError& error) {
  if (port_ && portmap::HeldPort::owns(error.socket)) port_->handle_path_error(now, error);
}

std::optional<SocketChange> OwnReach::poll_socket() { return port_ ? port_->poll_socket() : std::nullopt; }

std::optional<Datagram> OwnReach::poll_transmit() {
  if (auto out = port_ ? port_->poll_transmit() : std::nullopt) return out;
  auto out = probe_ ? probe_->poll_transmit() : std::nullopt;
  if (out) out->socket = SocketId{std::to_underlying(out->socket) + first_socket};
  return out;
}

std::optional<Errand> OwnReach::poll_errand() { return port_ ? port_->poll_errand() : std::nullopt; }

std::optional<Instant> OwnReach::poll_timeout() const {
  auto due = port_ ? port_->poll_timeout() : std::nullopt;
  if (const auto at = probe_ ? probe_->poll_timeout() : std::nullopt; at && (!due || *at < *due)) due = at;
  return due;
}

std::optional<OwnReach::Event> OwnReach::poll_event(Instant now) {
  if (probe_ && probe_->is_done()) {
    report_ = probe::classify(probe_->trace());
    probe_.reset();
    return Measured{};
  }
  auto event = port_ ? port_->poll_event(now) : std::nullopt;
  if (!event) return std::nullopt;
  if (const auto* granted = std::get_if<portmap::HeldPort::Granted>(&*event)) {
    grant_ = granted->grant;
    is_granted_ = true;
    return PortOpened{grant_->external};
  }
  grant_.reset();
  refused_ = std::get<portmap::HeldPort::Refused>(std::move(*event));
  return PortRefused{};
}

std::string_view to_text(OwnReach::Reason reason) {
  switch (reason) {
    using enum OwnReach::Reason;
    case not_measured:
      return "not-measured";
    case measuring:
      return "measuring";
    case no_answer:
      return "no-answer";
    case server_inside:
      return "server-inside";
    case not_decided:
      return "not-decided";
    case open:
      return "open";
    case mapped:
      return "mapped";
    case same_port:
      return "same-port";
    case port_each_peer:
      return "port-each-peer";
    case udp_blocked:
      return "udp-blocked";
  }
  return "";
}

std::string_view to_text(OwnReach::Port port) {
  switch (port) {
    using enum OwnReach::Port;
    case not_asked:
      return "not-asked";
    case asking:
      return "asking";
    case held:
      return "held";
    case useless:
      return "useless";
    case refused:
      return "refused";
    case given_back:
      return "given-back";
  }
  return "";
}
}  // namespace natkit::mesh
