#include "natkit/portmap/igd_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/portmap/igd_search.hpp"
#include "natkit/portmap/refusal.hpp"

namespace natkit::portmap {
namespace {
using igd::Fault;
using std::chrono::seconds;

// UPnP WANIPConnection:2 §2.5 and WANIPv6FirewallControl:1 §2.5.
constexpr int invalid_action = 401, invalid_args = 402, action_failed = 501;
constexpr int end_of_list = 713, no_such_entry = 714, conflict = 718, same_port_needed = 724, only_permanent = 725,
              other_mechanism = 729, no_such_pinhole = 704;
constexpr seconds longest_pinhole{86400};
constexpr std::size_t longest_description = 64;  // 2.2.4's reader cuts at 80; some gateways refuse long ones

bool is_code(const igd::Reply& reply, int code) {
  return !reply && reply.error().kind == Fault::Kind::upnp_error && reply.error().code == code;
}
bool says_gone(const igd::Reply& reply) {
  return is_code(reply, no_such_entry) || is_code(reply, end_of_list) || is_code(reply, no_such_pinhole);
}
const igd::Entry* entry_in(const igd::Reply& reply) { return reply ? std::get_if<igd::Entry>(&*reply) : nullptr; }

/// Also for an answer of a kind that was not asked for.
Fault fault_of(const igd::Reply& reply) { return reply ? Fault{Fault::Kind::malformed, 0, {}} : reply.error(); }

bool may_be_any(const IgdControl::Ask& ask) { return ask.external_port == 0 || ask.choice == PortChoice::preferred; }

bool is_version_2(const igd::Service& service) { return service.type.ends_with(":2"); }
}  // namespace

std::string tagged_description(MappingId id, std::string_view words) {
  return fmt::format("natkit-{:016x} {}", std::to_underlying(id), words).substr(0, longest_description);
}

bool has_tag(std::string_view description, MappingId id) {
  return description.find(fmt::format("natkit-{:016x}", std::to_underlying(id))) != std::string_view::npos;
}

Refusal refusal_of(const Fault& fault) {
  if (fault.kind == Fault::Kind::upnp_error) return refusal_of_upnp(fault.code);
  const auto refusal = [&](Cause cause, std::string_view words) {
    const auto detail = printable(fault.detail.substr(0, 120));
    return Refusal{.method = Method::upnp,
                   .cause = cause,
                   .detail = detail.empty() ? std::string{words} : fmt::format("{}: {}", words, detail)};
  };
  switch (fault.kind) {
    case Fault::Kind::unreachable:
      return refusal(Cause::failed, "cannot be reached");
    case Fault::Kind::out_of_time:
      return refusal(Cause::silent, "did not answer in time");
    case Fault::Kind::not_igd:
      return refusal(Cause::switched_off, "offers no service that maps ports");
    case Fault::Kind::foreign:
      return refusal(Cause::malformed, "points to another host");
    case Fault::Kind::crashed:
      return refusal(Cause::malformed, "sent more than anybody could read");
    default:
      return refusal(Cause::malformed, "answers, but not by the book");
  }
}

const igd::Connection* IgdControl::connection_of(const Task& task) const {
  if (!device_ || task.connection >= device_->connections.size()) return nullptr;
  return &device_->connections[task.connection];
}

void IgdControl::call(const Task& task, igd::Call call) { outgoing_.push_back({task.ask.id, std::move(call)}); }

void IgdControl::add(const Ask& ask) {
  auto& task = tasks_.insert_or_assign(ask.id, Task{.ask = ask}).first->second;
  if (ask.internal.address.is_v6()) return send_pinhole(task);
  if (!device_ || device_->connections.empty()) return refuse(task, refusal_of(Fault{Fault::Kind::not_igd, 0, {}}));
  const auto& all = device_->connections;
  const auto connected = std::ranges::find_if(all, is_connected);
  task.connection = connected == all.end() ? 0 : static_cast<std::size_t>(connected - all.begin());
  const bool is_any = may_be_any(ask);
  task.port = ask.external_port == 0 ? ask.internal.port : ask.external_port;
  task.lifetime = ask.lifetime;
  const bool may_any = is_any && is_version_2(all[task.connection].service);
  task.mode = may_any ? igd::Add::Port::any : igd::Add::Port::exact;
  send_add(task);
}

void IgdControl::send_add(Task& task) {
  task.step = Step::adding;
  call(task, igd::Add{.service = connection_of(task)->service,
                      .protocol = task.ask.protocol,
                      .internal = task.ask.internal,
                      .external_port = task.port,
                      .lifetime = task.lifetime,
                      .description = tagged_description(task.ask.id, task.ask.description),
                      .port = task.mode});
}

void IgdControl::send_pinhole(Task& task) {
  task.step = Step::adding;
  if (!device_ || !device_->firewall) return refuse(task, refusal_of(Fault{Fault::Kind::not_igd, 0, {}}));
  const auto lifetime = std::clamp(task.ask.lifetime, seconds{1}, longest_pinhole);
  task.lifetime = lifetime;
  if (task.ask.pinhole)
    call(task, igd::UpdatePinhole{*device_->firewall, task.ask.internal.address, *task.ask.pinhole, lifetime});
  else
    call(task, igd::AddPinhole{*device_->firewall, task.ask.protocol, task.ask.internal, lifetime});
}

void IgdControl::look(Task& task, Step step) {
  task.step = step;
  call(task, igd::Look{connection_of(task)->service, task.ask.protocol, task.port});
}

void IgdControl::remove(const Ask& ask) {
  auto& task = tasks_.insert_or_assign(ask.id, Task{.ask = ask, .goal = Task::Goal::remove}).first->second;
  task.port = ask.external_port;
  if (ask.internal.address.is_v6()) {
    task.step = Step::deleting;
    if (!device_ || !device_->firewall) return refuse(task, refusal_of(Fault{Fault::Kind::not_igd, 0, {}}));
    if (!ask.pinhole) return finish_gone(task);  // without its number it can only run out (RFC-less: §2.5.4)
    return call(task, igd::DeletePinhole{*device_->firewall, ask.internal.address, *ask.pinhole});
  }
  if (!connection_of(task)) return refuse(task, refusal_of(Fault{Fault::Kind::not_igd, 0, {}}));
  if (task.port != 0) return look(task, Step::looking);
  task.step = Step::listing;
  call(task, igd::List{.service = connection_of(task)->service});
}

void IgdControl::handle_reply(MappingId id, const igd::Reply& reply) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  auto& task = found->second;
  if (task.ask.internal.address.is_v6()) return handle_pinhole(task, reply);
  switch (task.step) {
    case Step::adding:
      return handle_added(task, reply);
    case Step::reading_back:
      return handle_read_back(task, reply);
    case Step::asking_whose:
      return handle_whose(task, reply);
    case Step::clearing:
      return send_add(task);  // whatever became of it: the Add will tell
    case Step::listing:
      return handle_list(task, reply);
    case Step::looking:
    case Step::deleting:
    case Step::confirming:
      return handle_removal(task, reply);
  }
}

