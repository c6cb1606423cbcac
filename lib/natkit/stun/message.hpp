#pragma once
/// STUN messages on the wire (RFC 8489 §5, §14; RFC 5780 §7; RFC 8656 §18).
/// `parse_message` accepts any bytes and checks the whole frame once; after that every attribute can be looked up
/// without a further length check. Reading allocates nothing: a `Message` is a view and lives as long as its datagram.
/// Ports are in host byte order, addresses come out already un-XORed.
#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/rng.hpp"

namespace natkit::stun {
inline constexpr std::uint16_t default_port = 3478;
inline constexpr std::uint32_t magic_cookie = 0x2112A442;
inline constexpr std::size_t header_bytes = 20;

enum class MessageClass : std::uint8_t { request, indication, success, error };

/// RFC 8489 §18.2, RFC 8656 §17. Numbers without a name here are parsed all the same.
enum class Method : std::uint16_t {
  binding = 0x001,
  allocate = 0x003,
  refresh = 0x004,
  send = 0x006,
  data = 0x007,
  create_permission = 0x008,
  channel_bind = 0x009,
};

enum class AttributeType : std::uint16_t {
  // comprehension-required
  mapped_address = 0x0001,
  response_address_3489 = 0x0002,  ///< RFC 3489; never honoured, it makes a server a reflector
  change_request = 0x0003,         ///< RFC 5780 §7.2
  source_address_3489 = 0x0004,    ///< what RFC 3489 clients read instead of RESPONSE-ORIGIN
  changed_address_3489 = 0x0005,   ///< what RFC 3489 clients read instead of OTHER-ADDRESS
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000A,
  channel_number = 0x000C,
  lifetime = 0x000D,
  xor_peer_address = 0x0012,
  data = 0x0013,
  realm = 0x0014,
  nonce = 0x0015,
  xor_relayed_address = 0x0016,
  requested_address_family = 0x0017,
  even_port = 0x0018,
  requested_transport = 0x0019,
  dont_fragment = 0x001A,
  message_integrity_sha256 = 0x001C,
  password_algorithm = 0x001D,
  userhash = 0x001E,
  xor_mapped_address = 0x0020,
  reservation_token = 0x0022,
  priority = 0x0024,       ///< RFC 8445 §16.1
  use_candidate = 0x0025,  ///< RFC 8445 §16.1
  padding = 0x0026,        ///< RFC 5780 §7.6
  response_port = 0x0027,  ///< RFC 5780 §7.5
  // comprehension-optional
  additional_address_family = 0x8000,
  address_error_code = 0x8001,
  password_algorithms = 0x8002,
  alternate_domain = 0x8003,
  icmp = 0x8004,
  software = 0x8022,
  alternate_server = 0x8023,
  cache_timeout = 0x8027,
  fingerprint = 0x8028,
  ice_controlled = 0x8029,   ///< RFC 8445 §16.1
  ice_controlling = 0x802A,  ///< RFC 8445 §16.1
  response_origin = 0x802B,  ///< RFC 5780 §7.3
  other_address = 0x802C,    ///< RFC 5780 §7.4
  // Our own extensions, in the comprehension-optional range that is given out by expert review and free at these
  // numbers (IANA, 2025): a foreign program passes over them.
  natkit_receipt = 0xCE10,  ///< request: "tell me from where you answered", value is filler; answer: see receipt.hpp
  natkit_cookie = 0xCE11,   ///< answer: 8 bytes that prove the address when echoed; request: the echo
  natkit_second_port = 0xCE12,   ///< answer: the other port of the very address that was asked (16 bits)
  natkit_reach = 0xCE13,         ///< request and probe: "send to a port of my address", see reachability.hpp
  natkit_reach_report = 0xCE14,  ///< answer: what became of that
  natkit_ice = 0xCE20,           ///< checks: "I keep natkit's timing", and a nomination's number; see ice/check.hpp
  natkit_cargo = 0xCE21,         ///< checks and their answers: what else is to reach the peer; see ice/check.hpp
};

struct TransactionId {
  std::array<std::uint8_t, 12> bytes{};
  auto operator<=>(const TransactionId&) const = default;
};
[[nodiscard]] TransactionId make_transaction_id(Rng& rng);

/// `not_stun` lets a demultiplexer offer the datagram to somebody else; the others are faults.
enum class ParseError : std::uint8_t {
  not_stun,       ///< the two top bits are set, or shorter than a header
  bad_length,     ///< the header's length is not a multiple of 4 or not what arrived
  bad_attribute,  ///< an attribute runs past the end
};

/// An agent that does not know such an attribute must refuse the message (RFC 8489 §14); the others it passes over.
[[nodiscard]] constexpr bool is_comprehension_required(AttributeType type) {
  return static_cast<std::uint16_t>(type) < 0x8000;
}

struct Attribute {
  AttributeType type{};
  ByteView value{};  ///< without padding
};

/// Walks over the attributes of a checked message, in the order of the wire. What stands behind the integrity
/// attributes is not covered by them and is passed over, save a further integrity attribute and FINGERPRINT
/// (RFC 8489 §14.5–14.7).
class AttributeCursor {
 public:
  explicit AttributeCursor(ByteView message) : message_(message) {}
  [[nodiscard]] std::optional<Attribute> next();
  /// Where the attribute that `next` gave last begins in the message.
  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  enum class Seen : std::uint8_t { neither, integrity, integrity_sha256, fingerprint };
  [[nodiscard]] bool admits(AttributeType type) const;

