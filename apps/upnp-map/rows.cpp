#include "rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "culprit.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/interfaces.hpp"

namespace natkit {
namespace {
using portmap::Finding;
using portmap::Method;
using portmap::RouterEntry;

std::optional<bool> is_available(const Finding& finding) {
  if (finding.state == Finding::State::available) return true;
  if (finding.state == Finding::State::refused) return false;
  return std::nullopt;
}

/// What is left of a lease by the wall clock, which is the only one that two runs share. What was asked for and never
/// granted has none.
std::optional<std::chrono::seconds> left_of(const portmap::JournalEntry& entry) {
  if (!entry.via) return std::nullopt;
  if (entry.lifetime.count() == 0) return std::chrono::seconds{0};
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto left = std::chrono::seconds{entry.written_at} + entry.lifetime - now;
  if (left.count() <= 0) return std::nullopt;
  return left;
}

report::ListedMapping row_of(const RouterEntry& one) {
  return {.protocol = one.entry.protocol,
          .external_address = one.external,
          .external_port = one.entry.external_port,
          .internal = one.entry.internal,
          .lease = one.entry.lifetime,
          .via = Method::upnp,
          .gateway = one.gateway,
          .description = one.entry.description,
          .source = report::ListedMapping::Source::router,
          .owner = is_this_host(one.entry.internal.address) ? report::ListedMapping::Owner::this_host
                                                            : report::ListedMapping::Owner::other};
}

report::ListedMapping row_of(const portmap::JournalEntry& entry) {
  report::ListedMapping row{.protocol = entry.protocol,
                            .external_port = entry.external.port,
                            .internal = {entry.mapped_host, entry.internal_port},
                            .lease = left_of(entry),
                            .via = entry.via,
                            .gateway = entry.gateway,
                            .description = entry.description,
                            .source = report::ListedMapping::Source::journal,
                            .owner = report::ListedMapping::Owner::ours};
  if (!entry.external.address.is_unspecified()) row.external_address = entry.external.address;
  return row;
}
}  // namespace

bool is_this_host(const IpAddress& address) {
  const auto own = io::interface_addresses();
  return std::ranges::find(own, address, &io::InterfaceAddress::address) != own.end();
}

Result<Searched> search(Session& session, const std::vector<portmap::Route>& routes, Duration timeout) {
  portmap::Discovery discovery{{.routes = routes}, session.rng};
  bool is_late = false;
  Supervised watched{discovery,
                     session.output,
                     {.word = "asking the router …",
                      .bound = timeout,
                      .on_bound = [&](Instant) { is_late = true; },
                      .is_over = [&](Instant now) { return is_late || discovery.is_over(now); }}};
  const auto end = session.run(watched);
  if (!end) return std::unexpected(end.error());
  return Searched{.findings = discovery.findings(io::now()), .end = *end};
}

std::vector<report::GatewayAnswer> gateway_answers(const portmap::Findings& findings) {
  std::vector<report::GatewayAnswer> answers;
  for (const auto& route : findings.routes) {
    report::GatewayAnswer answer{.address = route.route.router, .route = route.route};
    for (const auto method : {Method::pcp, Method::nat_pmp, Method::upnp}) {
      const auto& finding = route[method];
      answer.methods.push_back({.method = method,
                                .is_available = is_available(finding),
                                .external = finding.external,
                                .refusal = finding.refusal});
    }
    if (!route.devices.empty()) {
      const auto& first = route.devices.front();
      answer.manufacturer = first.device.manufacturer;
      answer.model = first.device.model;
      answer.location = first.location;
      if (first.host == route.route.router) answer.udn = first.udn;
    }
    const auto same =
        std::ranges::find_if(answers, [&](const auto& one) { return !answer.udn.empty() && one.udn == answer.udn; });
    if (same != answers.end()) answer.same_as = same->address;
    answers.push_back(std::move(answer));
  }
  return answers;
}

bool has_any(const portmap::Findings& findings) {
  return std::ranges::any_of(findings.routes, [](const auto& route) {
    return std::ranges::any_of(std::array{Method::pcp, Method::nat_pmp, Method::upnp},
                               [&](Method method) { return route[method].state == Finding::State::available; });
  });
}

Error error_of(const cli::Output& output, const portmap::Findings& findings) {
  return culprit(output, portmap::diagnose(portmap::symptoms_of(findings)));
}

Result<RouterList> router_list(Session& session, const portmap::Findings& findings, Duration timeout) {
  std::vector<RouterEntry> asked;  // one for each call, without the entry
  std::vector<portmap::igd::Call> calls;
  for (const auto& route : findings.routes)
    for (const auto& device : route.devices)
      for (const auto& connection : device.device.connections) {
        const bool is_known = std::ranges::any_of(
            asked, [&](const RouterEntry& one) { return one.service.control_url == connection.service.control_url; });
        if (is_known) continue;
        asked.push_back({.service = connection.service,
                         .gateway = device.host,
                         .udn = device.udn,
                         .external = connection.external});
        calls.emplace_back(portmap::igd::List{.service = connection.service});
      }
  if (calls.empty()) return RouterList{};
  portmap::IgdCalls machine{{.calls = calls, .allowance = timeout}};
  Supervised watched{machine, session.output, {.word = "reading the router's list …"}};
  const auto end = session.run(watched);
  if (!end) return std::unexpected(end.error());
  RouterList read{.end = *end};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& reply = machine.replies()[i];
    if (!reply || !reply->has_value()) continue;
    const auto* const list = std::get_if<std::vector<portmap::igd::Entry>>(&**reply);
    if (list == nullptr) continue;
    read.is_read = true;
    for (const auto& entry : *list) {
      read.entries.push_back(asked[i]);
      read.entries.back().entry = entry;
    }
  }
  read.entries = portmap::without_repeats(std::move(read.entries));
  return read;
}

std::vector<report::ListedMapping> merged(const std::vector<RouterEntry>& router,
                                          const std::vector<portmap::JournalEntry>& journal) {
  std::vector<report::ListedMapping> rows;
  std::vector<bool> is_seen(router.size(), false);
  for (const auto& entry : portmap::without_repeats(journal)) {
    auto row = row_of(entry);
    for (std::size_t i = 0; i < router.size(); ++i) {
      if (is_seen[i] || !portmap::is_same_mapping(router[i], entry)) continue;
      is_seen[i] = true;
      row.source = report::ListedMapping::Source::both;
      row.external_port = router[i].entry.external_port;
      if (!row.external_address) row.external_address = router[i].external;
      row.lease = router[i].entry.lifetime;
      break;
    }
    rows.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < router.size(); ++i)
    if (!is_seen[i]) rows.push_back(row_of(router[i]));
  return rows;
}
}  // namespace natkit
