// Any bytes as a knock, and any text as the fragment of one that has the secret: who is let in has a fingerprint that
// its fragment tells, and no other.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "natkit/base/base64.hpp"
#include "natkit/link/knock.hpp"

using namespace natkit;
using namespace natkit::link;
using fuzz::must_hold;

namespace {
const KnockSecret secret{1, 2, 3};
const auto host = host_credentials(secret);

void check(const std::optional<Knocker>& knocker) {
  if (!knocker) return;
  const auto& fragment = knocker->credentials.ufrag;
  must_hold(parse_knock_fragment(fragment) == knocker->fingerprint);
  must_hold(fragment.starts_with(to_base64(knocker->fingerprint.digest).substr(0, 43)));
  must_hold(knocker->credentials.password.size() >= 22);
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  check(read_knock(bytes, host, secret));
  const ice::Credentials knocker{.ufrag = std::string{as_text(bytes.first(std::min<std::size_t>(size, 300)))},
                                 .password = {}};
  const auto knock = ice::write_check({}, {.priority = 1}, knocker, host);
  const auto read = read_knock(knock, host, secret);
  must_hold(read.has_value() == parse_knock_fragment(knocker.ufrag).has_value());
  check(read);
  return 0;
}
