// Streams over TCP that a machine carries, over loopback: one machine that listens, and connects to itself.
#include <algorithm>

#include "io/pipe_script.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("A stream over TCP arrives whole, in pieces of the size that is asked for", "[tcp_pipes]") {
  PipeScript machine;
  const auto bytes = numbered(3'000'000);
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) { machine.wish(PipeRead{pipe, 10'000}); };
  std::size_t sent = 0;
  const auto send = [&] {
    const auto piece = ByteView{bytes}.subspan(sent, std::min<std::size_t>(65'536, bytes.size() - sent));
    sent += piece.size();
    machine.wish(piece.empty() ? PipeChange{PipeEnd{ours}} : PipeWrite{ours, {piece.begin(), piece.end()}});
  };
  machine.on_written = [&](PipeId) { send(); };
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    if (pipe != listener) return send();
    machine.wish(PipeConnect{ours, local});
  };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    piece.empty() ? machine.finish() : machine.wish(PipeRead{pipe, 10'000});
  };
  run(machine);
  CHECK(machine.heard[machine.accepted] == bytes);
  CHECK(machine.largest <= 10'000);
  CHECK(machine.failures.empty());
}

TEST_CASE("What is wished for before a connection stands is done once it does", "[tcp_pipes]") {
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListen{listener, {loopback(), 0}}); };
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    if (pipe != listener) return;
    machine.wish(PipeConnect{ours, local});
    machine.wish(PipeRead{ours});
    machine.wish(PipeWrite{ours, numbered(10)});
  };
  machine.on_accepted = [&](PipeId pipe) { machine.wish(PipeRead{pipe}); };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    if (pipe == ours) return machine.finish();
    machine.wish(PipeWrite{pipe, {piece.begin(), piece.end()}});
  };
  run(machine);
  CHECK(machine.heard[ours] == numbered(10));
  CHECK(machine.accepted_from.address == loopback());
}

TEST_CASE("One direction may end while the other goes on", "[tcp_pipes]") {
  PipeScript machine;
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeRead{pipe});
    machine.wish(PipeRead{ours});
    machine.wish(PipeEnd{ours});
  };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    if (pipe == machine.accepted && piece.empty()) machine.wish(PipeWrite{pipe, numbered(100'000)});
    if (pipe == ours && piece.empty()) machine.finish();
    if (pipe == ours && !piece.empty()) machine.wish(PipeRead{ours});
  };
  machine.on_written = [&](PipeId pipe) { machine.wish(PipeEnd{pipe}); };
  run(machine);
  CHECK(machine.heard[ours] == numbered(100'000));
  CHECK(machine.failures.empty());
}

TEST_CASE("A piece counts as written only once the other side makes room", "[tcp_pipes]") {
  // More than the system keeps for both sides (tcp_wmem, tcp_rmem: 4 and 6 MiB).
  const auto bytes = numbered(std::size_t{32} << 20);
  PipeScript machine;
  machine.meet();
  bool is_written = false, was_written_early = false;
  std::size_t read = 0;
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeWrite{ours, bytes});
    machine.wish(PipeRead{pipe, 1000});
  };
  machine.on_written = [&](PipeId) { is_written = true; };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    was_written_early = was_written_early || (is_written && read < (std::size_t{16} << 20));
    read += piece.size();
    read == bytes.size() ? machine.finish() : machine.wish(PipeRead{pipe, std::size_t{1} << 20});
  };
  run(machine);
  CHECK(is_written);
  CHECK_FALSE(was_written_early);
  CHECK(machine.heard[machine.accepted] == bytes);
}

TEST_CASE("A connection that is closed in the middle is cut off for the other side, and not ended", "[tcp_pipes]") {
  PipeScript machine;
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeRead{pipe});
    machine.wish(PipeClose{ours});
  };
  machine.on_read = [&](PipeId, ByteView) { machine.finish(); };
  machine.on_failure = [&](PipeId) { machine.finish(); };
  run(machine);
  CHECK(machine.heard.empty());
  CHECK(machine.failures.count(machine.accepted) == 1);
}

TEST_CASE("Nobody there, or a port in use, is a failure and no opened pipe", "[tcp_pipes]") {
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListen{listener, {loopback(), 0}}); };
  std::vector<PipeId> opened;
  Endpoint at;
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    opened.push_back(pipe);
    at = local;
    machine.wish(PipeListen{other, local});
  };
  machine.on_failure = [&](PipeId pipe) {
    if (pipe == ours) return machine.finish();
    machine.wish(PipeClose{listener});
    machine.wish(PipeConnect{ours, at});
  };
  run(machine);
  CHECK(opened == std::vector{listener});
  CHECK(machine.failures.at(other) == "Address already in use");
  CHECK(machine.failures.at(ours) == "Connection refused");
}
