#include "natkit/portmap/igd_calls.hpp"

#include <algorithm>
#include <utility>

namespace natkit::portmap {
namespace {
/// The driver ends an errand at its allowance and says so; this much later it is given up without a word.
constexpr Duration slack = std::chrono::milliseconds{500};
}  // namespace

void IgdCalls::start(Instant now) {
  for (std::uint32_t i = 0; i < config_.calls.size(); ++i)
    errands_.push_back(
        {.id = ErrandId{i}, .question = igd::write_call(config_.calls[i]), .allowance = config_.allowance});
  if (!errands_.empty()) deadline_ = now + config_.allowance + slack;
}

void IgdCalls::handle_timeout(Instant now) {
  if (deadline_ && now >= *deadline_) deadline_.reset();
}

void IgdCalls::handle_errand_reply(Instant /*now*/, const ErrandReply& reply) {
  const auto index = std::to_underlying(reply.id);
  if (index >= replies_.size() || replies_[index]) return;
  const auto parsed = igd::parse_reply(reply.answer);
  if (parsed)
    replies_[index] = *parsed;
  else
    replies_[index] =
        igd::Reply{std::unexpect, igd::Fault{.kind = igd::Fault::Kind::crashed, .code = 0, .detail = reply.failure}};
  const bool is_complete = std::ranges::all_of(replies_, [](const auto& one) { return one.has_value(); });
  if (is_complete) deadline_.reset();
}

std::optional<Errand> IgdCalls::poll_errand() {
  if (errands_.empty()) return std::nullopt;
  auto next = std::move(errands_.front());
  errands_.pop_front();
  return next;
}

std::optional<Instant> IgdCalls::poll_timeout() const { return deadline_; }
}  // namespace natkit::portmap
