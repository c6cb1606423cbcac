// Any bytes as an SSDP message: nothing that is taken from it is longer than it or holds a line end; and what it
// points to is fetched from nowhere but the host that answered.
#include "fuzz/fuzz.hpp"
#include "natkit/portmap/ssdp.hpp"
#include "natkit/portmap/url.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = ssdp::parse_message(ByteView{data, size});
  if (!parsed) return 0;
  must_hold(size <= ssdp::longest_message);
  must_hold(parsed->kind == ssdp::Message::Kind::byebye || !parsed->location.empty());
  std::size_t total = 0;
  for (const auto* text : {&parsed->target, &parsed->name, &parsed->location, &parsed->server}) {
    must_hold(text->find('\n') == std::string::npos);
    total += text->size();
  }
  must_hold(total <= size);
  const auto answerer = *parse_ip_address("192.0.2.1");
  if (const auto url = parse_url_on(parsed->location, answerer)) must_hold(url->host.address == answerer);
  return 0;
}
