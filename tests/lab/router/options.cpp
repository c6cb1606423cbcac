#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::lab {
namespace {
const std::map<std::string, Behavior> behaviors{
    {"endpoint-independent", Behavior::endpoint_independent},
    {"address-dependent", Behavior::address_dependent},
    {"address-and-port-dependent", Behavior::address_and_port_dependent},
};
const std::map<std::string, sim::PortAllocation> allocations{
    {"preserving", sim::PortAllocation::preserving}, {"overloading", sim::PortAllocation::preserving_with_overload},
    {"sequential", sim::PortAllocation::sequential}, {"block", sim::PortAllocation::block},
    {"random", sim::PortAllocation::random},         {"parity", sim::PortAllocation::parity_preserving},
};
const std::map<std::string, sim::AddressPooling> poolings{
    {"paired", sim::AddressPooling::paired},
    {"arbitrary", sim::AddressPooling::arbitrary},
};
const std::map<std::string, sim::Unsolicited> unsolicited{
    {"drop", sim::Unsolicited::drop},
    {"reject", sim::Unsolicited::reject},
    {"accept", sim::Unsolicited::accept},
};
// A real router hairpins as RFC 4787 R9 demands, or not at all.
const std::map<std::string, sim::Hairpin> hairpins{
    {"no", sim::Hairpin::none},
    {"yes", sim::Hairpin::with_external_source},
};

template <typename Value>
void add_choice(CLI::App& app, const std::string& name, Value& value, const std::map<std::string, Value>& choices) {
  app.add_option_function<std::string>(name, [&value, &choices](const std::string& text) { value = choices.at(text); })
      ->check(CLI::IsMember(choices));
}

void add_link_options(CLI::App& app, sim::LinkConfig& link) {
  const auto add_time = [&app](const std::string& name, Duration& value) {
    app.add_option_function<std::int64_t>(name, [&value](std::int64_t us) { value = std::chrono::microseconds{us}; })
        ->check(CLI::Range(0, 10'000'000));
  };
  add_time("--delay-us", link.delay);
  add_time("--jitter-us", link.jitter);
  app.add_option("--loss", link.loss)->check(CLI::Range(0.0, 1.0));
  app.add_option("--duplicate", link.duplicate)->check(CLI::Range(0.0, 1.0));
  app.add_option("--reorder", link.reorder)->check(CLI::Range(0.0, 1.0));
}

void add_nat_options(CLI::App& app, sim::NatConfig& nat, std::vector<std::string>& addresses) {
  app.add_option("--nat", addresses, "external addresses; without it nothing is translated")->delimiter(',');
  add_choice(app, "--mapping", nat.mapping, behaviors);
  add_choice(app, "--filtering", nat.filtering, behaviors);
  add_choice(app, "--allocation", nat.allocation, allocations);
  add_choice(app, "--pooling", nat.pooling, poolings);
  add_choice(app, "--inbound", nat.unsolicited, unsolicited);
  add_choice(app, "--hairpin", nat.hairpin, hairpins);
  app.add_option_function<double>("--lifetime",
                                  [&nat](double seconds) { nat.mapping_lifetime = from_ms(seconds * 1000); });
  app.add_option("--block-size", nat.block_size)->check(CLI::Range(1, 32768));
}

std::vector<IpAddress> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<IpAddress> addresses;
  for (const auto& text : texts) {
    const auto address = parse_ip_address(text);
    if (!address || !address->is_v4()) throw CLI::ValidationError("--nat", text + " is not an IPv4 address");
    addresses.push_back(*address);
  }
  return addresses;
}
}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  sim::NatConfig nat;
  std::vector<std::string> addresses;
  CLI::App app{"Stands between two interfaces: delays, loses and translates what passes. Started by natlab.",
               "natlab_router"};
  app.add_option("--inside", options.inside)->required();
  app.add_option("--outside", options.outside)->required();
  app.add_option("--seed", options.seed);
  add_link_options(app, options.link);
  add_nat_options(app, nat, addresses);
  try {
    app.parse(argc, argv);
    nat.external_addresses = parse_addresses(addresses);
  } catch (const CLI::ParseError& fault) {
    std::exit(app.exit(fault) == 0 ? 0 : 2);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  if (!nat.external_addresses.empty()) options.nat = std::move(nat);
  if (options.seed == 0) options.seed = std::random_device{}();
  return options;
}
}  // namespace natkit::lab
