// libnice as a program, the counterpart of ice_peer: SDP lines on stdout, the peer's on stdin, one datagram each way,
// out.
//
//   nice_peer controlling|controlled [all|trickle] [regular|aggressive] [ADDRESS[=STUN-SERVER]]
//   [turn=SERVER,USER,PASSWORD]
//             [as-it-comes|tuned]
//
// Servers are at port 3478. `as-it-comes` leaves libnice's own settings alone; without it there is no TCP and no UPnP;
// `tuned` sends checks 5 ms apart as well.
#include <glib.h>
#include <nice/agent.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace {
constexpr std::string_view words = "libnice was here";
constexpr guint component = 1;
constexpr guint server_port = 3478;
constexpr guint tuned_pacing_ms = 5;  // RFC 8445 §14.2: no less than that

struct Options {
  bool is_controlling = true;
  bool is_regular = false;
  bool trickles = false;
  bool is_as_it_comes = false;
  bool is_tuned = false;
  std::string address = "127.0.0.1";
  std::string stun_server;
  std::string turn_server, turn_user, turn_password;
};

struct Peer {
  NiceAgent* agent = nullptr;
  GMainLoop* loop = nullptr;
  guint stream = 0;
  bool is_ready = false;
  gint64 told_at = 0;  ///< microseconds
  bool has_selected = false;
  bool has_heard = false;
  std::string text{};
  std::string ufrag{};
  std::string password{};
  bool is_known = false;
};

void say(const std::string& line) {
  std::fputs((line + "\r\n").c_str(), stdout);
  std::fflush(stdout);
}

void on_gathered(NiceAgent* agent, guint stream, gpointer data) {
  GSList* candidates = nice_agent_get_local_candidates(agent, stream, component);
  for (GSList* item = candidates; item != nullptr; item = item->next) {
    gchar* line = nice_agent_generate_local_candidate_sdp(agent, static_cast<NiceCandidate*>(item->data));
    say(line);
    g_free(line);
  }
  say("a=end-of-candidates");
  (void)data;
}

void on_state(NiceAgent* agent, guint stream, guint which, guint state, gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  std::fprintf(stderr, "state %s\n", nice_component_state_to_string(static_cast<NiceComponentState>(state)));
  if (state == NICE_COMPONENT_STATE_READY || state == NICE_COMPONENT_STATE_CONNECTED) peer.is_ready = true;
  (void)agent, (void)stream, (void)which;
}

void on_selected(NiceAgent* agent, guint stream, guint which, NiceCandidate* local, NiceCandidate* remote,
                 gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  constexpr std::array kinds{"host", "srflx", "prflx", "relay"};  // NiceCandidateType's order
  const double after_ms = static_cast<double>(g_get_monotonic_time() - peer.told_at) / 1000;
  if (!peer.has_selected)
    std::fprintf(stderr, "selected %s %s after %.1f ms\n", kinds.at(local->type), kinds.at(remote->type), after_ms);
  peer.has_selected = true;
  (void)agent, (void)stream, (void)which;
}

void on_data(NiceAgent* agent, guint stream, guint which, guint size, gchar* bytes, gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  if (!peer.has_heard) std::fprintf(stderr, "received: %.*s\n", static_cast<int>(size), bytes);
  peer.has_heard = true;
  (void)agent, (void)stream, (void)which;
}

void take_line(Peer& peer, const std::string& line) {
  const auto value = [&](std::string_view name) {
    return line.starts_with(name) ? line.substr(name.size()) : std::string{};
  };
  if (const auto ufrag = value("a=ice-ufrag:"); !ufrag.empty()) peer.ufrag = ufrag;
  if (const auto password = value("a=ice-pwd:"); !password.empty()) peer.password = password;
  if (!peer.is_known && !peer.ufrag.empty() && !peer.password.empty()) {
    peer.is_known = true;
    peer.told_at = g_get_monotonic_time();
    nice_agent_set_remote_credentials(peer.agent, peer.stream, peer.ufrag.c_str(), peer.password.c_str());
  }
  if (line.starts_with("a=candidate:")) {
    NiceCandidate* candidate = nice_agent_parse_remote_candidate_sdp(peer.agent, peer.stream, line.c_str());
    if (candidate == nullptr) return;
    GSList* list = g_slist_append(nullptr, candidate);
    nice_agent_set_remote_candidates(peer.agent, peer.stream, component, list);
    g_slist_free_full(list, [](gpointer item) { nice_candidate_free(static_cast<NiceCandidate*>(item)); });
  }
  if (line == "a=end-of-candidates") nice_agent_peer_candidate_gathering_done(peer.agent, peer.stream);
}

gboolean on_input(GIOChannel* channel, GIOCondition condition, gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  std::array<char, 4096> buffer{};
  const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count <= 0) return G_SOURCE_REMOVE;
  peer.text.append(buffer.data(), static_cast<std::size_t>(count));
  for (auto end = peer.text.find('\n'); end != std::string::npos; end = peer.text.find('\n')) {
    auto line = peer.text.substr(0, end);
    peer.text.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    take_line(peer, line);
  }
  (void)channel, (void)condition;
  return G_SOURCE_CONTINUE;
}

