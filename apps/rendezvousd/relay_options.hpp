#pragma once
// The relay's part of the command line, and what becomes of it.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::rendezvousd {
struct RelayOptions {
  enum class Wish : std::uint8_t { with_secret, on, off };
  Wish wish = Wish::with_secret;
  turn::Relay::Config config;
  std::string secret_file;
  std::vector<std::string> elsewhere;  ///< URLs of relays that somebody else runs
  std::size_t max_rate = static_cast<std::size_t>(turn::Relay::Config{}.bytes.per_second);
};

void add_relay_options(CLI::App& app, RelayOptions& options);
void add_relay_limits(CLI::App& app, RelayOptions& options, const char* group);

/// One secret a line.
[[nodiscard]] Result<std::vector<std::string>> read_secrets(const std::string& path);

/// What the relay is to be, on a machine with these addresses that listens on those; none where it is not wished for.
/// `own_secret` is used where no file was named; empty: then there has to be one.
[[nodiscard]] Result<std::optional<turn::Relay::Config>> plan_relay(const RelayOptions& options,
                                                                    std::span<const IpAddress> here,
                                                                    std::span<const IpAddress> listening,
                                                                    std::string own_secret);
}  // namespace natkit::rendezvousd
