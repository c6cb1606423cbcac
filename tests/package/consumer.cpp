// What a stranger might write: it must build with his own flags, and careless code of his must not meet our warnings.
#include <cstdio>

#include "natkit/base/rng.hpp"
#include "natkit/stun/message.hpp"

int main() {
  const short careless = 70000 / 2;  // -Wconversion, were it inherited with -Werror, would end the build here
  natkit::SeededRng rng{1};
  const auto id = natkit::stun::make_transaction_id(rng);
  natkit::stun::MessageWriter writer{natkit::stun::MessageClass::request, natkit::stun::Method::binding, id};
  const natkit::Bytes datagram =
      writer.add_text(natkit::stun::AttributeType::software, "stranger").add_fingerprint().finish();
  const auto message = natkit::stun::parse_message(datagram);
  std::printf("%zu bytes, %d\n", datagram.size(), careless);
  return message && message->transaction_id() == id ? 0 : 1;
}
