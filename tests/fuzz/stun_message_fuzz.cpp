// Any bytes as a STUN message: every getter may be called, and writing down what was read gives the same message.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/receipt.hpp"

using namespace natkit;
using namespace natkit::stun;
using fuzz::must_hold;

namespace {
void call_every_getter(const Message& message) {
  static const Bytes key{1, 2, 3, 4};
  (void)message.mapped_endpoint();
  (void)receipt(message);
  (void)cookie(message);
  (void)second_port(message);
  (void)verify_message_integrity(message, key);
  (void)verify_message_integrity_sha256(message, key);
  (void)verify_fingerprint(message);
  must_hold(message.unknown_to({}).all().size() <= AttributeTypes::most);
  if (const auto types = message.unknown_attributes()) must_hold(types->all().size() <= AttributeTypes::most);
  if (const auto error = message.error()) must_hold(error->code >= 300 && error->code <= 699);
  if (const auto change = message.change_request()) must_hold((static_cast<unsigned>(*change) & ~6U) == 0);
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    must_hold(message.find(attribute->type).has_value());
    (void)message.endpoint(attribute->type);
    (void)message.u16(attribute->type);
    (void)message.u32(attribute->type);
    (void)message.u64(attribute->type);
    (void)message.text(attribute->type);
  }
}

Bytes rewrite(const Message& message) {
  MessageWriter writer{message.message_class(), message.method(), message.transaction_id(), message.cookie()};
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    writer.add(attribute->type, attribute->value);
  }
  return writer.finish();
}

void must_be_equal(const Message& a, const Message& b) {
  must_hold(a.message_class() == b.message_class() && a.method() == b.method());
  must_hold(a.cookie() == b.cookie() && a.transaction_id() == b.transaction_id());
  auto left = a.attributes();
  auto right = b.attributes();
  for (;;) {
    const auto x = left.next();
    const auto y = right.next();
    must_hold(x.has_value() == y.has_value());
    if (!x) return;
    must_hold(x->type == y->type && std::ranges::equal(x->value, y->value));
  }
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = parse_message({data, size});
  if (!message) return 0;
  call_every_getter(*message);
  const auto bytes = rewrite(*message);
  must_hold(bytes.size() <= size);
  const auto again = parse_message(bytes);
  must_hold(again.has_value());
  must_be_equal(*message, *again);
  return 0;
}