gboolean on_tick(gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  if (peer.is_ready)
    nice_agent_send(peer.agent, peer.stream, component, static_cast<guint>(words.size()), words.data());
  return G_SOURCE_CONTINUE;
}

gboolean on_check(gpointer data) {
  auto& peer = *static_cast<Peer*>(data);
  static int ticks_after = 0;
  if (peer.has_heard && ++ticks_after > 10) g_main_loop_quit(peer.loop);
  return G_SOURCE_CONTINUE;
}

gboolean on_end(gpointer data) {
  g_main_loop_quit(static_cast<Peer*>(data)->loop);
  return G_SOURCE_REMOVE;
}

void connect(Peer& peer, const char* signal, void (*handler)()) {
  g_signal_connect_data(peer.agent, signal, handler, &peer, nullptr, static_cast<GConnectFlags>(0));
}
std::string before(const std::string& text, char sign) { return text.substr(0, text.find(sign)); }
std::string after(const std::string& text, char sign) {
  const auto at = text.find(sign);
  return at == std::string::npos ? std::string{} : text.substr(at + 1);
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "controlling" || word == "controlled") {
      o.is_controlling = word == "controlling";
    } else if (word == "all" || word == "trickle") {
      o.trickles = word == "trickle";
    } else if (word == "regular" || word == "aggressive") {
      o.is_regular = word == "regular";
    } else if (word == "as-it-comes" || word == "tuned") {
      (word == "tuned" ? o.is_tuned : o.is_as_it_comes) = true;
    } else if (word.starts_with("turn=")) {
      const auto rest = after(word, '=');
      o.turn_server = before(rest, ',');
      o.turn_user = before(after(rest, ','), ',');
      o.turn_password = after(after(rest, ','), ',');
    } else {
      o.address = before(word, '=');
      o.stun_server = after(word, '=');
    }
  }
  return o;
}

NiceAgent* make_agent(const Options& o, GMainContext* context) {
  int manner = NICE_AGENT_OPTION_NONE;
  if (o.is_regular) manner |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
  if (o.trickles) manner |= NICE_AGENT_OPTION_ICE_TRICKLE;
  auto* agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245, static_cast<NiceAgentOption>(manner));
  g_object_set(agent, "controlling-mode", o.is_controlling ? TRUE : FALSE, nullptr);
  if (!o.is_as_it_comes) g_object_set(agent, "upnp", FALSE, "ice-tcp", FALSE, nullptr);
  if (o.is_tuned) g_object_set(agent, "stun-pacing-timer", tuned_pacing_ms, nullptr);
  if (!o.stun_server.empty())
    g_object_set(agent, "stun-server", o.stun_server.c_str(), "stun-server-port", server_port, nullptr);
  NiceAddress own;
  nice_address_init(&own);
  nice_address_set_from_string(&own, o.address.c_str());
  nice_agent_add_local_address(agent, &own);
  return agent;
}

/// The one stream, with its relay if there is one, and what happens to it.
void add_stream(Peer& peer, const Options& o) {
  peer.stream = nice_agent_add_stream(peer.agent, 1);
  nice_agent_set_stream_name(peer.agent, peer.stream, "application");
  if (!o.turn_server.empty())
    nice_agent_set_relay_info(peer.agent, peer.stream, component, o.turn_server.c_str(), server_port,
                              o.turn_user.c_str(), o.turn_password.c_str(), NICE_RELAY_TYPE_TURN_UDP);
  nice_agent_attach_recv(peer.agent, peer.stream, component, g_main_loop_get_context(peer.loop), on_data, &peer);
  connect(peer, "candidate-gathering-done", reinterpret_cast<void (*)()>(on_gathered));
  connect(peer, "component-state-changed", reinterpret_cast<void (*)()>(on_state));
  connect(peer, "new-selected-pair-full", reinterpret_cast<void (*)()>(on_selected));
}

void tell_credentials(const Peer& peer, const Options& o) {
  gchar* ufrag = nullptr;
  gchar* password = nullptr;
  nice_agent_get_local_credentials(peer.agent, peer.stream, &ufrag, &password);
  say(std::string{"a=ice-ufrag:"} + ufrag);
  say(std::string{"a=ice-pwd:"} + password);
  if (o.trickles) say("a=ice-options:trickle");
  g_free(ufrag);
  g_free(password);
}
}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  Peer peer;
  peer.loop = g_main_loop_new(nullptr, FALSE);
  peer.agent = make_agent(options, g_main_loop_get_context(peer.loop));
  add_stream(peer, options);
  tell_credentials(peer, options);
  nice_agent_gather_candidates(peer.agent, peer.stream);

  GIOChannel* input = g_io_channel_unix_new(STDIN_FILENO);
  g_io_add_watch(input, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), on_input, &peer);
  g_timeout_add(50, on_tick, &peer);
  g_timeout_add(100, on_check, &peer);
  g_timeout_add(12000, on_end, &peer);
  g_main_loop_run(peer.loop);
  return peer.has_heard ? 0 : 1;
}
