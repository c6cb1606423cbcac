#include "natkit/cli/output.hpp"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "captured.hpp"
#include "catch.hpp"

using namespace natkit;
using cli::Exit;

namespace {
const Error unreachable{.code = Errc::nobody_there,
                        .reason = "server-unreachable",
                        .detail = "no answer from 192.0.2.1:3478",
                        .advice = "check the address"};
}

TEST_CASE("An error is two lines on standard error and the exit status of its kind", "[output]") {
  test::Captured captured;
  CHECK(captured.output.fail(unreachable) == Exit::nobody_there);
  CHECK(captured.answer.text().empty());
  CHECK(captured.remarks.text() == "error: no answer from 192.0.2.1:3478\nhint: check the address\n");
}

TEST_CASE("With --json an error is an object on standard output and nothing else", "[output]") {
  test::Captured captured;
  captured.output.options.format = cli::Format::json;
  SECTION("the only object of a one-shot command") {
    CHECK(captured.output.fail(unreachable) == Exit::nobody_there);
    CHECK(
        captured.answer.text() ==
        R"({"schema":"natkit/tool/1","error":{"reason":"server-unreachable","detail":"no answer from 192.0.2.1:3478",)"
        R"("advice":"check the address"}})"
        "\n");
  }
  SECTION("an event of a command that goes on, with null for advice nobody has") {
    captured.output.options.shape = report::Shape::event;
    static_cast<void>(captured.output.fail({.code = Errc::defect, .reason = "r", .detail = "\xff", .advice = {}}));
    CHECK(captured.answer.text() ==
          "{\"schema\":\"natkit/tool/1\",\"event\":\"error\",\"error\":"
          "{\"reason\":\"r\",\"detail\":\"\xef\xbf\xbd\",\"advice\":null}}\n");
  }
  CHECK(captured.remarks.text().empty());
}

TEST_CASE("Quiet leaves the answer, verbose adds its own steps only", "[output]") {
  const auto remarks_with = [](cli::Verbosity verbosity) {
    test::Captured captured;
    captured.output.options.verbosity = verbosity;
    captured.output.answer("42");
    captured.output.warn("careful");
    captured.output.explain(cli::Verbosity::steps, "step");
    captured.output.explain(cli::Verbosity::details, "detail");
    CHECK(captured.answer.text() == "42\n");
    return captured.remarks.text();
  };
  CHECK(remarks_with(cli::Verbosity::quiet).empty());
  CHECK(remarks_with(cli::Verbosity::normal) == "warning: careful\n");
  CHECK(remarks_with(cli::Verbosity::steps) == "warning: careful\nstep\n");
  CHECK(remarks_with(cli::Verbosity::details) == "warning: careful\nstep\ndetail\n");
}

TEST_CASE("A remark stays one line that commands no terminal", "[output]") {
  test::Captured captured;
  captured.output.warn("a\nb\x1b[2J");
  CHECK(captured.remarks.text() == "warning: a b [2J\n");
}

TEST_CASE("Remarks and errors go through the mask, answers do not", "[output]") {
  const auto mask = [](std::string_view text) { return "<" + std::string(text) + ">"; };
  test::Captured captured;
  captured.output.options.mask = mask;
  captured.output.answer("42");
  captured.output.warn("careful");
  CHECK(captured.answer.text() == "42\n");
  CHECK(captured.remarks.text() == "<warning: careful>\n");
  test::Captured json;
  json.output.options = {.format = cli::Format::json, .mask = mask};
  static_cast<void>(json.output.fail(unreachable));
  CHECK(json.answer.text().find(R"("detail":"<no answer from 192.0.2.1:3478>","advice":"<check the address>")") !=
        std::string::npos);
}

TEST_CASE("An answer that cannot be written is remembered", "[output]") {
  SECTION("full disk") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    cli::Output output{"tool", {.answer = full, .remarks = full}};
    output.answer("42");
    CHECK(output.write_failure() == ENOSPC);
    ::close(full);
  }
  SECTION("reader gone") {
    std::signal(SIGPIPE, SIG_IGN);
    test::Captured captured;
    captured.answer.close_end(0);
    captured.output.answer("42");
    CHECK(captured.output.write_failure() == EPIPE);
  }
}

TEST_CASE("Colour is never forced on a pipe, and never enters JSON", "[output]") {
  test::Captured captured;
  CHECK_FALSE(captured.output.is_colored());
  captured.output.options.color = cli::Color::always;
  CHECK(captured.output.is_colored());
  captured.output.options.format = cli::Format::json;
  CHECK_FALSE(captured.output.is_colored());
}
