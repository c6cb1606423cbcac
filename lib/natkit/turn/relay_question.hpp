#pragma once
// Private to the relay: one request while it is being answered.
#include "natkit/turn/relay.hpp"

namespace natkit::turn {
struct Relay::Question {
  Instant now{};
  ClientPath path{};
  const stun::Message& message;
  Gatekeeper::User user{};
  Allocation* allocation = nullptr;  // of this client, where there is one
};

/// What an Allocate says about families (RFC 8656 §7.2).
struct Relay::FamilyWish {
  bool is_wrong = false;  // the attributes contradict each other
  bool has_foreign = false;
  std::array<bool, 2> wanted{};
  bool is_additional = false;  // then either is enough
};
}  // namespace natkit::turn
