#include "natkit/rendezvous/offer.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/digest.hpp"
#include "natkit/turn/peer_rules.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t user_bytes = 8;  // no two clients of one server will ever share them by chance

std::string user_of(std::string_view id) {
  const auto hash = crypto::sha256(as_bytes(id));
  return to_hex(ByteView{hash}.first(user_bytes));
}

bool is_relay(const Service& service) { return service.kind == Service::Kind::turn; }

/// Whoever reaches one address of a machine reaches its public ones, and perhaps those of the same sort.
bool is_for_client_of(const IpAddress& local, const IpAddress& other) {
  const auto sort = turn::classify_peer(other);
  return sort == turn::PeerClass::public_unicast || sort == turn::classify_peer(local);
}
}  // namespace

Offer::Offer(Config config) : config_(std::move(config)) {}

void Offer::tell_time(Instant now, turn::UnixTime unix_now) {
  told_at_ = now;
  told_ = unix_now;
}

std::optional<turn::UnixTime> Offer::unix_time(Instant now) const {
  if (!told_) return std::nullopt;
  return *told_ + std::chrono::floor<std::chrono::seconds>(now - told_at_);
}

void Offer::replace_secret(const std::string& secret) {
  config_.secret = secret;
  if (!config_.secret_elsewhere.empty()) config_.secret_elsewhere = secret;
}

std::optional<Duration> Offer::lifetime() const {
  const bool has_names = (std::ranges::any_of(config_.here, is_relay) && !config_.secret.empty()) ||
                         (std::ranges::any_of(config_.elsewhere, is_relay) && !config_.secret_elsewhere.empty());
  return has_names && told_ ? std::optional{config_.lifetime} : std::nullopt;
}

std::vector<Service> Offer::services(Instant now, const Endpoint& local, std::string_view id) const {
  auto here = config_.here;
  name_relays(here, config_.secret, now, id);
  if (!told_ || config_.secret.empty()) std::erase_if(here, is_relay);  // it lets nobody in without a name
  auto all = here;
  for (const auto& address : config_.addresses) {
    if (address.address.family() == local.address.family() || !is_for_client_of(local.address, address.address))
      continue;
    for (auto service : here) {
      service.address = address;
      all.push_back(std::move(service));
    }
  }
  auto elsewhere = config_.elsewhere;
  name_relays(elsewhere, config_.secret_elsewhere, now, id);
  all.insert(all.end(), elsewhere.begin(), elsewhere.end());
  return all;
}

void Offer::name_relays(std::span<Service> services, std::string_view secret, Instant now, std::string_view id) const {
  if (secret.empty() || !told_) return;
  const auto age = std::chrono::floor<std::chrono::seconds>(now - told_at_ + config_.lifetime);
  const auto credentials = turn::make_rest_credentials(secret, *told_ + age, user_of(id));
  for (auto& service : services)
    if (is_relay(service)) service.credentials = credentials;
}
}  // namespace natkit::rendezvous
