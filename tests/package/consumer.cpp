// What a stranger might write: it must build with his own flags, and careless code of his must not meet our warnings.
#include <cstdio>

#include "natkit/base/endpoint.hpp"

int main() {
  const auto server = natkit::parse_endpoint("[2001:db8::1]", 3478);
  const short careless = 70000 / 2;  // -Wconversion, were it inherited with -Werror, would end the build here
  std::printf("%s %d\n", server ? natkit::to_text(*server).c_str() : "unreadable", careless);
  return server && server->port == 3478 ? 0 : 1;
}