  ByteView message_;
  std::size_t position_ = 0;
  std::size_t next_ = header_bytes;
  Seen seen_ = Seen::neither;
};

/// A few attribute types, as UNKNOWN-ATTRIBUTES lists them. Bounded, because a stranger chooses how many there are.
class AttributeTypes {
 public:
  static constexpr std::size_t most = 16;  ///< more than any honest message lacks; the rest is left out
  /// Ignores what is there already, and what no longer fits.
  void insert(AttributeType type);
  [[nodiscard]] std::span<const AttributeType> all() const { return std::span{types_}.first(count_); }
  [[nodiscard]] bool is_empty() const { return count_ == 0; }

 private:
  std::array<AttributeType, most> types_{};
  std::size_t count_ = 0;
};

/// ERROR-CODE (RFC 8489 §14.8). The reason is the other side's text: escape it before printing.
struct ErrorCode {
  std::uint16_t code = 0;  ///< 300–699
  std::string_view reason;
};

/// CHANGE-REQUEST (RFC 5780 §7.2) as a value: what the answer's source is to differ in.
enum class Change : std::uint8_t { nothing = 0, port = 2, address = 4, address_and_port = 6 };

/// A message that was checked once. Copying it copies the view, not the bytes.
class Message {
 public:
  [[nodiscard]] MessageClass message_class() const { return message_class_; }
  [[nodiscard]] Method method() const { return method_; }
  [[nodiscard]] const TransactionId& transaction_id() const { return transaction_id_; }
  /// True for RFC 3489 peers, whose 16-byte transaction id holds no magic cookie.
  [[nodiscard]] bool is_classic() const { return cookie_ != magic_cookie; }
  [[nodiscard]] std::uint32_t cookie() const { return cookie_; }
  /// The whole datagram, for integrity checks and size budgets.
  [[nodiscard]] ByteView datagram() const { return datagram_; }
  /// The first attribute of this type; later ones are ignored (RFC 8489 §14).
  [[nodiscard]] std::optional<ByteView> find(AttributeType type) const;
  /// MAPPED-ADDRESS, XOR-MAPPED-ADDRESS, OTHER-ADDRESS … by type; un-XORs the XOR-… ones.
  [[nodiscard]] std::optional<Endpoint> endpoint(AttributeType type) const;
  /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where only that is there.
  [[nodiscard]] std::optional<Endpoint> mapped_endpoint() const;
  /// The first 16 bits of a value of 2 or 4 bytes: RESPONSE-PORT, CHANNEL-NUMBER.
  [[nodiscard]] std::optional<std::uint16_t> u16(AttributeType type) const;
  [[nodiscard]] std::optional<std::uint32_t> u32(AttributeType type) const;
  [[nodiscard]] std::optional<std::uint64_t> u64(AttributeType type) const;  ///< ICE-CONTROLLING, RESERVATION-TOKEN
  [[nodiscard]] std::optional<std::string_view> text(AttributeType type) const;
  [[nodiscard]] std::optional<std::uint16_t> error_code() const;  ///< 300–699
  [[nodiscard]] std::optional<ErrorCode> error() const;
  /// `nullopt` if there is no CHANGE-REQUEST or it is not four bytes; reserved bits are ignored.
  [[nodiscard]] std::optional<Change> change_request() const;
  /// What an error of 420 complains about (RFC 8489 §14.9).
  [[nodiscard]] std::optional<AttributeTypes> unknown_attributes() const;
  /// The comprehension-required attributes of this message that are not among the known: the cause for a 420.
  [[nodiscard]] AttributeTypes unknown_to(std::span<const AttributeType> known) const;
  [[nodiscard]] AttributeCursor attributes() const { return AttributeCursor{datagram_}; }

 private:
  friend std::expected<Message, ParseError> parse_message(ByteView datagram);
  Message() = default;
  MessageClass message_class_{};
  Method method_{};
  std::uint32_t cookie_ = 0;
  TransactionId transaction_id_;
  ByteView datagram_;
};
[[nodiscard]] std::expected<Message, ParseError> parse_message(ByteView datagram);

/// Builds one message; `finish` gives the datagram and leaves the writer empty. The message must stay below 65556
/// bytes, as the header's 16-bit length demands.
class MessageWriter {
 public:
  MessageWriter(MessageClass message_class, Method method, const TransactionId& id,
                std::uint32_t cookie = magic_cookie);
  MessageWriter& add(AttributeType type, ByteView value);
  MessageWriter& add_u16(AttributeType type,
                         std::uint16_t value);  ///< followed by two reserved zero bytes (RFC 5780 §7.5)
  MessageWriter& add_u32(AttributeType type, std::uint32_t value);
  MessageWriter& add_u64(AttributeType type, std::uint64_t value);
  MessageWriter& add_text(AttributeType type, std::string_view value);
  MessageWriter& add_endpoint(AttributeType type, const Endpoint& endpoint);  ///< XORs the XOR-… types
  MessageWriter& add_change_request(Change change);
  MessageWriter& add_error(std::uint16_t code, std::string_view reason);
  MessageWriter& add_unknown_attributes(const AttributeTypes& types);
  MessageWriter& add_message_integrity(ByteView key);         ///< HMAC-SHA1, RFC 8489 §14.5
  MessageWriter& add_message_integrity_sha256(ByteView key);  ///< RFC 8489 §14.6
  MessageWriter& add_fingerprint();                           ///< must come last
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] Bytes finish();

 private:
  void open(AttributeType type, std::size_t value_size);
  void close();

  Bytes out_;
};

/// On the wire: the value alone, of an address attribute (RFC 8489 §14.1, 14.2). `xor_key` is the 16 bytes that follow
/// the header's length (magic cookie and transaction id), or empty for the attributes that are not XORed.
[[nodiscard]] std::optional<Endpoint> parse_address_value(ByteView value, ByteView xor_key);
}  // namespace natkit::stun
