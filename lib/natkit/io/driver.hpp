#pragma once
/// Runs one machine on real sockets, in this thread, until it is finished or told to stop. Of all rooms only this one
/// moves bytes; the machine decides which.
///
/// Client: a socket is opened at the first transmit on a new SocketId (one for each address family that is used), on a
/// port that the system picks; it stays open until the run ends, so no two sockets of a run ever have the same port.
/// A machine that wants more of a socket asks for it (base/socket.hpp); the same goes for servers.
/// The run ends when the machine has nothing to transmit and no timeout armed.
///
/// Server: the listeners were bound beforehand, and the run goes on until a signal ends it.
///
/// A run that was held up for 10 ms and more first hands in the datagrams that came meanwhile, then the timeout.
///
/// What the system refuses to send is told to a machine that listens (`handle_send_failure`) and never ends a run. ICMP
/// errors are not looked at: anybody can forge them, and a probe measures by what arrives.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/last_words.hpp"
#include "natkit/io/listeners.hpp"
#include "natkit/io/loop_guest.hpp"

namespace natkit::io {
enum class RunEnd : std::uint8_t {
  finished,     ///< nothing left to do
  interrupted,  ///< SIGINT
  terminated,   ///< SIGTERM
};

/// How a TCP stream is handed to the machine: in pieces as they come, or cut into whole STUN messages, or STUN and
/// ChannelData messages (RFC 8656 §12.5). A peer that sends anything else is disconnected then. Where relayed data goes
/// out as well (`turn`), messages that a peer does not read in time are dropped, as on any line that is too narrow.
/// With `turn_or_lines` a peer that begins with '{' is handed on in pieces instead: it speaks JSON in lines.
enum class TcpFraming : std::uint8_t { none, stun, turn, turn_or_lines };

/// What strangers can make a server keep. The machine answers; connections are only ever closed here.
struct TcpLimits {
  std::size_t connections = 1000;            ///< coturn's order of magnitude for one thread
  std::size_t connections_per_address = 20;  ///< a household behind one NAT; an IPv6 /64 counts as one
  Duration idle = std::chrono::seconds{30};  ///< without a whole message (without a byte, where nothing is framed)
  std::size_t unsent_bytes = 65536;          ///< of one connection; its peer does not read
};

struct RunOptions {
  /// Clients send from these, at most one of each family; a family without one leaves it to the system.
  std::vector<IpAddress> local_addresses{};
  std::size_t most_sockets = 1024;  ///< of a client; a transmit beyond is refused
  TcpFraming framing = TcpFraming::none;
  TcpLimits tcp{};
  /// Accepted connections that begin with TLS are served with this certificate, on the same ports; without, they are
  /// strangers' noise. It may be replaced by another while the run goes on.
  std::shared_ptr<const crypto::TlsContext> tls{};
  /// Who makes the contexts of connections that are wished for with TLS: `crypto::TlsContext::trust`. Where it is empty
  /// such wishes fail; a program that has none then does not load OpenSSL.
  std::function<crypto::TlsContext::Made(std::string_view authorities)> trust{};
  /// Whether something hangs on this accepted connection (socket, local, remote): then it may be quiet for as long as
  /// it likes, and send the largest messages. Where it is empty, nothing ever does.
  std::function<bool(SocketId, const Endpoint&, const Endpoint&)> needs_connection{};
  std::function<void()>
      on_start{};  ///< once everything is in place, so that a signal from now on ends the run in order
  /// The first SIGINT or SIGTERM. Client: the machine may still take back what it made, and the run ends when it is
  /// finished, or with a second signal; where this is empty the first one ends the run. Server: last words.
  std::function<void(Instant)> on_stop{};
  /// The ways out of this host, or its addresses, are others now (not told more often than every 100 ms).
  std::function<void(Instant)> on_routes_changed{};
  ErrandChildren* errands = nullptr;  ///< who runs errands; without, every one fails
  LastWords* last_words = nullptr;    ///< who says what the machine leaves (`LeavesLastWords`); without, nobody
  LoopGuest* guest = nullptr;         ///< works beside the machine, on this thread
  std::function<void()> on_hangup{};  ///< SIGHUP; where it is empty the signal keeps its usual effect
};

/// Fails with `address-not-here` when a local address is not this machine's.
[[nodiscard]] Result<RunEnd> run(MachineRef machine, const RunOptions& options = {});
/// On SIGTERM and SIGINT: what has arrived is still answered and answers get a second to leave.
[[nodiscard]] Result<RunEnd> run(MachineRef machine, Listeners listeners, const RunOptions& options = {});
}  // namespace natkit::io
