#include "natkit/report/redactor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <variant>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/nat64_prefix.hpp"
#include "natkit/base/printable.hpp"

namespace natkit::report {
namespace {
constexpr std::uint32_t ipv4_masks = 0xF0000000;
/// The longest spelling of an address: IPv6 with an embedded IPv4 address (INET6_ADDRSTRLEN without its zero).
constexpr std::size_t longest_address = 45;
constexpr std::string_view address_letters = "0123456789abcdefABCDEF.:";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view host_mask = "server-";

IpAddress ipv6_mask(std::uint32_t number) {
  std::array<std::uint8_t, 16> bytes{1};
  for (std::size_t i = 0; i < 4; ++i) bytes.at(15 - i) = static_cast<std::uint8_t>(number >> (8U * i));
  return IpAddress::v6(bytes);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}
/// Letters of a host's name, but for the dots: they end a sentence, too.
bool is_host_letter(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || digits.find(c) != std::string_view::npos || c == '-' || c == '_';
}

using Visitor = std::function<void(IpAddress&)>;

void visit(std::optional<Endpoint>& endpoint, const Visitor& change) {
  if (endpoint) change(endpoint->address);
}
void visit(probe::PortMappings& mappings, const Visitor& change) {
  for (auto* one : {&mappings.upnp, &mappings.nat_pmp, &mappings.pcp})
    if (one->external) change(*one->external);
}
void visit(probe::HostFacts& host, const Visitor& change) {
  for (auto* addresses : {&host.temporary, &host.stable})
    for (auto& address : *addresses) change(address);
  if (host.ipv4only)
    for (auto& address : *host.ipv4only) change(address);
}
void visit(probe::Sent& sent, const Visitor& change) { change(sent.to.address); }
void visit(probe::Received& received, const Visitor& change) {
  change(received.from.address);
  change(received.local.address);
  visit(received.mapped, change);
  visit(received.other, change);
  visit(received.receipt, change);
  visit(received.rewritten, change);
}
void visit(probe::SendFailed& failed, const Visitor& change) { change(failed.to.address); }
void visit(probe::Expired& expired, const Visitor& change) {
  change(expired.to.address);
  change(expired.router);
}
void visit(probe::Ended& /*ended*/, const Visitor& /*change*/) {}

void visit(probe::Trace& trace, const Visitor& change) {
  for (auto& server : trace.servers) change(server.address.address);
  for (auto& event : trace.events) std::visit([&](auto& item) { visit(item, change); }, event);
  visit(trace.port_mapping, change);
  visit(trace.host, change);
}
void visit(probe::Report& report, const Visitor& change) {
  for (auto& server : report.servers) change(server.address.address);
  if (report.ways_out)
    for (auto& way : *report.ways_out) change(way.server.address);
  for (auto* family : {&report.ipv4, &report.ipv6}) {
    if (!*family) continue;
    visit((*family)->local, change);
    visit((*family)->mapped, change);
    for (auto& hop : (*family)->hops)
      if (hop) change(*hop);
  }
  if (report.nat64.prefix) change(report.nat64.prefix->address);
  visit(report.port_mapping, change);
}

/// Null where nobody led anywhere.
template <class Event>
auto* redirect_of(Event& event) {
  auto* received = std::get_if<probe::Received>(&event);
  const bool leads = received != nullptr && received->page && !received->page->redirect.empty();
  return leads ? &received->page->redirect : nullptr;
}

std::vector<std::string> names_in(const probe::Trace& trace) {
  std::vector<std::string> names;
  for (const auto& server : trace.servers) names.push_back(server.name);
  for (const auto& event : trace.events)
    if (const auto* redirect = redirect_of(event)) names.push_back(*redirect);
  return names;
}

/// The well-known prefix, and what resolvers make of ipv4only.arpa with it: the same in every network that has it.
bool is_of_every_nat64(const IpAddress& address) {
  if (is_well_known({.address = address, .length = 96})) return true;
  const auto prefix = find_nat64_prefix(address);
  return prefix && is_well_known(*prefix);
}

struct HostPort {
  std::string_view host;
  std::string_view port;  ///< with its colon; empty where none stands there
};
bool is_host_mask(std::string_view host) {
  return host.starts_with(host_mask) && host.size() > host_mask.size() &&
         host.find_first_not_of(digits, host_mask.size()) == std::string_view::npos;
}
HostPort split(std::string_view server) {
  const auto colon = server.find(':');
  if (colon == std::string_view::npos || server.find_first_not_of(digits, colon + 1) != std::string_view::npos)
    return {server, {}};
  return {server.substr(0, colon), server.substr(colon)};
}
}  // namespace

void Redactor::learn(std::string_view server) { static_cast<void>(mask_server(server)); }

void Redactor::learn(const probe::Trace& trace) {
  auto copy = trace;
  // What somebody else has masked keeps its mask, so nobody else may get it.
  visit(copy, [this](IpAddress& address) {
    if (address.is_placeholder()) taken_.insert(address);
  });
  const auto names = names_in(trace);
  for (const auto& name : names)
    if (const auto host = lower(split(name).host); is_host_mask(host)) taken_hosts_.insert(host);
  for (const auto& name : names) learn(name);
  visit(copy, [this](IpAddress& address) { static_cast<void>(mask(address)); });
}

IpAddress Redactor::mask(const IpAddress& address) {
  if (address.is_unspecified() || address.is_multicast() || is_of_every_nat64(address)) return address;
  if (address.is_placeholder()) {
    taken_.insert(address);
    return address;
  }
  const auto [known, is_new] = masks_.try_emplace(address);
  if (!is_new) return known->second;
  do {
    known->second = address.is_v4() ? IpAddress::v4(ipv4_masks + ++ipv4_count_) : ipv6_mask(++ipv6_count_);
  } while (!taken_.insert(known->second).second);
  return known->second;
}

probe::Trace Redactor::redact(probe::Trace trace) {
  learn(trace);
  visit(trace, [this](IpAddress& address) { address = mask(address); });
  for (auto& server : trace.servers) server.name = mask_server(server.name);
  for (auto& event : trace.events)
    if (auto* redirect = redirect_of(event)) *redirect = mask_server(*redirect);
  for (auto& event : trace.events)
    if (auto* failed = std::get_if<probe::SendFailed>(&event)) failed->why = redact(failed->why);
  return trace;
}

probe::Report Redactor::redact(probe::Report report) {
  for (const auto& server : report.servers) learn(server.name);
  visit(report, [this](IpAddress& address) { address = mask(address); });
  for (auto& server : report.servers) server.name = mask_server(server.name);
  for (auto& evidence : report.evidence) evidence.detail = redact(evidence.detail);
  return report;
}

std::string Redactor::redact(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto length = take_name(text, at, out);
    if (length == 0) length = take_address(text, at, out);
    if (length == 0) out += text[at];
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

Error Redactor::redact(Error error) {
  error.detail = redact(error.detail);
  error.advice = redact(error.advice);
  return error;
}

std::string Redactor::mask_server(std::string_view server) {
  if (const auto endpoint = parse_endpoint(server)) return to_text(Endpoint{mask(endpoint->address), endpoint->port});
  if (const auto endpoint = parse_endpoint(server, std::uint16_t{0})) return to_text(mask(endpoint->address));
  const auto [host, port] = split(server);
  return host.empty() ? std::string{server} : mask_host(host) + std::string{port};
}

const std::string& Redactor::mask_host(std::string_view host) {
  const auto key = lower(host);
  if (const auto known = hosts_.find(key); known != hosts_.end()) return known->second;
  auto mask = key;
  if (!is_host_mask(key)) do {
      mask = fmt::format("{}{}", host_mask, ++host_count_);
    } while (!taken_hosts_.insert(mask).second);
  hosts_.try_emplace(lower(printable(host)), mask);  // as errors quote it
  return hosts_.try_emplace(key, std::move(mask)).first->second;
}

std::size_t Redactor::take_name(std::string_view text, std::size_t at, std::string& out) const {
  if (at > 0 && is_host_letter(text[at - 1])) return 0;
  for (const auto& [host, mask] : hosts_) {
    const auto found = text.substr(at, host.size());
    if (found.size() < host.size() || lower(found.front()) != host.front() || lower(found) != host) continue;
    const auto end = at + host.size();
    if (end < text.size() && is_host_letter(text[end])) continue;
    out += mask;
    return host.size();
  }
  return 0;
}

std::size_t Redactor::take_address(std::string_view text, std::size_t at, std::string& out) {
  auto candidate = text.substr(at, longest_address);
  candidate = candidate.substr(0, candidate.find_first_not_of(address_letters));
  // The longest that is one, so that 192.0.2.10 is never taken for 192.0.2.1.
  for (; candidate.size() >= 2; candidate.remove_suffix(1))
    if (const auto address = parse_ip_address(candidate)) {
      out += to_text(mask(*address));
      return candidate.size();
    }
  return 0;
}
}  // namespace natkit::report
