// Any text as SDP: what is read of it, written down, is read again as the same.
#include "fuzz/fuzz.hpp"
#include "natkit/ice/description.hpp"

using namespace natkit;
using namespace natkit::ice;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  if (const auto candidate = parse_candidate(text)) must_hold(parse_candidate(write_candidate(*candidate)).has_value());
  const auto read = parse_description(text);
  if (!read) return 0;
  const auto& [description, skipped] = *read;
  must_hold(description.candidates.size() <= most_candidates && skipped.size() <= most_candidates);
  const auto again = parse_description(write_description(description));
  must_hold(again.has_value() && again->skipped.empty());
  must_hold(again->description.credentials == description.credentials);
  must_hold(again->description.dialect == description.dialect);
  must_hold(again->description.gathering == description.gathering);
  must_hold(again->description.candidates.size() == description.candidates.size());
  for (std::size_t i = 0; i < description.candidates.size(); ++i)
    must_hold(again->description.candidates[i].endpoint == description.candidates[i].endpoint);
  return 0;
}
