#define CATCH_CONFIG_EXTERNAL_INTERFACES  // Catch2 version 2 hides its listeners without it
#include "sim_capture.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

#include "catch.hpp"
#include "natkit/sim/pcap.hpp"

namespace natkit::test {
namespace {
// Catch2 tells of failures only to listeners, which it makes itself; hence state outside of any object of ours.
std::size_t failures = 0;
std::string test_name;

#if __has_include(<catch2/catch_all.hpp>)
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif

class FailureListener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;
  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    ListenerBase::testCaseStarting(info);
    test_name = info.name;
  }
  // void in Catch2 version 3, bool in version 2.
  using Heard = decltype(std::declval<ListenerBase&>().assertionEnded(std::declval<const Catch::AssertionStats&>()));
  Heard assertionEnded(const Catch::AssertionStats& stats) override {
    if (!stats.assertionResult.isOk()) ++failures;
    return Heard();
  }
};
CATCH_REGISTER_LISTENER(FailureListener)
}  // namespace

std::string capture_name(std::string_view name, std::uint64_t seed) {
  constexpr std::size_t longest = 80;  // far below what any file system allows
  std::string file;
  for (const char c : name.substr(0, longest)) file += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return file + '-' + std::to_string(seed) + ".pcap";
}

CaptureOnFailure::CaptureOnFailure(sim::Network& net, std::size_t limit) : net_(net), failures_before_(failures) {
  net_.packets().keep(limit);
}

CaptureOnFailure::~CaptureOnFailure() {
  if (failures == failures_before_) return;
  const auto path = std::filesystem::path(NATKIT_CAPTURE_DIR) / capture_name(test_name, net_.seed());
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const Bytes pcap = sim::write_pcap(net_.packets());
  std::ofstream(path, std::ios::binary) << as_text(pcap);
  std::cerr << "seed " << net_.seed() << ", last packets in " << path.string() << '\n';
}
}  // namespace natkit::test
