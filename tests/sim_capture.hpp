#pragma once
// When a test over a virtual network fails, its packets are worth a look. Put one of these after the network:
//
//   sim::Network net{seed};
//   const test::CaptureOnFailure capture{net};
//
// If an assertion fails in its scope, it leaves <build>/captures/<test name>-<seed>.pcap and prints seed and path.
// The test executable must list `sim_capture` among its ROOMS.
#include <cstddef>

#include "natkit/sim/network.hpp"

namespace natkit::test {
class CaptureOnFailure {
 public:
  /// Keeps the last `limit` packets of `net`, which must outlive this.
  explicit CaptureOnFailure(sim::Network& net, std::size_t limit = 2000);
  CaptureOnFailure(const CaptureOnFailure&) = delete;
  CaptureOnFailure& operator=(const CaptureOnFailure&) = delete;
  ~CaptureOnFailure();

 private:
  sim::Network& net_;
  std::size_t failures_before_;
};

/// The capture's file name: what is not a letter or digit becomes a dash, and a long name is cut.
[[nodiscard]] std::string capture_name(std::string_view test_name, std::uint64_t seed);
}  // namespace natkit::test
