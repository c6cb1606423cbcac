#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "natkit/crypto/signature.hpp"
#include "natkit/mesh/certificate_signatures.hpp"

namespace natkit::test {
namespace {
using mesh::LinkState;
using mesh::MemberId;
using mesh::Participant;

constexpr Duration scan_interval = 100ms;
constexpr Duration link_patience = 3200ms;  // as measured of natkit's links
constexpr Duration retry = 500ms;

std::uint64_t hash_of(const MemberId& signer, ByteView text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto mix = [&](ByteView bytes) {
    for (const auto byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  };
  mix(ByteView{signer.bytes}.first(4));
  mix(text);
  return hash;
}
}  // namespace

Bytes QuickSignatures::sign(ByteView text) const {
  Bytes out;
  ByteWriter{out}.write_u64(hash_of(own_, text));
  return out;
}

bool QuickSignatures::verify(const MemberId& signer, ByteView, ByteView text, ByteView signature) const {
  return ByteReader{signature}.read_u64() == hash_of(signer, text) && signature.size() == 8;
}

MemberId member_id(unsigned number) {
  MemberId id;
  id.bytes[0] = static_cast<std::uint8_t>(number >> 8U);
  id.bytes[1] = static_cast<std::uint8_t>(number);
  return id;
}

struct World::Node {
  MemberId id;
  std::unique_ptr<mesh::Signatures> signatures;
  Bytes certificate;
  Newcomer wishes;
  std::unique_ptr<Participant> machine;
  double pace = 1;
  bool is_alive = true;
  std::uint64_t incarnation = 1;
  std::optional<Instant> stopped_until;
  std::deque<Pending> waiting;  ///< arrived while it was stopped
  std::optional<Instant> armed;
  std::vector<Told> told;
  mesh::ViewRef seen;
  std::uint64_t bytes_sent = 0;
};

struct World::Pending {
  Instant at{};
  std::uint64_t order = 0;
  unsigned to = 0;
  std::optional<unsigned> from{};  ///< none: a timeout
  std::uint64_t incarnation = 0;
  Bytes bytes{};
};

bool World::Later::operator()(const Pending& a, const Pending& b) const {
  return std::tie(a.at, a.order) > std::tie(b.at, b.order);
}

World::World(Config config)
    : config_(std::move(config)), rng_(config_.seed), now_(Instant{} + 1h), loss_(config_.loss) {
  session_.bytes[0] = 7;
  next_scan_ = now_;
}
World::~World() = default;

bool World::is_alive(unsigned member) const { return nodes_[member]->is_alive; }
bool World::is_stopped(unsigned member) const { return nodes_[member]->stopped_until.has_value(); }
Participant& World::at(unsigned member) { return *nodes_[member]->machine; }
const std::vector<Told>& World::told(unsigned member) const { return nodes_[member]->told; }
std::uint64_t World::bytes_sent(unsigned member) const { return nodes_[member]->bytes_sent; }

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
    node.machine->join(local(member), {.session = session_, .password = newcomer.password}, id_of(*newcomer.by));
  drain(member);
}

void World::gather(unsigned members) {
  while (size() < members) {
    const auto newcomer = add(size() == 0 ? std::nullopt : std::optional{0U});
    run_until([&] { return at(newcomer).is_member(); }, 5s);
  }
  run_until([&] { return is_of_one_mind() && at(0).view()->voters() == members; }, 20s);
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
  nodes_[from]->bytes_sent += bytes.size();
  if (is_cut(from, to) || rng_.chance(loss_)) return;
  const auto copies = rng_.chance(config_.doubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const auto jitter = Duration{static_cast<std::int64_t>(rng_.below(most_jitter.count()))} * (copy + 1);
    queue_.push({.at = now_ + extra + trip(from, to) + jitter,
                 .order = ++order_,
                 .to = to,
                 .from = from,
                 .incarnation = nodes_[to]->incarnation,
                 .bytes = copies == 1 || copy == 1 ? std::move(bytes) : bytes});
  }
}

void World::transmit(unsigned from, const mesh::Outgoing& out) {
  const auto to = number_of(out.to);
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
      node.machine->handle_message(local(pending.to), nodes_[*each.from]->id, each.bytes);
  }
  if (pending.from) {
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

void World::scan_links() {
  std::vector<std::set<MemberId>> wanted;
  for (const auto& node : nodes_) wanted.push_back(node->is_alive ? node->machine->wanted() : std::set<MemberId>{});
  for (unsigned a = 0; a < size(); ++a) {
    for (unsigned b = a + 1; b < size(); ++b) {
      const bool is_whole = nodes_[a]->is_alive && nodes_[b]->is_alive && !is_cut(a, b) && !is_cut(b, a);
      const bool is_wished = wanted[a].contains(nodes_[b]->id) || wanted[b].contains(nodes_[a]->id);
      const auto found = pairs_.find({a, b});
      const bool is_up = found != pairs_.end() && found->second.state == LinkState::up;
      if (!is_up && !(is_wished && is_whole)) {
        if (found != pairs_.end()) found->second.up_at.reset();
        continue;
      }
      auto& pair = pairs_[{a, b}];
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

// --- what must always hold -----------------------------------------------------------------------------------------

void World::fail(std::string what) {
  if (fault_.empty()) fault_ = fmt::format("at {:.3f} s: {}", to_ms(now_ - Instant{} - 1h) / 1000, what);
}

void World::check(unsigned member) {
  check_view(member);
  check_acting();
}

void World::check_acting() {
  std::optional<unsigned> acting;
  for (unsigned member = 0; member < size(); ++member) {
    const auto& node = *nodes_[member];
    if (!node.is_alive || !node.machine->is_host() || !node.machine->acts(local(member))) continue;
    if (acting) fail(fmt::format("m{} and m{} act at once", *acting, member));
    acting = member;
    const auto epoch = node.machine->view()->version.epoch;
    const auto [known, is_new] = led_.try_emplace(epoch, node.id);
    if (known->second != node.id) fail(fmt::format("two hosts acted in epoch {}", epoch));
    if (!is_new) continue;
    std::size_t followers = 0;
    for (const auto& each : node.machine->view()->members)
      if (each.is_voter && followed_[epoch].contains(each.self.id)) ++followers;
    if (followers < node.machine->view()->quorum())
      fail(fmt::format("m{} acts in epoch {} for {} of {} voters", member, epoch, followers,
                       node.machine->view()->voters()));
  }
}

void World::check_view(unsigned member) {
  auto& node = *nodes_[member];
  const auto& view = node.machine->view();
  if (!view || view == node.seen) return;
  if (node.seen && view->version < node.seen->version)
    fail(fmt::format("m{} went back from epoch {} sequence {} to {} {}", member, node.seen->version.epoch,
                     node.seen->version.sequence, view->version.epoch, view->version.sequence));
  node.seen = view;
  followed_[view->version.epoch].insert(node.id);
  std::set<MemberId> voters;
  for (const auto& each : view->members)
    if (each.is_voter) voters.insert(each.self.id);
  const auto [known, is_new] = voters_.try_emplace(view->version, voters);
  const auto hash = hash_of({}, body(*view));
  if (bodies_.try_emplace(view->version, hash).first->second != hash)
    fail(fmt::format("two views are version {}.{}", view->version.epoch, view->version.sequence));
  if (!is_new || !view->is_first_of_epoch() || !view->mandate) return;
  const auto base = voters_.find(view->mandate->base);
  if (view->mandate->end) voters.insert(view->mandate->base_host);
  if (base != voters_.end() && base->second != voters) fail("an election changed the voters");
}

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
  for (const auto& node : nodes_) {
    if (!node->is_alive || node->machine->is_over()) continue;
    ++living;
    if (!node->machine->is_member() || node->machine->view()->version != view->version) return false;
  }
  return living == view->members.size();
}

bool World::has_quorum() const {
  mesh::ViewRef latest;
  for (const auto& node : nodes_) {
    const auto& view = node->seen;
    // What only the dead knew binds nobody.
    if (view && node->is_alive && node->machine->is_member() && (!latest || latest->version < view->version))
      latest = view;
  }
  if (!latest) return false;
  std::size_t living = 0;
  for (const auto& each : latest->members) {
    const auto& node = *nodes_[number_of(each.self.id)];
    if (each.is_voter && node.is_alive && node.machine->is_member() &&
        each.self.incarnation == mesh::Incarnation{node.incarnation})
      ++living;
  }
  return living >= latest->quorum();
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
      if (node.is_alive && node.machine->acts(local(member))) out += ", acts";
    }
    out += '\n';
  }
  return out;
}
}  // namespace natkit::test
