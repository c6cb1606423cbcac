#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/base/printable.hpp"
#include "session.hpp"

// The state that goes from host to host: what one exports, and who leads next takes in.
//
//   leads --each --export-every--> export-cmd --> kept by who is next in line
//   the host died, this one leads --> import-cmd --> on-host-cmd, and exports of its own
namespace natkit {
using report::MeshEvents;
namespace {
/// A shell takes some milliseconds to start.
constexpr Duration shortest_export_interval = std::chrono::milliseconds{100};
}  // namespace

bool Session::is_running(Purpose purpose) const {
  return std::ranges::any_of(running_, [&](const auto& each) { return each.second.purpose == purpose; });
}

void Session::begin_to_lead(std::uint64_t epoch) {
  if (output_.is_json()) say(MeshEvents::became_host(epoch), {});
  output_.explain(cli::Verbosity::steps, fmt::format("this host leads and acts in epoch {}", epoch));
  waits_for_import_ = true;
  // What is exported before the old state is taken in would be nothing, in place of it.
  if (!is_running(Purpose::inheriting)) hear_state_taken_in();
}

void Session::hear_inherited(const mesh::StateInherited& left_behind) {
  const auto size = left_behind.state.size();
  say(MeshEvents::state_inherited(size, left_behind.age),
      fmt::format("taking over what the old host left {:.1f} s ago: {} bytes", to_ms(left_behind.age) / 1000, size));
  run_hook(Purpose::inheriting, options_.import_command, node_.member().id(), left_behind.state, {});
  hooks_.back().environment.emplace_back("NATKIT_STATE_AGE_MS", fmt::format("{:.0f}", to_ms(left_behind.age)));
}

void Session::hear_state_taken_in() {
  if (!std::exchange(waits_for_import_, false)) return;
  if (!options_.on_host_command.empty())
    run_hook(Purpose::hosting, options_.on_host_command, node_.member().id(), {}, {});
  if (!options_.export_command.empty()) next_export_ = now_;
}

void Session::keep_exporting(Instant now) {
  if (!next_export_ || now < *next_export_) return;
  if (!node_.member().is_host() || is_leaving_) {
    next_export_.reset();
    return;
  }
  next_export_ = now + std::max(options_.export_every, shortest_export_interval);
  if (node_.member().acts(now) && !is_running(Purpose::keeping))
    run_hook(Purpose::keeping, options_.export_command, node_.member().id(), {}, {});
}

void Session::hear_export(Instant now, const HookReply& reply) {
  if (reply.has_succeeded()) node_.keep_state(now, reply.output);
  const bool is_news = !std::exchange(has_export_failed_, !reply.has_succeeded());
  if (!reply.has_succeeded() && is_news)
    output_.warn("the state could not be exported, so the next host would get an older one: " +
                 printable(reply.complaint));
}

void Session::leave(Instant now) {
  if (std::exchange(is_leaving_, true)) return;
  const auto& view = node_.member().view();
  if (view && view->members.size() > 1) report_abort(now, node_.member().id(), "left");
  if (node_.member().acts(now) && !options_.export_command.empty())
    return run_hook(Purpose::exporting, options_.export_command, node_.member().id(), {},
                    [this](Instant then, Bytes state) { node_.leave(then, std::move(state)); });
  node_.leave(now);
}

void Session::hand_over(Instant now, std::optional<mesh::MemberId> heir) {
  const auto give = [this, heir](Instant then, Bytes state) {
    if (!node_.hand_over(then, heir, std::move(state))) output_.warn("nobody could take over");
  };
  if (options_.export_command.empty()) return give(now, {});
  run_hook(Purpose::exporting, options_.export_command, node_.member().id(), {}, give);
}
}  // namespace natkit