void IgdControl::handle_added(Task& task, const igd::Reply& reply) {
  if (!reply) return try_again(task, reply.error());
  if (const auto* added = std::get_if<igd::Added>(&*reply); added && added->external_port != 0)
    task.port = added->external_port;
  look(task, Step::reading_back);
}

void IgdControl::handle_read_back(Task& task, const igd::Reply& reply) {
  const auto* entry = entry_in(reply);
  if (entry && entry->internal == task.ask.internal) return grant(task, entry->lifetime, Granted::Proof::seen);
  if (entry)
    return refuse(task, {.method = Method::upnp,
                         .cause = Cause::port_taken,
                         .detail = fmt::format("confirmed the mapping, but its list gives port {} to {}", task.port,
                                               to_text(entry->internal))});
  if (says_gone(reply))
    return refuse(task, {.method = Method::upnp,
                         .cause = Cause::failed,
                         .detail = "confirmed the mapping, but does not have it in its list"});
  grant(task, task.lifetime, Granted::Proof::unseen);  // it cannot be asked: its word must do
}

void IgdControl::try_again(Task& task, const Fault& fault) {
  if (fault.kind != Fault::Kind::upnp_error || ++task.tries >= config_.most_tries)
    return refuse(task, refusal_of(fault));
  const bool is_any = may_be_any(task.ask);
  switch (fault.code) {
    case invalid_action:
      if (task.mode != igd::Add::Port::any) return refuse(task, refusal_of(fault));
      task.mode = igd::Add::Port::exact;
      return send_add(task);
    case only_permanent:
    case invalid_args:
      if (task.lifetime == seconds{0}) return refuse(task, refusal_of(fault));
      task.lifetime = seconds{0};
      return send_add(task);
    case same_port_needed:
      if (!is_any || task.port == task.ask.internal.port) return refuse(task, refusal_of(fault));
      task.port = task.ask.internal.port;
      return send_add(task);
    case conflict:
      return look(task, Step::asking_whose);
    case action_failed:
    case other_mechanism:
      return try_other_port(task, fault);
    default:
      return refuse(task, refusal_of(fault));
  }
}

