// Any bytes as the answer for a web page, in parts of any size: what is read of it depends on no part's size, and is
// short and printable.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/probe/web_page.hpp"

using namespace natkit;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView all{data, size};
  probe::PageReader whole;
  whole.append(all);
  probe::PageReader parts;
  for (std::size_t at = 0, step = 1; at < size; at += step, ++step) {
    parts.append(all.subspan(at, std::min(step, size - at)));
    if (const auto early = parts.head()) must_hold(early == whole.head());
  }
  must_hold(parts.head() == whole.head());
  const auto head = whole.head();
  if (!head) return 0;
  must_hold(head->status >= 100 && head->status < 600);
  must_hold(head->redirect.size() < 254 && printable(head->redirect) == head->redirect);
  return 0;
}
