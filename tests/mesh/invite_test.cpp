// An invite as text.
#include "natkit/mesh/invite.hpp"

#include <algorithm>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/base/base64.hpp"
#include "natkit/crypto/crc32.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;
using mesh::Invite, mesh::InviteError, mesh::parse_invite, mesh::write_invite;

namespace {
Invite small_invite() {
  Invite invite{.name = "den", .game = "chess"};
  invite.session.bytes.fill(3);
  invite.knock.fill(0xFE);
  invite.entries = {{member_id(1), {{"198.51.100.1"_ip, 4000}, {"2001:db8::1"_ip, 4001}}},
                    {member_id(2), {{"192.168.1.7"_ip, 1}}}};
  return invite;
}

Invite largest_invite() {
  Invite invite{.name = std::string(64, 'n'), .game = std::string(64, 'g')};
  for (unsigned number = 0; number < mesh::most_entries; ++number)
    invite.entries.push_back({member_id(number), {4, {"2001:db8::1"_ip, 65535}}});
  return invite;
}
}  // namespace

TEST_CASE("An invite is one line of plain characters and says the same when it is read", "[invite]") {
  for (const auto& invite : {small_invite(), largest_invite()}) {
    const auto text = write_invite(invite);
    CHECK(text.starts_with("natkit:"));
    CHECK(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:") ==
          std::string::npos);
    CHECK(parse_invite(text) == invite);
  }
  CHECK(write_invite(small_invite()).size() < 300);
  CHECK(write_invite(largest_invite()).size() < 2000);  // the longest message of many chats
}

TEST_CASE("What mail and chat programs put into an invite does not harm it", "[invite]") {
  auto text = "  " + write_invite(small_invite()) + "\r\n";
  text.insert(100, "\n ");
  CHECK(mesh::looks_like_invite(text));
  CHECK(parse_invite(text) == small_invite());
}

TEST_CASE("An invite that was not copied whole, or was changed, is told from what is none", "[invite]") {
  const auto text = write_invite(small_invite());
  for (std::size_t length = 7; length < text.size(); ++length)
    CHECK(parse_invite(text.substr(0, length)) == std::unexpected(InviteError::garbled));
  for (std::size_t at = 7; at < text.size(); ++at) {
    auto changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    CHECK_FALSE(parse_invite(changed));
  }
  for (const auto* other : {"den", "", "Natkit:AAAA", "http://natkit:1"})
    CHECK(parse_invite(other) == std::unexpected(InviteError::not_an_invite));
  CHECK(parse_invite(text + std::string(9000, ' ')) == std::unexpected(InviteError::garbled));
}

TEST_CASE("An invite of a later version is told from a garbled one", "[invite]") {
  Bytes bytes{2, 'n', 'e', 'w', '!'};
  ByteWriter{bytes}.write_u32(crypto::crc32({ByteView{bytes}.first(5)}));
  auto text = to_base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  CHECK(parse_invite("natkit:" + text) == std::unexpected(InviteError::other_version));
}

TEST_CASE("Nobody can be sent to knock at what is no host's address", "[invite]") {
  for (const auto& endpoint :
       {Endpoint{"0.0.0.0"_ip, 1}, Endpoint{"224.0.0.1"_ip, 1}, Endpoint{"255.255.255.255"_ip, 1},
        Endpoint{"ff02::1"_ip, 1}, Endpoint{"198.51.100.1"_ip, 0}}) {
    auto invite = small_invite();
    invite.entries.front().endpoints.front() = endpoint;
    CHECK(parse_invite(write_invite(invite)) == std::unexpected(InviteError::garbled));
  }
  auto nobody = small_invite();
  nobody.entries.clear();
  CHECK_FALSE(parse_invite(write_invite(nobody)));
  auto nowhere = small_invite();
  nowhere.entries.front().endpoints.clear();
  CHECK_FALSE(parse_invite(write_invite(nowhere)));
}
