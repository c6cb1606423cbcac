#pragma once
/// Receipts: our extension to RFC 5780, in comprehension-optional attributes that foreign programs pass over. They let
/// a client tell "filtered" from "lost" and from "this server cannot send from there".
///
///   client              server A:P1        server B:P2
///     |--- CHANGE-REQUEST ---->|                |
///     |    NATKIT-RECEIPT      |                |
///     |     X  <------------- answer -----------|     a NAT may filter this one …
///     |<-- NATKIT-RECEIPT -----|                      … but not this one: "I answered you from B:P2"
///          = B:P2
///
/// A request asks for a receipt by carrying NATKIT-RECEIPT. Its value is filler: the answer and the receipt together
/// never have more bytes than the request that caused them, unless a cookie proves the source address.
///  - Without CHANGE-REQUEST and RESPONSE-PORT the one answer holds NATKIT-RECEIPT (its own origin: "this server is one
///    of ours"), NATKIT-COOKIE, and NATKIT-SECOND-PORT if the same address serves another port.
///  - With either, the answer goes where RFC 5780 sends it, and the asked socket sends a receipt to the asking
///    endpoint: a Binding success with the same transaction id, NATKIT-RECEIPT = the answer's origin, and
///    XOR-MAPPED-ADDRESS.
///  - A server with one address but two ports honours "change port" for requests with NATKIT-RECEIPT; all others get
///    420, as RFC 5780 §6 demands of a server that is not complete.
///  - Where the change cannot be honoured, the 420 is the whole answer.
#include <cstddef>
#include <optional>

#include "natkit/base/ip_address.hpp"
#include "natkit/stun/address_cookie.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::stun {
/// A request of this size pays for everything that our responder can have to say to it, FINGERPRINT included.
[[nodiscard]] std::size_t receipt_request_bytes(Family family);
/// Adds NATKIT-RECEIPT with as much filler as makes the finished request `receipt_request_bytes` long, where it is not
/// longer already. Only FINGERPRINT may come after it; say so, because its bytes count.
enum class Fingerprint : std::uint8_t { none, follows };
void add_receipt_request(MessageWriter& writer, Family family, Fingerprint fingerprint);
/// The same with as much filler as makes the finished message so many bytes long: a multiple of 4, and not too few.
void add_receipt_request(MessageWriter& writer, std::size_t message_bytes);

/// What NATKIT-RECEIPT of an answer says: from where the request was answered. `nullopt` for a foreign server.
[[nodiscard]] std::optional<Endpoint> receipt(const Message& answer);
/// The cookie of an answer, to be echoed as NATKIT-COOKIE within two minutes from any port of the same address.
[[nodiscard]] std::optional<AddressCookie> cookie(const Message& answer);
/// The other port that the very address asked serves as well.
[[nodiscard]] std::optional<std::uint16_t> second_port(const Message& answer);
}  // namespace natkit::stun
