#include "conduct_options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <fstream>
#include <iterator>

#include "natkit/base/printable.hpp"

namespace natkit::rendezvousd {
namespace {
Error wrong(std::string detail, std::string advice) {
  return {.code = Errc::usage, .reason = "bad-ban-file", .detail = std::move(detail), .advice = std::move(advice)};
}
}  // namespace

void add_conduct_options(CLI::App& app, ConductOptions& options) {
  app.add_option("--identity", options.identity_file,
                 "the key that decisions about matches are signed with, in a file; made when it is absent (default: a "
                 "new one each time)")
      ->type_name("FILE");
  app.add_option("--ban-file", options.ban_file,
                 "members that may not be here: an id a line, # begins a comment; read again on SIGHUP")
      ->type_name("FILE");
}

Result<rendezvous::BanList> read_bans(const std::string& file) {
  if (file.empty()) return rendezvous::BanList{};
  std::ifstream in{file, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open() || in.bad())
    return std::unexpected(
        wrong("--ban-file " + printable(file) + " cannot be read", "is it there, and may this user read it?"));
  auto list = rendezvous::BanList::parse(text);
  if (list) return std::move(*list);
  return std::unexpected(
      wrong(fmt::format("--ban-file {}: line {} {}", printable(file), list.error().line, list.error().why),
            "`meshctl status --json` tells the ids of members; # begins a comment"));
}
}  // namespace natkit::rendezvousd
