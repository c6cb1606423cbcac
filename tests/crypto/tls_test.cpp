#include "natkit/crypto/tls.hpp"

#include <string>

#include "catch.hpp"
#include "natkit/crypto/identity.hpp"

using namespace natkit;
using namespace natkit::crypto;

namespace {
/// Carries what each wants to say to the other, cut into pieces, until both are silent.
void talk(TlsSession& a, TlsSession& b, std::size_t piece = 1000) {
  for (;;) {
    const auto from_a = a.take();
    const auto from_b = b.take();
    if (from_a.empty() && from_b.empty()) return;
    for (ByteView rest{from_a}; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size())))
      b.receive(rest.first(std::min(piece, rest.size())));
    for (ByteView rest{from_b}; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size())))
      a.receive(rest.first(std::min(piece, rest.size())));
  }
}
}  // namespace

TEST_CASE("Two ends of TLS understand each other, however the stream is cut", "[tls]") {
  const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{100'000});
  const auto pem = Identity::make().to_pem();
  const auto server_context = TlsContext::serve(pem, pem);
  const auto client_context = TlsContext::trust(pem);
  REQUIRE(server_context);
  REQUIRE(client_context);
  auto server = (*server_context)->accept();
  auto client = (*client_context)->connect("natkit");  // the name that our certificates bear
  client->write(as_bytes("written before the handshake"));
  talk(*client, *server, piece);
  CHECK(client->is_established());
  CHECK(server->is_established());
  CHECK(as_text(server->read()) == "written before the handshake");
  const Bytes much(100'000, 0x5A);
  server->write(much);
  server->write(as_bytes("end"));
  talk(*client, *server, piece);
  const auto got = client->read();
  CHECK(got.size() == much.size() + 3);
  CHECK(as_text(ByteView{got}.last(3)) == "end");
  client->close();
  talk(*client, *server, piece);
  CHECK(server->failure() == "the other side closed the connection");
}

TEST_CASE("A certificate of nobody we trust, or of another name, ends the handshake with the reason", "[tls]") {
  static const auto pem = Identity::make().to_pem();  // the cases below are made but once
  const auto server_context = TlsContext::serve(pem, pem);
  const auto [trusted, name, why] = GENERATE(
      table<std::string, std::string, std::string>({{Identity::make().to_pem(), "natkit", "self-signed certificate"},
                                                    {pem, "example.org", "hostname mismatch"},
                                                    {pem, "192.0.2.1", "IP address mismatch"}}));
  const auto client_context = TlsContext::trust(trusted);
  auto server = (*server_context)->accept();
  auto client = (*client_context)->connect(name);
  client->write(as_bytes("secret"));
  talk(*client, *server);
  CHECK_FALSE(client->is_established());
  CHECK(client->failure() == "TLS: certificate: " + why);
  CHECK(server->read().empty());
}

TEST_CASE("What is no TLS is told as such", "[tls]") {
  const auto pem = Identity::make().to_pem();
  const auto context = TlsContext::serve(pem, pem);
  auto server = (*context)->accept();
  server->receive(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  CHECK(server->failure().starts_with("TLS: "));
  server->receive(as_bytes("more"));
  server->write(as_bytes("answer"));
  CHECK(server->read().empty());
}

TEST_CASE("A certificate and a key that do not fit are refused with the reason", "[tls]") {
  const auto pem = Identity::make().to_pem();
  const auto other = Identity::make().to_pem();
  const auto key_of = [](const std::string& text) { return text.substr(text.find("-----BEGIN PRIVATE")); };
  CHECK(TlsContext::serve("nothing", pem).error() == "the certificate is not in PEM");
  CHECK(TlsContext::serve(pem, "nothing").error().starts_with("the key is not in PEM"));
  CHECK(TlsContext::serve(pem, key_of(other)).error() == "the key does not belong to the certificate");
  CHECK(TlsContext::trust("nothing").error() == "the authorities' certificates are not in PEM");
}
