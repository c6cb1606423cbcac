#include "natkit/io/unix_path.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace natkit::io {
namespace {
using Failure = std::unexpected<std::string>;

constexpr int backlog = 16;  // those who are not yet accepted; one user types them
// Who else looks at the folder does so for some microseconds.
constexpr int lock_attempts = 50;
constexpr int lock_pause_ms = 2;

std::string last_error() { return std::generic_category().message(errno); }

struct Address {
  sockaddr_un name{};
  socklen_t length = sizeof name;
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&name);  // NOLINT(*-reinterpret-cast): the system's own way
  }
};

std::expected<Address, std::string> to_system(const std::string& path) {
  Address address;
  constexpr auto longest = sizeof address.name.sun_path - 1;  // 107 on Linux (unix(7)): it ends with a zero
  if (path.empty() || path.contains('\0')) return Failure{"this is no path"};
  if (path.size() > longest)
    return Failure{fmt::format("the path is {} bytes long, and a socket's may have {}", path.size(), longest)};
  address.name.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.name.sun_path), path.c_str(), path.size() + 1);
  return address;
}

std::expected<Descriptor, std::string> open_stream() {
  Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.number() < 0) return Failure{last_error()};
  return socket;
}

/// Who waits at the other end; since when it began to listen.
std::optional<ucred> peer_of(const Descriptor& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
  return peer;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// While it lasts nobody else decides that a socket in this folder is a dead one's.
std::expected<Descriptor, std::string> lock(const std::string& folder) {
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return Failure{fmt::format("cannot make the folder {}: {}", folder, last_error())};
  Descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};  // NOLINT(*-vararg)
  struct stat facts{};
  if (opened.number() < 0 || ::fstat(opened.number(), &facts) != 0)
    return Failure{fmt::format("cannot use the folder {}: {}", folder, last_error())};
  if (facts.st_uid != ::geteuid()) return Failure{fmt::format("the folder {} belongs to another user", folder)};
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Failure{fmt::format("the folder {} is open to other users: chmod 700 it", folder)};
  for (int attempt = 0; ::flock(opened.number(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == lock_attempts) return Failure{fmt::format("somebody keeps the folder {} locked", folder)};
    static_cast<void>(::poll(nullptr, 0, lock_pause_ms));
  }
  return opened;
}

/// Makes room at the path; says why there is none.
std::optional<std::string> clear(const std::string& path, const Address& address) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return std::nullopt;  // nothing there, or binding says why
  if (!S_ISSOCK(facts.st_mode)) return fmt::format("{} is no socket", path);
  const auto probe = open_stream();
  if (!probe) return probe.error();
  const bool is_refused =
      ::connect(probe->number(), address.get(), address.length) != 0 && errno == ECONNREFUSED;  // unix(7): nobody waits
  if (is_refused) return ::unlink(path.c_str()) == 0 ? std::nullopt : std::optional{last_error()};
  const auto peer = peer_of(*probe);
  return peer && peer->pid > 0 ? fmt::format("process {} is there already", peer->pid) : "another is there already";
}
}  // namespace

OwnedPath::OwnedPath(std::string path) : path_(std::move(path)) {
  struct stat facts{};
  if (::lstat(path_.c_str(), &facts) != 0) path_.clear();
  device_ = facts.st_dev;
  node_ = facts.st_ino;
}
OwnedPath::OwnedPath(OwnedPath&& other) noexcept { *this = std::move(other); }
OwnedPath& OwnedPath::operator=(OwnedPath&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(node_, other.node_);
  return *this;
}
OwnedPath::~OwnedPath() {
  struct stat facts{};
  if (path_.empty() || ::lstat(path_.c_str(), &facts) != 0) return;
  if (facts.st_dev == device_ && facts.st_ino == node_) ::unlink(path_.c_str());
}

std::expected<PathListener, std::string> listen_at(const std::string& path) {
  const auto address = to_system(path);
  if (!address) return Failure{address.error()};
  const auto folder = lock(folder_of(path));
  if (!folder) return Failure{folder.error()};
  if (const auto why = clear(path, *address)) return Failure{*why};
  auto socket = open_stream();
  if (!socket) return Failure{socket.error()};
  // Linux gives the name the mode that the socket has when it is bound.
  if (::fchmod(socket->number(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(socket->number(), address->get(), address->length) != 0)
    return Failure{last_error()};
  PathListener listener{.socket = std::move(*socket), .path = OwnedPath{path}};
  if (::listen(listener.socket.number(), backlog) != 0) return Failure{last_error()};
  return listener;
}

std::expected<Descriptor, std::string> connect_to(const std::string& path) {
  const auto address = to_system(path);
  if (!address) return Failure{address.error()};
  auto socket = open_stream();
  if (!socket) return socket;
  // It is connected at once, or not at all (unix(7)).
  if (::connect(socket->number(), address->get(), address->length) != 0) return Failure{last_error()};
  const auto peer = peer_of(*socket);
  if (!peer || (peer->uid != ::geteuid() && peer->uid != 0)) return Failure{"it belongs to another user"};
  return socket;
}
}  // namespace natkit::io
