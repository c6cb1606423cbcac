// Any text as a peer's description: what is read of it, written down, is read again as the same.
#include "fuzz/fuzz.hpp"
#include "natkit/link/description.hpp"

using namespace natkit;
using namespace natkit::link;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  const auto lenient = parse_description(text, Fingerprints::optional);
  const auto strict = parse_description(text);
  must_hold(!strict || (lenient && strict->description.fingerprint));
  if (!lenient) return 0;
  const auto& description = lenient->description;
  const auto again = parse_description(write_description(description), Fingerprints::optional);
  must_hold(again.has_value() && again->skipped.empty());
  must_hold(again->description.fingerprint == description.fingerprint);
  must_hold(again->description.setup == description.setup);
  must_hold(again->description.ice.credentials == description.ice.credentials);
  must_hold(again->description.ice.candidates.size() == description.ice.candidates.size());
  return 0;
}
