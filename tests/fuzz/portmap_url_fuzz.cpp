// Any text as an address to fetch from: what is accepted is plain, written and read again to the same, and lies on the
// host that answered; which may be written in several ways, but never be this host.
#include <fmt/format.h>

#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "natkit/portmap/url.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  if (const auto url = parse_url(text)) {
    must_hold(url->host.port != 0);
    must_hold(url->path.starts_with('/'));
    must_hold(std::ranges::all_of(url->path, [](char c) { return c > ' ' && c < '\x7f'; }));
    const auto again = parse_url(fmt::format("http://{}{}", to_text(url->host), url->path));
    must_hold(!again ? size + 16 > 512 : *again == *url);  // a short form may have grown past what is allowed
  }
  for (const auto* answerer : {"192.0.2.1", "127.0.0.1", "169.254.0.1", "fe80::1", "2001:db8::1", "::ffff:192.0.2.1"}) {
    const auto url = parse_url_on(text, *parse_ip_address(answerer));
    if (!url) continue;
    must_hold(parse_url(text) == url);
    must_hold(!url->host.address.is_loopback() && !url->host.address.is_multicast());
    const bool is_mapped = std::string_view{answerer}.starts_with("::ffff:");
    must_hold(url->host.address == *parse_ip_address(is_mapped ? "192.0.2.1" : answerer));
  }
  return 0;
}
