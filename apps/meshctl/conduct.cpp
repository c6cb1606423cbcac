#include "conduct.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "block_list.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/mesh/member_id.hpp"
#include "natkit/report/mesh_match.hpp"

namespace natkit {
namespace {
/// What a session knows of somebody.
struct Known {
  std::string session;
  std::uint64_t epoch = 0;
  std::string member;
  std::optional<crypto::Sha256Digest> evidence{};
  std::string name;
};

std::optional<crypto::Sha256Digest> parse_evidence(const std::string& text) {
  crypto::Sha256Digest digest{};
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

Result<Known> known(const std::string& member, const AskAbout& ask) {
  const auto told = ask(member);
  if (!told) return std::unexpected(told.error());
  std::istringstream words{*told};
  Known out;
  std::string evidence;
  words >> out.session >> out.epoch >> out.member >> evidence >> std::ws;
  out.evidence = parse_evidence(evidence);
  std::getline(words, out.name);
  if (mesh::parse_session_id(out.session) && mesh::parse_member_id(out.member)) return out;
  return std::unexpected(Error{Errc::protocol, "version-mismatch", "the session's process answers otherwise",
                               "it may be of another version of meshctl"});
}

/// One of those that are blocked: its id, the beginning of it, or the name that it had.
Result<std::string> blocked_named(const BlockList& list, const std::string& name) {
  std::vector<std::string> found;
  for (const auto& [member, known_as] : list.all())
    if (known_as == name || (name.size() >= 4 && member.starts_with(name))) found.push_back(member);
  if (found.size() == 1) return found.front();
  return std::unexpected(Error{Errc::nobody_there, "no-such-member",
                               "no one member called " + printable(name) + " is blocked",
                               "`meshctl block` shows who is"});
}

Result<void> change(const Options& o, const AskAbout& ask) {
  auto list = BlockList::read();
  if (o.remove) {
    const auto member = blocked_named(list, o.member);
    return member ? list.remove(*member) : std::unexpected(member.error());
  }
  if (mesh::parse_member_id(o.member)) return list.add({.member = o.member, .name = {}});
  const auto who = known(o.member, ask);
  return who ? list.add({.member = who->member, .name = who->name}) : std::unexpected(who.error());
}
}  // namespace

cli::Exit block(cli::Output& output, const Options& options, const AskAbout& ask) {
  if (options.member.empty()) {
    std::vector<std::pair<std::string, std::string>> all;
    const auto list = BlockList::read();
    for (const auto& [member, name] : list.all()) all.emplace_back(member, name);
    const auto text = output.is_json() ? report::MeshMatchEvents::blocked(all) : report::MeshMatchWords::blocked(all);
    if (!text.empty()) output.answer(text);
    return cli::Exit::ok;
  }
  if (const auto done = change(options, ask); !done) return output.fail(done.error());
  if (output.is_json()) output.answer(report::MeshMatchEvents::done("block"));
  return cli::Exit::ok;
}

Result<rendezvous::Report> report_of(const Options& options, const AskAbout& ask) {
  rendezvous::Report report{
      .session = options.session,
      .member = options.member,
      .reason = rendezvous::parse_report_reason(options.reason).value_or(rendezvous::Report::Reason::other),
      .text = printable(options.text)};
  if (mesh::parse_session_id(options.session) && mesh::parse_member_id(options.member)) return report;
  const auto who = known(options.member, ask);
  if (!who) return std::unexpected(who.error());
  report.session = who->session;
  report.epoch = who->epoch;
  report.member = who->member;
  report.evidence = who->evidence;
  return report;
}

void tell_report(cli::Output& output, const rendezvous::Report& report, rendezvous::ReportStanding standing) {
  using enum rendezvous::ReportStanding;
  const std::string word{rendezvous::to_text(standing)};
  if (output.is_json()) return output.answer(report::MeshMatchEvents::reported(report.session, report.member, word));
  output.answer(standing == agreed     ? "taken; others say the same"
                : standing == disputed ? "taken; it is disputed"
                                       : "taken; so far nobody else has said anything");
}
}  // namespace natkit
