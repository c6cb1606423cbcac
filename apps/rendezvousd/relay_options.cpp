#include "relay_options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

#include "natkit/base/printable.hpp"
#include "offer_options.hpp"

namespace natkit::rendezvousd {
namespace {
using turn::PeerClass;

constexpr std::size_t largest_secret_file = 65536;  // a file of secrets is a few lines; anything larger is a mistake

std::string quoted(const std::string& text) { return "'" + printable(text) + "'"; }

/// "203.0.113.1", or "203.0.113.1/10.0.0.5" as coturn writes it: the public address, and the local one behind a 1:1
/// NAT.
std::optional<turn::Relay::Address> parse_address(const std::string& text) {
  const auto slash = text.find('/');
  const auto announced = parse_ip_address(text.substr(0, slash));
  const auto local = slash == std::string::npos ? announced : parse_ip_address(text.substr(slash + 1));
  if (!announced || !local || announced->family() != local->family()) return std::nullopt;
  if (announced->is_unspecified() || local->is_unspecified()) return std::nullopt;
  return turn::Relay::Address{.local = *local, .announced = *announced};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_ports(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_port(text.substr(0, dash));
  const auto last = parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return std::pair{*first, *last};
}

/// Lower is better: peers out there reach a public address, and hardly any other.
int rank(const IpAddress& address) {
  constexpr std::array order{PeerClass::public_unicast, PeerClass::shared, PeerClass::private_use, PeerClass::loopback};
  const auto* found = std::ranges::find(order, turn::classify_peer(address));
  return static_cast<int>(found - order.begin());
}

std::vector<turn::Relay::Address> choose_addresses(std::span<const IpAddress> listening) {
  std::vector<turn::Relay::Address> chosen;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const IpAddress* best = nullptr;
    for (const auto& address : listening) {
      if (address.family() != family || address.is_link_local() || address.is_unspecified()) continue;
      if (best == nullptr || rank(address) < rank(*best)) best = &address;
    }
    if (best != nullptr) chosen.push_back({.local = *best, .announced = *best});
  }
  // Loopback beside a real address would be for nobody.
  const bool is_any_real = std::ranges::any_of(chosen, [](const auto& a) { return !a.local.is_loopback(); });
  if (is_any_real) std::erase_if(chosen, [](const auto& a) { return a.local.is_loopback(); });
  return chosen;
}

Error wrong(std::string reason, std::string detail, std::string advice) {
  return {.code = Errc::usage, .reason = std::move(reason), .detail = std::move(detail), .advice = std::move(advice)};
}

std::optional<Error> find_problem(const turn::Relay::Config& config, std::span<const IpAddress> here) {
  if (config.addresses.empty())
    return wrong("no-relay-address", "there is no address to relay from", "--relay-address names one");
  for (const auto& address : config.addresses) {
    const auto same = [&](const auto& other) { return other.local.family() == address.local.family(); };
    if (std::ranges::count_if(config.addresses, same) > 1)
      return wrong("bad-relay-address",
                   fmt::format("--relay-address: more than one {} address", to_text(address.local.family())),
                   "one of each family is enough for all peers");
    if (!here.empty() && !address.local.is_loopback() && std::ranges::find(here, address.local) == here.end())
      return wrong("address-not-here",
                   fmt::format("cannot relay from {}: no address of this machine", to_text(address.local)),
                   "behind a 1:1 NAT write --relay-address PUBLIC/LOCAL; `ip address` lists the local ones");
  }
  return std::nullopt;
}
}  // namespace

void add_relay_options(CLI::App& app, RelayOptions& options) {
  constexpr const char* group = "Relay (TURN)";
  app.add_option_function<std::string>(
         "--relay",
         [&options](const std::string& text) {
           options.wish = text == "on" ? RelayOptions::Wish::on : RelayOptions::Wish::off;
         },
         "carry data for hosts that cannot reach each other (default: on with --auth-secret-file and without --turn)")
      ->check([](const std::string& text) {
        return text == "on" || text == "off" ? std::string{} : quoted(text) + " is not one of on, off";
      })
      ->type_name("on|off")
      ->group(group);
  app.add_option("--auth-secret-file", options.secret_file,
                 "the secret shared with whoever gives out names for the relay, as coturn's static-auth-secret; one a "
                 "line, any of them opens")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--turn", options.elsewhere,
                 "a relay that somebody else runs, to be handed out to clients that register: turn:HOST[:PORT], "
                 "turn:HOST?transport=tcp, turns:HOST; its names are made from --auth-secret-file")
      ->check([](const std::string& text) {
        return is_turn_url(text) ? std::string{} : quoted(text) + " is not a URL such as turn:relay.example.org";
      })
      ->type_name("URL")
      ->expected(1, -1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
  app.add_option_function<std::vector<std::string>>(
         "--relay-address",
         [&options](const std::vector<std::string>& texts) {
           options.config.addresses.clear();
           for (const auto& text : texts)
             if (const auto address = parse_address(text)) options.config.addresses.push_back(*address);
         },
         "relay from this address; PUBLIC/LOCAL behind a 1:1 NAT (default: the best listening address of each family)")
      ->check([](const std::string& text) {
        return parse_address(text) ? std::string{}
                                   : quoted(text) + " is not an address such as 203.0.113.1, or 203.0.113.1/10.0.0.5";
      })
      ->type_name("PUBLIC[/LOCAL]")
      ->expected(1, -1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
  app.add_option_function<std::string>(
         "--relay-ports",
         [&options](const std::string& text) {
           if (const auto ports = parse_ports(text))
             std::tie(options.config.first_port, options.config.last_port) = *ports;
         },
         "the ports to relay from")
      ->check([](const std::string& text) {
        return parse_ports(text) ? std::string{} : quoted(text) + " is not a range of ports such as 49152-65535";
      })
      ->type_name("LO-HI")
      ->default_str(fmt::format("{}-{}", options.config.first_port, options.config.last_port))
      ->group(group);
  app.add_option_function<std::vector<std::string>>(
         "--allow-peers",
         [&options](const std::vector<std::string>& names) {
           for (const auto& name : names)
             if (const auto peers = turn::parse_peer_class(name)) options.config.peers.open(*peers);
         },
         "relay to addresses of this sort as well; public ones are always allowed, this machine's own and multicast "
         "never")
      ->check([](const std::string& text) {
        return turn::parse_peer_class(text) ? std::string{}
                                            : quoted(text) + " is not one of private, shared, link-local, loopback";
      })
      ->type_name("private|shared|link-local|loopback")
      ->expected(1, -1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
}

void add_relay_limits(CLI::App& app, RelayOptions& options, const char* group) {
  auto& config = options.config;
  cli::add_count(app, "--max-relays", config.most_allocations, "relayed addresses, for all users together")
      ->group(group);
  cli::add_count(app, "--max-relays-per-user", config.most_per_user, "relayed addresses of one user")->group(group);
  cli::add_count(app, "--max-relays-per-address", config.most_per_address, "relayed addresses for one client address")
      ->group(group);
  cli::add_count(app, "--max-relay-rate", options.max_rate,
                 "bytes a second that one relayed address carries, both ways together; as many at once")
      ->group(group);
}

Result<std::vector<std::string>> read_secrets(const std::string& path) {
  const auto fail = [&](std::string why) {
    return std::unexpected(wrong("bad-secret-file", fmt::format("--auth-secret-file {}: {}", printable(path), why),
                                 "it holds one secret a line, for example from `openssl rand -hex 32`"));
  };
  std::ifstream file{path, std::ios::binary};
  if (!file) return fail("cannot be read");
  std::string text(largest_secret_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_secret_file) return fail("is too large for a file of secrets");
  std::vector<std::string> secrets;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    auto line = text.substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) secrets.push_back(std::move(line));
    begin = end + 1;
  }
  if (secrets.empty()) return fail("holds no secret");
  return secrets;
}

Result<std::optional<turn::Relay::Config>> plan_relay(const RelayOptions& options, std::span<const IpAddress> here,
                                                      std::span<const IpAddress> listening, std::string own_secret) {
  using Wish = RelayOptions::Wish;
  const bool is_wished = options.wish == Wish::with_secret ? !options.secret_file.empty() && options.elsewhere.empty()
                                                           : options.wish == Wish::on;
  if (!is_wished) return std::optional<turn::Relay::Config>{};
  if (options.secret_file.empty() && own_secret.empty())
    return std::unexpected(wrong("no-secret", "--relay on needs --auth-secret-file, or --signalling on",
                                 "a relay without names and passwords would be everybody's; `openssl rand -hex 32` "
                                 "makes a secret"));
  auto secrets = options.secret_file.empty() ? Result<std::vector<std::string>>{std::vector{std::move(own_secret)}}
                                             : read_secrets(options.secret_file);
  if (!secrets) return std::unexpected(std::move(secrets.error()));
  auto config = options.config;
  config.gate.secrets = std::move(*secrets);
  if (config.addresses.empty()) config.addresses = choose_addresses(listening);
  config.own.assign(here.begin(), here.end());
  config.own.insert(config.own.end(), listening.begin(), listening.end());
  const auto rate = static_cast<double>(options.max_rate);
  config.bytes = {.burst = rate, .per_second = rate};
  if (auto error = find_problem(config, here)) return std::unexpected(std::move(*error));
  return std::optional{std::move(config)};
}
}  // namespace natkit::rendezvousd
