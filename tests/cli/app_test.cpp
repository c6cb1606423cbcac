#include "natkit/cli/app.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "captured.hpp"
#include "catch.hpp"

using namespace natkit;
using namespace std::chrono_literals;
using cli::Exit;

namespace {
/// A file that is gone when the test is.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    const int descriptor = ::mkstemp(name_.data());
    std::ofstream{name_} << text;
    ::close(descriptor);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(name_); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "natkit-test-XXXXXX").string();
};

/// A tool with two options of its own.
struct Tool {
  test::Captured captured;
  Duration timeout = 5s;
  std::vector<Endpoint> listen;
  std::size_t most = 7;
  std::string log;
  std::function<Exit()> body = [] { return Exit::ok; };

  int run(std::vector<const char*> arguments) {
    CLI::App app{"Do what a tool does.", "tool"};
    cli::add_duration(app, "-t,--timeout", timeout, "how long to wait");
    cli::add_endpoints(app, "--listen", listen, 3478, "where to serve");
    cli::add_count(app, "--max", most, "how many");
    cli::add_choice(app, "--log", {"text", "json"}, [this](const std::string& choice) { log = choice; }, "how");
    cli::add_common_options(app, captured.output, "1.2.3");
    arguments.insert(arguments.begin(), "tool");
    return cli::run(app, captured.output, static_cast<int>(arguments.size()), arguments.data(), body);
  }
};
}  // namespace

TEST_CASE("Options reach the tool in its own types", "[cli]") {
  Tool tool;
  CHECK(tool.run({"--timeout", "300ms", "--listen", "192.0.2.1", "--listen", "[2001:db8::1]:80", "--max", "12", "--log",
                  "json"}) == 0);
  CHECK(tool.most == 12);
  CHECK(tool.log == "json");
  CHECK(tool.timeout == 300ms);
  REQUIRE(tool.listen.size() == 2);
  CHECK(to_text(tool.listen[0]) == "192.0.2.1:3478");
  CHECK(to_text(tool.listen[1]) == "[2001:db8::1]:80");
}

TEST_CASE("The body decides the exit status", "[cli]") {
  Tool tool;
  tool.body = [] { return Exit::no_path; };
  CHECK(tool.run({}) == 6);
}

TEST_CASE("Wrong usage is exit 2, said in words and with a way out", "[cli]") {
  Tool tool;
  tool.body = [] { return Exit::ok; };
  SECTION("an unknown option, with the one that was meant") {
    CHECK(tool.run({"--timeuot=3s"}) == 2);
    CHECK(tool.captured.remarks.text() ==
          "error: unknown option --timeuot\nhint: did you mean --timeout? tool --help lists what it takes\n");
  }
  SECTION("an argument too many") {
    CHECK(tool.run({"more"}) == 2);
    CHECK(tool.captured.remarks.text() == "error: unexpected argument more\nhint: tool --help lists what it takes\n");
  }
  SECTION("a bad value, shown harmlessly") {
    CHECK(tool.run({"--timeout", "5\x1b[2J"}) == 2);
    const auto said = tool.captured.remarks.text();
    CHECK(said.find(R"('5\\x1b[2J' is not a duration)") != std::string::npos);
  }
  SECTION("a number out of its range, or a choice there is not") {
    for (const auto* wrong : {"--max=0", "--max=-1", "--max=1x", "--max=1000000001", "--log=xml"}) {
      CAPTURE(wrong);
      CHECK(tool.run({wrong}) == 2);
    }
    CHECK(tool.most == 7);
  }
  SECTION("in JSON when JSON was asked for") {
    CHECK(tool.run({"--json", "--timeuot"}) == 2);
    CHECK(tool.captured.remarks.text().empty());
    CHECK(tool.captured.answer.text().starts_with(R"({"schema":"natkit/tool/1","error":{"reason":"usage",)"));
  }
}

TEST_CASE("An exception that escapes is a defect, exit 70", "[cli]") {
  Tool tool;
  tool.body = []() -> Exit { throw std::runtime_error("boom"); };
  CHECK(tool.run({}) == 70);
  CHECK(tool.captured.remarks.text().starts_with("error: internal error: boom\nhint: "));
}

TEST_CASE("An answer that could not be written spoils success", "[cli]") {
  Tool tool;
  tool.captured.answer.close_end(0);
  tool.body = [&tool] {
    tool.captured.output.answer("42");
    return Exit::ok;
  };
  CHECK(tool.run({}) == 2);
  CHECK(tool.captured.remarks.text() == "error: cannot write the answer to standard output: Broken pipe\n");
}

TEST_CASE("Help and version go to standard output and end well", "[cli]") {
  Tool tool;
  SECTION("help tells the defaults") {
    CHECK(tool.run({"--help"}) == 0);
    const auto help = tool.captured.answer.text();
    CHECK(help.find("-t, --timeout DURATION") != std::string::npos);
    CHECK(help.find("how long to wait (default: 5s)") != std::string::npos);
    CHECK(help.find("where to serve (repeatable)") != std::string::npos);
  }
  SECTION("version") {
    CHECK(tool.run({"--version"}) == 0);
    CHECK(tool.captured.answer.text() == "tool 1.2.3\n");
  }
}

TEST_CASE("One configuration file serves all tools", "[cli][config]") {
  Tool tool;
  SECTION("own section, foreign sections and keys for every tool") {
    const TemporaryFile file{
        "json = true\nforeign-key = 1\ntimeout = \"9s\"\n"
        "[other]\nlisten = \"192.0.2.9\"\nunheard-of = true\n"
        "[tool]\ntimeout = \"250ms\"\nlisten = [\"192.0.2.1\", \"192.0.2.2:99\"]\nverbose = 2\n"
        "[zoo]\nquiet = true\n"};
    CHECK(tool.run({"--config", file.name().c_str()}) == 0);
    CHECK(tool.timeout == 250ms);
    REQUIRE(tool.listen.size() == 2);
    CHECK(to_text(tool.listen[1]) == "192.0.2.2:99");
    CHECK(tool.captured.output.is_json());
    CHECK(tool.captured.output.options.verbosity == cli::Verbosity::details);
  }
  SECTION("the command line wins") {
    const TemporaryFile file{"[tool]\ntimeout = \"250ms\"\n"};
    CHECK(tool.run({"--timeout", "1s", "--config", file.name().c_str()}) == 0);
    CHECK(tool.timeout == 1s);
  }
  SECTION("a key that the tool does not know is a mistake") {
    const TemporaryFile file{"[tool]\ntimeuot = \"250ms\"\n"};
    CHECK(tool.run({"--config", file.name().c_str()}) == 2);
  }
  SECTION("a bad value is a mistake") {
    const TemporaryFile file{"[tool]\ntimeout = \"soon\"\n"};
    CHECK(tool.run({"--config", file.name().c_str()}) == 2);
  }
  SECTION("a file that was named must be there") { CHECK(tool.run({"--config", "/nonexistent/natkit.toml"}) == 2); }
}
