#pragma once
#include <string_view>

#include "natkit/crypto/identity.hpp"

namespace natkit::test {
/// The same one for a name during a run: identities are slow to make with sanitizers and none the better for being
/// fresh. Members are ordered by their fingerprints, so a name gives the first byte of its own, and a seed runs alike
/// every time.
const crypto::Identity& identity_of(std::string_view name);
}  // namespace natkit::test
