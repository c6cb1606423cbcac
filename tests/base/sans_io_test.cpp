#include "natkit/base/sans_io.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace std::chrono_literals;

namespace {
/// Answers every datagram with its own payload after ten milliseconds.
class LateEcho {
 public:
  void start(Instant) {}
  void handle_datagram(Instant now, const Datagram& in) {
    due_ = now + 10ms;
    reply_ = in;
  }
  void handle_timeout(Instant now) {
    if (due_ && now >= *due_) due_.reset(), ready_ = true;
  }
  std::optional<Datagram> poll_transmit() {
    if (!ready_) return std::nullopt;
    ready_ = false;
    return reply_;
  }
  std::optional<Instant> poll_timeout() const { return due_; }

 private:
  std::optional<Instant> due_;
  Datagram reply_;
  bool ready_ = false;
};
static_assert(SansIo<LateEcho> && !HearsSendFailure<LateEcho>);

class Attentive : public LateEcho {
 public:
  void handle_send_failure(Instant, const Datagram& lost, std::string_view why) {
    heard = std::string(why) + " " + to_text(lost.remote);
  }
  std::string heard;
};
static_assert(SansIo<Attentive> && HearsSendFailure<Attentive>);
}  // namespace

TEST_CASE("A MachineRef drives the machine it was made from", "[sans_io]") {
  LateEcho echo;
  MachineRef machine{echo};
  const Instant begin{1s};
  machine.start(begin);
  CHECK_FALSE(machine.poll_timeout());
  machine.handle_datagram(begin, {.payload = {1, 2, 3}});
  REQUIRE(machine.poll_timeout() == begin + 10ms);
  CHECK_FALSE(machine.poll_transmit());
  machine.handle_timeout(begin + 10ms);
  REQUIRE(machine.poll_transmit());
  CHECK_FALSE(machine.poll_transmit());
}

TEST_CASE("A MachineRef tells of a refused send only a machine that listens", "[sans_io]") {
  const Datagram lost{.remote = {IpAddress::v4(0xC0000201), 9}};
  Attentive attentive;
  MachineRef{attentive}.handle_send_failure(Instant{}, lost, "no route");
  CHECK(attentive.heard == "no route 192.0.2.1:9");
  LateEcho deaf;
  MachineRef{deaf}.handle_send_failure(Instant{}, lost, "no route");
  CHECK_FALSE(deaf.poll_timeout());
}
