#pragma once
// Private to the room: stream sockets at paths (unix(7)), for programs of one user on one host.
#include <sys/types.h>

#include <expected>
#include <string>

#include "natkit/io/native_socket.hpp"

namespace natkit::io {
/// A name in the file system that goes with its owner, unless another has taken its place by then.
class OwnedPath {
 public:
  OwnedPath() = default;
  explicit OwnedPath(std::string path);
  OwnedPath(OwnedPath&& other) noexcept;
  OwnedPath& operator=(OwnedPath&& other) noexcept;
  OwnedPath(const OwnedPath&) = delete;
  OwnedPath& operator=(const OwnedPath&) = delete;
  ~OwnedPath();

 private:
  std::string path_;
  dev_t device_{};
  ino_t node_{};
};

struct PathListener {
  Descriptor socket;
  OwnedPath path;
};

/// Waits at `path`, which only this user can reach: the folder is made where it is missing, and has to be ours with
/// mode 0700. What a process left there that is dead is replaced; one that lives is an error that names it, and so is
/// anything that is no socket. Errors are sentences.
[[nodiscard]] std::expected<PathListener, std::string> listen_at(const std::string& path);
/// Only to a process of this user's, or of root's: elsewhere anybody could wait in its place.
[[nodiscard]] std::expected<Descriptor, std::string> connect_to(const std::string& path);
}  // namespace natkit::io
