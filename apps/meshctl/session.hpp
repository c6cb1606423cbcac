#pragma once
// meshctl as a member: a machine around the node, which tells what happens, answers what other commands ask over the
// control socket, carries lines of text, and runs the user's commands at the moments that they are for.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "control.hpp"
#include "natkit/base/hook.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/mesh/node.hpp"
#include "natkit/mesh/own_reach.hpp"
#include "natkit/mesh/strain.hpp"
#include "natkit/report/mesh_events.hpp"
#include "options.hpp"

namespace natkit {
[[nodiscard]] report::MeshInvite facts_of(const mesh::Node::Invited& made);

class Session {
 public:
  /// `stands` is called once, when this host is a member.
  Session(mesh::Node& node, mesh::OwnReach& reach, cli::Output& output, const Options& options,
          std::function<void(const std::string&)> stands);

  /// One of these, before it starts.
  void found(mesh::Settings settings, std::string password, std::optional<mesh::SessionId> id = {});
  void join(mesh::Node::Goal goal) { goal_ = std::move(goal); }
  /// Besides: a match of these. Nobody else is let in while this member leads, and who leaves before the end is
  /// reported to the server, by whoever stays and by whoever leaves.
  void keep_to(std::set<mesh::MemberId> players, const crypto::Identity& signer) {
    players_ = std::move(players);
    signer_ = signer;
  }

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  void handle_pipe_read(Instant now, PipeId pipe, ByteView piece);
  void handle_pipe_written(Instant now, PipeId pipe);
  void handle_pipe_failure(Instant now, PipeId pipe, std::string_view why);
  void handle_pipe_opened(Instant, PipeId, const Endpoint&) {}
  void handle_pipe_accepted(Instant now, PipeId listener, PipeId pipe, const Endpoint& remote);
  void handle_hook_reply(Instant now, const HookReply& reply);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand() { return reach_.poll_errand(); }
  [[nodiscard]] std::optional<PipeChange> poll_pipe();
  [[nodiscard]] std::optional<Hook> poll_hook();
  [[nodiscard]] std::optional<std::vector<Datagram>> poll_last_words() { return node_.poll_last_words(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  /// Ctrl-C, the end of the shell: in order.
  void stop(Instant now);

  /// Why it ended otherwise than it should; nothing if it did not.
  [[nodiscard]] const std::optional<cli::Exit>& failure() const { return failure_; }

 private:
  struct Asker {
    std::string line;
    bool watches = false;
    bool is_answered = false;
    bool wants_json = false;
  };
  enum class Purpose : std::uint8_t { admission, exporting, keeping, importing, inheriting, hosting, ordering };
  struct Running {
    Purpose purpose{};
    mesh::MemberId member{};
    std::function<void(Instant, Bytes)> then{};
  };

  void look(Instant now);
  void tell(Instant now, const mesh::NodeEvent& event);
  [[nodiscard]] bool is_waiting_for_server();
  void say(const std::string& event, const std::string& words);
  void hear_joined();
  void hear_removed(mesh::Departure cause);
  void hear_refused(const mesh::NotJoined& refused);
  void note_view();
  [[nodiscard]] std::optional<crypto::Sha256Digest> evidence_about(const mesh::MemberId& who) const;
  void report_abort(Instant now, const mesh::MemberId& who, std::string_view cause);
  [[nodiscard]] std::string about(const std::string& name) const;
  void hear_admission_asked(Instant now, const mesh::AdmissionAsked& asked);
  void hear_text(const mesh::Received& received);
  void tell_invite();
  void hear_over(const mesh::Over& over);
  [[nodiscard]] report::MeshStatus status(Instant now) const;
  [[nodiscard]] std::optional<report::PathFacts> facts(const std::optional<ice::Path>& path) const;
  void mind_strain(Instant now);
  [[nodiscard]] std::string name_of(const mesh::MemberId& id) const;
  void run_hook(Purpose purpose, const std::string& command, const mesh::MemberId& member, Bytes input,
                std::function<void(Instant, Bytes)> then);

  // session_reach.cpp: this host's own network
  void mind_reach(Instant now);
  void mind_port(Instant now);
  [[nodiscard]] bool is_port_wanted(Instant now);
  void tell_reach();
  [[nodiscard]] report::MeshReach reach_facts() const;
  [[nodiscard]] std::optional<report::MeshReach::Forward> forward_by_hand() const;

  // session_control.cpp
  void hear_line(Instant now, PipeId pipe, Asker& asker);
  [[nodiscard]] std::string answer(Instant now, const control::Words& words);
  [[nodiscard]] std::string answer_to(Instant now, const std::string& command, const control::Words& words);
  [[nodiscard]] std::optional<mesh::MemberId> member_named(const std::string& name) const;
  [[nodiscard]] std::string answer_invite(const std::string& format) const;
  [[nodiscard]] std::string watched(Instant now, const Asker& asker) const;
  void reply(PipeId pipe, std::string text);

  // session_state.cpp: the state that goes from host to host
  void begin_to_lead(std::uint64_t epoch);
  void hear_inherited(const mesh::StateInherited& left_behind);
  void hear_state_taken_in();
  void keep_exporting(Instant now);
  void hear_export(Instant now, const HookReply& reply);
  [[nodiscard]] bool is_running(Purpose purpose) const;

  // session_policy.cpp
  void mind_policy(Instant now);
  void hear_policy(const HookReply& reply);

  void leave(Instant now);
  void hand_over(Instant now, std::optional<mesh::MemberId> heir);

  mesh::Node& node_;
  mesh::OwnReach& reach_;
  cli::Output& output_;
  const Options& options_;
  std::function<void(const std::string&)> stands_;
  struct Founding {
    mesh::Settings settings;
    std::string password;
    std::optional<mesh::SessionId> id;
  };
  std::optional<Founding> founding_;
  std::optional<mesh::Node::Goal> goal_;
  std::set<mesh::MemberId> players_;  ///< of a match; empty: anybody
  std::optional<crypto::Identity> signer_;
  Instant now_{};
  std::map<PipeId, Asker> askers_;
  std::deque<PipeChange> pipes_;
  std::deque<Hook> hooks_;
  std::map<HookId, Running> running_;
  std::uint32_t hooks_made_ = 0;
  std::optional<Instant> next_export_;
  bool has_export_failed_ = false;               ///< the last time: told once
  bool waits_for_import_ = false;                ///< to run what is for who leads
  std::map<mesh::MemberId, std::string> names_;  ///< also of those that left
  std::optional<Endpoint> server_;
  std::string line_;  ///< of standard input, as far as it came
  mesh::Strain strain_;
  std::optional<Instant> next_strain_;
  std::optional<Instant> next_policy_;
  std::vector<mesh::MemberId> ordered_;  ///< whom the command was asked about last
  bool has_policy_failed_ = false;       ///< the last time: told once
  /// Of each member that was there, what can be shown of it (mesh/transcript.hpp).
  std::map<mesh::MemberId, crypto::Sha256Digest> seen_with_;
  mesh::ViewRef seen_;
  std::optional<Instant> next_watch_;
  std::optional<Instant> last_answers_by_;
  std::deque<mesh::NodeEvent> events_;     ///< not told yet
  bool is_found_ = false;                  ///< what this host has begun, by others
  std::optional<Instant> port_from_;       ///< the router is asked then, should this host not be a member by then
  std::optional<Instant> complete_since_;  ///< locked, and linked with all
  bool was_refused_ = false;               ///< a port, since the session was open last
  /// What was told of the network last.
  std::optional<std::tuple<mesh::OwnReach::Reason, mesh::OwnReach::Port, std::optional<Endpoint>>> reach_told_;
  bool is_paused_ = false;
  bool has_joined_ = false;
  bool is_leaving_ = false;
  bool is_over_ = false;
  std::optional<cli::Exit> failure_;
  std::optional<mesh::Scope> invited_from_;  ///< of the invite that was told
  bool has_told_invite_ = false;             ///< or that there is none
};
static_assert(SansIo<Session> && OpensSockets<Session> && HearsConnections<Session> && HearsSendFailure<Session> &&
              HearsPathErrors<Session> && OpensPipes<Session> && RunsHooks<Session> && RunsErrands<Session> &&
              LeavesLastWords<Session>);
}  // namespace natkit
