// What a command and the process of a session say to each other.
#include "control.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "catch.hpp"

using namespace natkit;
using control::Words;

namespace {
/// An empty XDG_RUNTIME_DIR, gone when the test is.
class RuntimeFolder {
 public:
  RuntimeFolder() {
    REQUIRE(::mkdtemp(name_.data()) != nullptr);
    ::setenv("XDG_RUNTIME_DIR", name_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): a test has one thread
  }
  RuntimeFolder(const RuntimeFolder&) = delete;
  RuntimeFolder& operator=(const RuntimeFolder&) = delete;
  ~RuntimeFolder() { std::filesystem::remove_all(name_); }

  [[nodiscard]] const std::string& name() const { return name_; }
  void leave_process_of(const std::string& session) const {
    std::filesystem::create_directory(name_ + "/natkit");
    std::ofstream{control::socket_path(session)} << "";
  }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "natkit-test-XXXXXX").string();
};
}  // namespace

TEST_CASE("Words arrive as they were said, empty ones too", "[control]") {
  for (const Words& words : {Words{"status", "json"}, Words{"send", "text", "", "hello, all of you"},
                             Words{"kick", "text", "ben", ""}, Words{"send", "text", "anna", "größer \\ \"x\""}})
    CHECK(control::parse_line(control::write_line(words)) == words);
}

TEST_CASE("A line stays one line, and its words stay apart, whatever is in them", "[control]") {
  const auto line = control::write_line({"send", "text", "", "one\ntwo\tthree\rfour"});
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(control::parse_line(line) == Words{"send", "text", "", "one two three four"});
}

TEST_CASE("An answer is what is to be printed, byte by byte", "[control]") {
  const std::string body = "first\tline\nok\n\nlast";
  const auto reply = control::parse_reply(control::write_success(body));
  CHECK_FALSE(reply.error);
  CHECK(reply.body == body);
  CHECK(control::parse_reply(control::write_success({})).body.empty());
}

TEST_CASE("A refusal arrives with its exit status, reason, detail and advice", "[control]") {
  const Error refused{Errc::refused, "not-host", "only the host may do that", "ask anna"};
  const auto reply = control::parse_reply(control::write_failure(refused));
  REQUIRE(reply.error);
  CHECK(reply.error->code == Errc::refused);
  CHECK(reply.error->reason == refused.reason);
  CHECK(reply.error->detail == refused.detail);
  CHECK(reply.error->advice == refused.advice);
  const auto short_one = control::parse_reply(control::write_failure({Errc::usage, "usage", "two\nlines", {}}));
  REQUIRE(short_one.error);
  CHECK(short_one.error->detail == "two lines");
  CHECK(short_one.error->advice.empty());
}

TEST_CASE("A process that ends in the middle of its answer has not answered", "[control]") {
  for (const auto* text : {"", "ok", "4\tnot-host\tonly"}) {
    CAPTURE(text);
    const auto reply = control::parse_reply(text);
    REQUIRE(reply.error);
    CHECK(reply.error->code == Errc::peer);
    CHECK(reply.error->reason == "no-answer");
  }
}

TEST_CASE("An answer that cannot be understood is another version's", "[control]") {
  for (const auto* text : {"\n", "fine\n", "2\n", "2\treason\tdetail\n", "99\ta\tb\tc\n", "-1\ta\tb\tc\n",
                           "word\ta\tb\tc\n", "2x\ta\tb\tc\n", "99999999999999999999\ta\tb\tc\n"}) {
    CAPTURE(text);
    const auto reply = control::parse_reply(text);
    REQUIRE(reply.error);
    CHECK(reply.error->code == Errc::protocol);
    CHECK(reply.error->reason == "version-mismatch");
  }
}

TEST_CASE("Without a name the only session that has a process here is meant", "[control]") {
  const RuntimeFolder folder;
  CHECK(control::socket_path("den") == folder.name() + "/natkit/den.mesh");
  const auto none = control::only_session();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::nobody_there);
  CHECK(none.error().reason == "not-running");

  folder.leave_process_of("den");
  std::ofstream{folder.name() + "/natkit/lock"} << "";  // what is not a session's
  CHECK(control::only_session() == std::string{"den"});

  folder.leave_process_of("a.b");
  const auto several = control::only_session();
  REQUIRE_FALSE(several);
  CHECK(several.error().code == Errc::usage);
  CHECK(several.error().detail.find("a.b, den") != std::string::npos);
}