void IgdControl::try_other_port(Task& task, const Fault& fault) {
  if (!may_be_any(task.ask)) return refuse(task, refusal_of(fault));
  task.port = static_cast<std::uint16_t>(1024 + rng_->below(65536 - 1024));
  send_add(task);
}

void IgdControl::handle_whose(Task& task, const igd::Reply& reply) {
  const auto* entry = entry_in(reply);
  const bool is_ours = entry && entry->internal.address == task.ask.internal.address &&
                       (entry->internal.port == task.ask.internal.port || has_tag(entry->description, task.ask.id));
  if (!is_ours) return try_other_port(task, {Fault::Kind::upnp_error, conflict, {}});
  task.step = Step::clearing;
  call(task, igd::Delete{connection_of(task)->service, task.ask.protocol, task.port});
}

void IgdControl::handle_removal(Task& task, const igd::Reply& reply) {
  if (says_gone(reply)) return finish_gone(task);
  if (task.step == Step::deleting) {
    if (reply || reply.error().kind == Fault::Kind::upnp_error) return look(task, Step::confirming);
    return refuse(task, refusal_of(reply.error()));
  }
  const auto* entry = entry_in(reply);
  if (entry && entry->internal != task.ask.internal) return finish_gone(task);  // somebody else's now
  if (task.step == Step::confirming) {
    if (!entry) return finish_gone(task);  // it cannot be asked: its word must do
    return refuse(task, {.method = Method::upnp, .cause = Cause::failed, .detail = "keeps the mapping all the same"});
  }
  if (!entry && fault_of(reply).kind != Fault::Kind::upnp_error) return refuse(task, refusal_of(fault_of(reply)));
  task.step = Step::deleting;
  call(task, igd::Delete{connection_of(task)->service, task.ask.protocol, task.port});
}

void IgdControl::handle_list(Task& task, const igd::Reply& reply) {
  const auto* entries = reply ? std::get_if<std::vector<igd::Entry>>(&*reply) : nullptr;
  if (!entries) return says_gone(reply) ? finish_gone(task) : refuse(task, refusal_of(fault_of(reply)));
  const auto ours = std::ranges::find_if(*entries, [&](const igd::Entry& entry) {
    return entry.protocol == task.ask.protocol && has_tag(entry.description, task.ask.id);
  });
  if (ours == entries->end()) return finish_gone(task);
  task.port = ours->external_port;
  task.ask.internal = ours->internal;
  task.step = Step::deleting;
  call(task, igd::Delete{connection_of(task)->service, task.ask.protocol, task.port});
}

void IgdControl::handle_pinhole(Task& task, const igd::Reply& reply) {
  if (task.goal == Task::Goal::remove) {
    if (reply || says_gone(reply)) return finish_gone(task);
    return refuse(task, refusal_of(reply.error()));
  }
  if (!reply && task.ask.pinhole && is_code(reply, no_such_pinhole)) {  // forgotten: open it anew
    task.ask.pinhole.reset();
    return send_pinhole(task);
  }
  if (!reply) return refuse(task, refusal_of(reply.error()));
  if (const auto* pinhole = std::get_if<igd::Pinhole>(&*reply)) task.ask.pinhole = pinhole->unique_id;
  task.port = task.ask.internal.port;
  grant(task, task.lifetime, Granted::Proof::unseen);
}

void IgdControl::grant(const Task& task, seconds lifetime, Granted::Proof proof) {
  Granted granted{.id = task.ask.id, .lifetime = lifetime, .pinhole = task.ask.pinhole, .proof = proof};
  if (const auto* connection = connection_of(task); connection && task.ask.internal.address.is_v4()) {
    granted.service = connection->service;
    granted.external = {connection->external.value_or(IpAddress{}), task.port};
  } else {
    granted.service = *device_->firewall;
    granted.external = task.ask.internal;
  }
  tasks_.erase(granted.id);
  events_.emplace_back(std::move(granted));
}

void IgdControl::refuse(const Task& task, Refusal refusal) {
  const auto id = task.ask.id;
  tasks_.erase(id);
  events_.emplace_back(Refused{id, std::move(refusal)});
}

void IgdControl::finish_gone(const Task& task) {
  const auto id = task.ask.id;
  tasks_.erase(id);
  events_.emplace_back(Gone{id});
}

std::optional<IgdControl::Outgoing> IgdControl::poll_call() {
  if (outgoing_.empty()) return std::nullopt;
  auto out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<IgdControl::Event> IgdControl::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}
}  // namespace natkit::portmap
