#pragma once
// What punch does once it knows how to come to its peer: tells what happens, and does with the connection what was
// asked for. A machine around another: it looks after each input at what has become of it.
//
//   looking --peer found--> connecting --path--> connected --secured, peer does the same--> task --done--> over
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "known_peers.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/link/introduction.hpp"
#include "natkit/portmap/held_port.hpp"
#include "options.hpp"
#include "pasted.hpp"
#include "task.hpp"

namespace natkit {
class Conversation {
 public:
  /// Without a mapping no router is asked for a port. Without known peers nothing is remembered of them; they must
  /// outlive it.
  Conversation(link::Introduction& introduction, std::unique_ptr<portmap::HeldPort> mapping, KnownPeers* known_peers,
               cli::Output& output, const Options& options);

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
  void handle_pipe_opened(Instant now, PipeId pipe, const Endpoint& local);
  void handle_pipe_accepted(Instant now, PipeId listener, PipeId pipe, const Endpoint& remote);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand() { return mapping_ ? mapping_->poll_errand() : std::nullopt; }
  [[nodiscard]] std::optional<PipeChange> poll_pipe();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  void stop(Instant now);

  /// Why it did not come to what was asked for; nothing if it did.
  [[nodiscard]] const std::optional<cli::Exit>& failure() const { return failure_; }
  /// That it is not as `--expect` demands is an answer, not a failure.
  [[nodiscard]] bool is_as_expected() const;
  /// What is worth remembering of the peer, once it is over.
  [[nodiscard]] const std::optional<Lesson>& lesson() const { return lesson_; }
  /// The way that was found, for a program that takes it over.
  struct Way {
    Endpoint local;
    Endpoint remote;
    std::optional<Endpoint> mapped;  ///< `local` as the peer sees it
    ice::Role role{};
  };
  [[nodiscard]] std::optional<Way> way() const;

 private:
  void look(Instant now);
  void look_at_mapping(Instant now);
  void close(Instant now);
  void work(Instant now);
  void tell(Instant now, link::Introduction::Event& event);
  void hear_candidate(const ice::Candidate& candidate);
  void hear_registered(Instant now, const rendezvous::RegisteredAt& at);
  void hear_described(Instant now, const std::string& text);
  void recall_peer();
  void draw_lesson(Instant now);
  void hear_found(Instant now, const link::Introduction::PeerFound& found);
  void hear_pasted(Instant now, const std::string& text);
  void hear_link(Instant now, link::Link::Event& event);
  void hear_path(Instant now, const ice::Path& path);
  void hear_path_change(const ice::Path& before, const ice::Path& path);
  void hear_secured(Instant now);
  void hear_message(Instant now, channel::Message message);
  void hear_peers_task(Instant now, std::string_view task);
  void hear_remark(const Remark& remark);
  void hear_end(const link::Link::Ended& ended);
  void fail(Instant now, Error error);
  void finish(Instant now);
  /// From when there is a peer.
  [[nodiscard]] bool is_underway() {
    return (stage_ == Stage::connecting || stage_ == Stage::working) && link() != nullptr;
  }
  [[nodiscard]] bool is_working() { return stage_ == Stage::working && link() != nullptr; }
  /// The answer's stream carries the peer's bytes where there are any; then this is no answer, but a remark.
  void say(const std::string& event, const std::string& words);
  [[nodiscard]] link::Link* link() { return link_ ? introduction_.find(*link_) : nullptr; }
  [[nodiscard]] report::PathFacts facts(const ice::Path& path) const;

  link::Introduction& introduction_;
  std::unique_ptr<portmap::HeldPort> mapping_;
  bool may_map_ = false;  ///< there will be a use for it
  bool has_asked_router_ = false;
  KnownPeers* known_peers_;
  cli::Output& output_;
  const Options& options_;
  std::unique_ptr<Task> task_;
  std::optional<Pasted> pasted_;        ///< where the peer's description comes by hand, until it is there
  std::optional<Instant> paste_until_;  ///< … and until when it is waited for
  std::optional<PipeRead> read_wish_;
  std::optional<link::LinkId> link_;
  std::string peer_;
  std::optional<IpAddress> seen_as_;       ///< by the server that brings the two together
  std::optional<IpAddress> peer_address_;  ///< likewise
  std::optional<Duration> relayed_ago_;    ///< an earlier run has found no direct path to this peer
  bool had_direct_path_ = false;
  std::optional<Lesson> lesson_;
  ice::Role role_{};
  Instant found_at_{};
  std::optional<ice::Path> path_;
  std::optional<Instant> peer_speaks_by_;  ///< what it does with the connection, where nothing comes of ours before
  std::optional<Instant> watch_until_;     ///< a path that carries nothing is only looked at
  std::optional<Error> error_;
  std::optional<cli::Exit> failure_;  ///< it has been said
  enum class Stage : std::uint8_t { looking, connecting, working, over } stage_ = Stage::looking;
};
static_assert(SansIo<Conversation> && OpensSockets<Conversation> && HearsConnections<Conversation> &&
              HearsSendFailure<Conversation> && HearsPathErrors<Conversation> && OpensPipes<Conversation> &&
              RunsErrands<Conversation>);
}  // namespace natkit
