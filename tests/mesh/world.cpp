#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "natkit/crypto/signature.hpp"
#include "natkit/mesh/certificate_signatures.hpp"
#include "world_state.hpp"

namespace natkit::test {
namespace {
using mesh::LinkState;
using mesh::MemberId;
using mesh::Participant;

constexpr Duration scan_interval = 100ms;
constexpr Duration link_patience = 3200ms;  // as measured of natkit's links
constexpr Duration retry = 500ms;
}  // namespace

MemberId member_id(unsigned number) {
  MemberId id;
  id.bytes[0] = static_cast<std::uint8_t>(number >> 8U);
  id.bytes[1] = static_cast<std::uint8_t>(number);
  return id;
}

bool World::Later::operator()(const Pending& a, const Pending& b) const {
  return std::tie(a.at, a.order) > std::tie(b.at, b.order);
}

World::World(Config config)
    : config_(std::move(config)), rng_(config_.seed), now_(Instant{} + 1h), loss_(config_.loss) {
  session_.bytes[0] = 7;
  next_scan_ = now_;
  if (config_.server == Config::Server::witness) start_server();
}
World::~World() = default;

bool World::is_alive(unsigned member) const { return nodes_[member]->is_alive; }
bool World::is_stopped(unsigned member) const { return nodes_[member]->stopped_until.has_value(); }
Participant& World::at(unsigned member) { return *nodes_[member]->machine; }
const std::vector<Told>& World::told(unsigned member) const { return nodes_[member]->told; }
std::uint64_t World::bytes_sent(unsigned member) const { return nodes_[member]->bytes_sent; }
std::uint64_t World::messages_sent(unsigned member) const { return nodes_[member]->messages_sent; }

unsigned World::number_of(const MemberId& id) const {
  if (config_.signing == Config::Signing::quick) return static_cast<unsigned>(id.bytes[0]) << 8U | id.bytes[1];
  const auto found = std::ranges::find_if(nodes_, [&](const auto& node) { return node->id == id; });
  return static_cast<unsigned>(found - nodes_.begin());
}
MemberId World::id_of(unsigned member) const { return nodes_[member]->id; }
const mesh::Signatures& World::signatures(unsigned member) const { return *nodes_[member]->signatures; }
void World::say_as(unsigned from, unsigned to, const mesh::Message& message) {
  push(from, to, mesh::write_message(session_, message), 0ms);
}

Instant World::local(unsigned member) const {
  const auto passed = (now_ - Instant{}).count();
  return Instant{Duration{static_cast<std::int64_t>(static_cast<double>(passed) * nodes_[member]->pace)}};
}

Instant World::to_world(unsigned member, Instant local) const {
  const auto passed = (local - Instant{}).count();
  const auto at = Instant{Duration{static_cast<std::int64_t>(static_cast<double>(passed) / nodes_[member]->pace) + 2}};
  return std::max(at, now_);
}

unsigned World::add(const Newcomer& newcomer) {
  const auto number = size();
  auto node = std::make_unique<Node>();
  if (config_.signing == Config::Signing::real) {
    const auto identity = crypto::Identity::make();
    node->id.bytes = identity.fingerprint().digest;
    node->certificate = crypto::certificate_of(identity);
    node->signatures = std::make_unique<mesh::CertificateSignatures>(identity);
  } else {
    node->id = member_id(number);
    node->signatures = std::make_unique<QuickSignatures>(node->id);
  }
  node->pace = 1 + config_.drift * (2 * rng_.unit() - 1);
  node->wishes = newcomer;
  if (!newcomer.by) node->wishes.by = acting_host().value_or(0);
  nodes_.push_back(std::move(node));
  start(number, nodes_.back()->wishes);
  next_scan_ = now_;
  return number;
}

void World::start(unsigned member, const Newcomer& newcomer) {
  auto& node = *nodes_[member];
  const Participant::Config config{.self = {.id = node.id,
                                            .incarnation = mesh::Incarnation{node.incarnation},
                                            .name = fmt::format("m{}", member),
                                            .certificate = node.certificate},
                                   .timing = config_.timing,
                                   .admission = newcomer.admission,
                                   .takeover = newcomer.takeover};
  node.machine = std::make_unique<Participant>(config, *node.signatures, rng_);
  if (member == 0 && node.incarnation == 1)
    node.machine->found(local(0), session_, config_.settings);
  else
    node.machine->join(local(member), {.session = session_, .password = newcomer.password, .founder = newcomer.founder},
                       id_of(*newcomer.by));
  drain(member);
}

void World::gather(unsigned members) {
  while (size() < members) {
    const auto newcomer = add(size() == 0 ? std::nullopt : std::optional{0U});
    run_until([&] { return at(newcomer).is_member(); }, 5s);
  }
  const bool is_witnessed = config_.server == Config::Server::witness && members % 2 == 0;
  run_until([&] { return is_of_one_mind() && at(0).view()->voters() == members + (is_witnessed ? 1 : 0); }, 20s);
}

void World::kill(unsigned member, Death death) {
  auto& node = *nodes_[member];
  if (!node.is_alive) return;
  const auto words = death == Death::process_killed ? node.machine->last_words() : Bytes{};
  if (!words.empty())
    for (unsigned other = 0; other < size(); ++other)
      if (node.machine->peers().is_up(nodes_[other]->id))
        for (const auto pause : {0ms, 30ms, 60ms}) push(member, other, words, pause);
  node.is_alive = false;
  node.waiting.clear();
  check_acting();
}

void World::restart(unsigned member) {
  auto& node = *nodes_[member];
  if (node.is_alive) return;
  std::vector<unsigned> there;
  for (unsigned other = 0; other < size(); ++other)
    if (other != member && nodes_[other]->is_alive && nodes_[other]->machine->is_member()) there.push_back(other);
  if (there.empty()) return;
  for (unsigned other = 0; other < size(); ++other)
    if (other != member) set_link(member, other, LinkState::none);
  ++node.incarnation;
  node.is_alive = true;
  node.stopped_until.reset();
  node.seen.reset();
  node.latest.clear();
  node.told.clear();
  node.armed.reset();
  auto wishes = node.wishes;
  wishes.by = there[rng_.below(there.size())];
  start(member, wishes);
}

void World::leave(unsigned member) {
  if (!nodes_[member]->is_alive || nodes_[member]->stopped_until) return;
  at(member).leave(local(member));
  drain(member);
}

void World::stop(unsigned member, Duration time) {
  auto& node = *nodes_[member];
  if (!node.is_alive) return;
  node.stopped_until = now_ + time;
  queue_.push({.at = *node.stopped_until, .order = ++order_, .to = member, .incarnation = node.incarnation});
}

// --- the meeting place ---------------------------------------------------------------------------------------------

void World::start_server() {
  ++server_lives_;
  const auto id = witness_id();
  server_signatures_ = std::make_unique<QuickSignatures>(id);
  witness_ = std::make_unique<mesh::Witness>(
      mesh::Witness::Config{.self = {.id = id, .incarnation = mesh::Incarnation{server_lives_}},
                            .promise = config_.timing.promise},
      *server_signatures_);
}

void World::stop_server() {
  witness_.reset();
  check_acting();
}

void World::ask_server(unsigned from, const Bytes& message) {
  auto question = mesh::Question{.from = nodes_[from]->id, .message = message, .signature = {}};
  question.signature = nodes_[from]->signatures->sign(mesh::question_text(message));
  push(from, server, mesh::write_question(question), 0ms);
}

void World::hear_question(const Pending& pending) {
  if (!witness_ || pending.incarnation != server_lives_) return;
  const auto answer = witness_->answer(now_, pending.bytes);
  if (const auto& view = witness_->view()) note_follower(witness_id(), *view);
  if (answer) push(server, *pending.from, mesh::write_answer(*answer), 0ms);
}

void World::hear_answer(unsigned member, const Bytes& bytes) {
  auto& node = *nodes_[member];
  const auto answer = mesh::parse_answer(bytes);
  if (!answer || node.registered_with != server_lives_) return;
  if (const auto* self = std::get_if<mesh::Introduction>(&*answer))
    node.machine->offer_witness(local(member), *self, 2 * trip(member, server));
  else
    node.machine->handle_message(local(member), witness_id(), std::get<Bytes>(*answer));
}

/// Who reaches it is registered, and asks who it is; who has not reached it for as long as a link lasts is not.
void World::scan_server() {
  if (config_.server == Config::Server::none) return;
  for (unsigned member = 0; member < size(); ++member) {
    auto& node = *nodes_[member];
    if (!node.is_alive || node.stopped_until) continue;
    const bool reaches = witness_ && !is_cut(member, server) && !is_cut(server, member);
    if (reaches) {
      node.server_lost_since.reset();
      // The question comes again, three times a second, until it is answered; and later, with what else is said there.
      const bool is_answered = node.machine->peers().is_up(witness_id());
      if (node.registered_with != server_lives_ || rng_.chance(is_answered ? 0.1 : 0.3)) push(member, server, {}, 0ms);
      node.registered_with = server_lives_;
    } else if (node.registered_with != 0) {
      if (!node.server_lost_since) node.server_lost_since = now_;
      if (now_ - *node.server_lost_since < link_patience) continue;
      node.registered_with = 0;
      node.machine->lose_witness(local(member));
      drain(member);
    }
  }
}

void World::cut(unsigned from, unsigned to) { cuts_.insert({from, to}); }
void World::mend() { cuts_.clear(); }

void World::part(const std::set<unsigned>& island) {
  for (unsigned a = 0; a < size(); ++a)
    for (unsigned b = 0; b < size(); ++b)
      if (island.contains(a) != island.contains(b)) cut(a, b);
}

Duration World::trip(unsigned a, unsigned b) const {
  // The same for a pair at all times: drawn from its numbers and the seed.
  SeededRng dice{config_.seed ^ (std::uint64_t{std::min(a, b)} << 32U) ^ (std::uint64_t{std::max(a, b)} << 8U)};
  const auto span = static_cast<double>((config_.longest_rtt - config_.least_rtt).count());
  return (config_.least_rtt + Duration{static_cast<std::int64_t>(span * dice.unit())}) / 2;
}

void World::push(unsigned from, unsigned to, Bytes bytes, Duration extra) {
  if (from != server) {
    nodes_[from]->bytes_sent += bytes.size();
    ++nodes_[from]->messages_sent;
  }
  if (is_cut(from, to) || rng_.chance(loss_)) return;
  const auto copies = rng_.chance(config_.doubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const auto jitter = Duration{static_cast<std::int64_t>(rng_.below(most_jitter.count()))} * (copy + 1);
    queue_.push({.at = now_ + extra + trip(from, to) + jitter,
                 .order = ++order_,
                 .to = to,
                 .from = from,
                 .incarnation = to == server ? server_lives_ : nodes_[to]->incarnation,
                 .bytes = copies == 1 || copy == 1 ? std::move(bytes) : bytes});
  }
}

void World::transmit(unsigned from, const mesh::Outgoing& out) {
  const auto to = number_of(out.to);
  if (nodes_[from]->registered_with == server_lives_ && witness_ && out.to == witness_id())
    return ask_server(from, out.bytes);
  if (to >= size()) return;
  if (!config_.tamper) return push(from, to, out.bytes, 0ms);
  auto envelope = mesh::parse_message(out.bytes);
  config_.tamper(*this, from, to, envelope->message);
  say_as(from, to, envelope->message);
}

void World::drain(unsigned member) {
  auto& node = *nodes_[member];
  while (const auto out = node.machine->poll_message()) transmit(member, *out);
  while (auto event = node.machine->poll_event()) node.told.push_back({now_, std::move(*event)});
  arm(member);
  check(member);
}

void World::arm(unsigned member) {
  auto& node = *nodes_[member];
  const auto due = node.machine->poll_timeout();
  if (!due) return;
  const auto at = to_world(member, *due);
  if (node.armed && *node.armed <= at && *node.armed > now_) return;
  node.armed = at;
  queue_.push({.at = at, .order = ++order_, .to = member, .incarnation = node.incarnation});
}

bool World::step(Instant end) {
  if (!fault_.empty()) return false;
  if (next_scan_ <= end && (queue_.empty() || next_scan_ <= queue_.top().at)) {
    now_ = std::max(now_, next_scan_);
    next_scan_ = now_ + scan_interval;
    scan_links();
    return true;
  }
  if (queue_.empty() || queue_.top().at > end) {
    now_ = end;
    check_acting();
    return false;
  }
  const auto pending = queue_.top();
  queue_.pop();
  if (pending.at > now_) at_once_ = 0;
  // A deadline that has passed and is asked for again and again.
  if (++at_once_ > 10'000) fail(fmt::format("time stands still for m{}", pending.to));
  now_ = std::max(now_, pending.at);
  deliver(pending);
  return true;
}

void World::deliver(const Pending& pending) {
  if (pending.to == server) return hear_question(pending);
  auto& node = *nodes_[pending.to];
  if (!node.is_alive || pending.incarnation != node.incarnation) return;
  if (node.stopped_until && now_ < *node.stopped_until) {
    if (pending.from) node.waiting.push_back(pending);
    return;
  }
  ++steps_;
  if (node.stopped_until) {
    node.stopped_until.reset();
    // A host that wakes must not act on what it knew before: that is asked of it here, with the time of now.
    check_acting();
    const auto waiting = std::exchange(node.waiting, {});
    for (unsigned other = 0; other < size(); ++other)
      if (const auto pair = pairs_.find({std::min(other, pending.to), std::max(other, pending.to)});
          pair != pairs_.end())
        node.machine->handle_link(local(pending.to), nodes_[other]->id, pair->second.state, {});
    for (const auto& each : waiting)
      if (*each.from != server)
        node.machine->handle_message(local(pending.to), nodes_[*each.from]->id, each.bytes);
      else
        hear_answer(pending.to, each.bytes);
  }
  if (pending.from == server) {
    hear_answer(pending.to, pending.bytes);
  } else if (pending.from) {
    node.machine->handle_message(local(pending.to), nodes_[*pending.from]->id, pending.bytes);
  } else {
    node.armed.reset();
    const auto due = node.machine->poll_timeout();
    if (due && *due <= local(pending.to)) node.machine->handle_timeout(local(pending.to));
  }
  drain(pending.to);
}

void World::run_for(Duration time) {
  const auto end = now_ + time;
  while (step(end)) {
  }
}

void World::set_link(unsigned a, unsigned b, LinkState state) {
  auto& pair = pairs_[{std::min(a, b), std::max(a, b)}];
  pair = {.state = state};
  for (const auto& [own, other] : {std::pair{a, b}, std::pair{b, a}}) {
    auto& node = *nodes_[own];
    if (!node.is_alive || node.stopped_until) continue;
    node.machine->handle_link(local(own), nodes_[other]->id, state,
                              state == LinkState::up ? std::optional{2 * trip(a, b)} : std::nullopt);
    drain(own);
  }
}

/// Who is without a host looks into the directory, where the one that acts has his row.
bool World::are_brought_together(unsigned seeker, unsigned host) const {
  const auto& a = *nodes_[seeker];
  const auto& b = *nodes_[host];
  if (config_.server == Config::Server::none || !witness_ || a.registered_with == 0 || b.registered_with == 0)
    return false;
  const auto is_branch = [](const Node& node) {
    return node.machine->view() && node.machine->view()->settings.branch_of.has_value();
  };
  const bool seeks = !a.machine->is_over() && (!a.machine->is_member() || a.machine->is_paused() || is_branch(a));
  return a.is_alive && b.is_alive && seeks && b.machine->acts(local(host)) && !is_branch(b);
}

/// Whether anybody that lives leads it to that one: who knows somebody, in whatever chain, or a directory to look into.
bool World::can_find(unsigned member, unsigned other) const {
  if (witness_) return true;
  const auto is_there = [&](unsigned each) { return nodes_[each]->is_alive && !nodes_[each]->machine->is_over(); };
  const auto knows = [&](unsigned a, unsigned b) { return nodes_[a]->machine->wanted().contains(nodes_[b]->id); };
  std::vector<unsigned> found{member};
  for (std::size_t next = 0; next < found.size(); ++next)
    for (unsigned each = 0; each < size(); ++each)
      if (is_there(each) && std::ranges::find(found, each) == found.end() &&
          (knows(found[next], each) || knows(each, found[next])))
        found.push_back(each);
  return std::ranges::find(found, other) != found.end();
}

void World::scan_links() {
  scan_server();
  std::vector<std::set<MemberId>> wanted;
  for (const auto& node : nodes_) wanted.push_back(node->is_alive ? node->machine->wanted() : std::set<MemberId>{});
  for (unsigned a = 0; a < size(); ++a) {
    for (unsigned b = a + 1; b < size(); ++b) {
      const bool is_whole = nodes_[a]->is_alive && nodes_[b]->is_alive && !is_cut(a, b) && !is_cut(b, a);
      const bool is_wished = wanted[a].contains(nodes_[b]->id) || wanted[b].contains(nodes_[a]->id) ||
                             are_brought_together(a, b) || are_brought_together(b, a);
      const auto found = pairs_.find({a, b});
      const bool is_up = found != pairs_.end() && found->second.state == LinkState::up;
      if (!is_up && !(is_wished && is_whole)) {
        if (found != pairs_.end()) found->second.up_at.reset();
        continue;
      }
      auto& pair = pairs_[{a, b}];
      for (const auto& [seeker, host] : {std::pair{a, b}, std::pair{b, a}})
        if (are_brought_together(seeker, host)) nodes_[seeker]->machine->ask_at(nodes_[host]->id);
      if (is_up) {
        if (is_whole) {
          pair.broken_since.reset();
        } else if (!pair.broken_since) {
          pair.broken_since = now_;
        } else if (now_ - *pair.broken_since >= link_patience) {
          set_link(a, b, LinkState::none);
        }
        continue;
      }
      if (!pair.up_at) {
        pair.up_at = now_ + 5 * trip(a, b);
      } else if (now_ >= *pair.up_at) {
        const bool is_hopeless = hopeless_.contains({a, b});
        if (is_hopeless && pair.state == LinkState::failed) continue;
        set_link(a, b, is_hopeless ? LinkState::failed : LinkState::up);
      }
    }
  }
}

MemberId World::witness_id() const { return member_id(server - static_cast<unsigned>(server_lives_)); }

std::optional<unsigned> World::acting_host() const {
  for (unsigned member = 0; member < size(); ++member)
    if (nodes_[member]->is_alive && nodes_[member]->machine->acts(local(member))) return member;
  return std::nullopt;
}

bool World::is_of_one_mind() const {
  const auto host = acting_host();
  if (!host) return false;
  const auto& view = nodes_[*host]->machine->view();
  if (nodes_[*host]->machine->committed() != view->version) return false;
  std::size_t living = 0;
  for (unsigned member = 0; member < size(); ++member) {
    const auto& node = nodes_[member];
    if (!node->is_alive || node->machine->is_over()) continue;
    const auto& machine = *node->machine;
    if (machine.is_member() && machine.view()->session == view->session && machine.view()->version == view->version)
      ++living;
    else if (can_find(member, *host))
      return false;
    // Else all that it ever knew are gone.
  }
  return living == view->members.size();
}

bool World::has_quorum() const {
  std::map<mesh::SessionId, mesh::ViewRef> latest;
  for (const auto& node : nodes_) {
    const auto& view = node->seen;
    // What only the dead knew binds nobody.
    if (!view || !node->is_alive || !node->machine->is_member()) continue;
    auto& known = latest[view->session];
    if (!known || known->version < view->version) known = view;
  }
  return std::ranges::any_of(latest, [&](const auto& each) { return has_quorum(*each.second); });
}

bool World::has_quorum(const mesh::View& view) const {
  std::size_t living = 0;
  for (const auto& each : view.members) {
    const auto& node = *nodes_[number_of(each.self.id)];
    if (each.is_voter && node.is_alive && node.machine->is_member() && node.seen->session == view.session &&
        each.self.incarnation == mesh::Incarnation{node.incarnation})
      ++living;
  }
  const auto& voter = view.witness;
  // A server that has seen the session go on without these does not vote for them, and must not.
  const bool has_moved_on = witness_ && witness_->view() && witness_->view()->version > view.version;
  if (voter && voter->is_voter && witness_ && voter->self.id == witness_id() && !has_moved_on) ++living;
  return living >= view.quorum();
}

std::string World::describe() const {
  std::string out;
  for (unsigned member = 0; member < size(); ++member) {
    const auto& node = *nodes_[member];
    const auto& view = node.machine->view();
    out += fmt::format("m{}: {}{}", member, node.is_alive ? "alive" : "dead", node.machine->is_over() ? ", over" : "");
    if (view) {
      out += fmt::format(", epoch {} sequence {} committed {}.{} host m{} members", view->version.epoch,
                         view->version.sequence, node.machine->committed().epoch, node.machine->committed().sequence,
                         number_of(view->host));
      for (const auto& each : view->members)
        out += fmt::format(" m{}{}{}", number_of(each.self.id), each.is_voter ? "*" : "",
                           each.self.incarnation == mesh::Incarnation{1} ? "" : "'");
      if (view->witness) out += view->witness->is_voter ? " server*" : " server";
      if (node.is_alive && node.machine->acts(local(member))) out += ", acts";
    }
    out += '\n';
  }
  return out;
}
}  // namespace natkit::test
