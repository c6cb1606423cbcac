#pragma once
/// A web page that is asked for where nobody is. What answers stands in the way: the login page of a network that lets
/// nothing else out (a captive portal, RFC 8952), or a proxy or filter that speaks in the name of others.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::probe {
/// Port 80 of an address that is only for documentation (RFC 5737 §3, RFC 3849): no host has it.
[[nodiscard]] Endpoint nobodys_page(Family family);

/// A question for it (RFC 9112 §3), different each time, so that no cache answers.
[[nodiscard]] Bytes write_page_request(const Endpoint& to, const stun::TransactionId& id);

/// What of the head of an answer is of use.
struct PageHead {
  std::uint16_t status = 0;  ///< from 100 to 599
  /// The host that `Location` leads to, without the rest, which often names the one who asked. Empty: none is named.
  std::string redirect{};
  bool operator==(const PageHead&) const = default;
};

/// Takes the answer as it comes. Nothing that anybody sends makes it grow beyond `most_bytes`.
class PageReader {
 public:
  static constexpr std::size_t most_bytes = 4096;
  void append(ByteView bytes);
  /// Once the head is whole, or as long as is read of it; none of what is no HTTP.
  [[nodiscard]] std::optional<PageHead> head() const;

 private:
  std::string text_;
};

/// Of an absolute URL or of one without its scheme (RFC 3986 §4.2): the host without user and port, or nothing.
[[nodiscard]] std::string_view host_of_url(std::string_view url);
}  // namespace natkit::probe
