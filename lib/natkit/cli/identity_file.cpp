#include "natkit/cli/identity_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {
constexpr std::size_t largest_file = 65536;  // ours has some 700 bytes

std::unexpected<Error> failure(std::string_view reason, const std::string& file, const std::string& why,
                               std::string advice) {
  return std::unexpected(
      Error{Errc::usage, std::string{reason}, "the identity in " + printable(file) + " " + why, std::move(advice)});
}

std::string words(int error) { return std::generic_category().message(error); }

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// Whole or not at all, and never in place of another: two processes that begin at once end up with one identity.
Result<void> write_new(const std::string& file, const std::string& text) {
  const auto draft = file + "." + std::to_string(::getpid());
  const auto fail = [&](int error) -> Result<void> {
    ::unlink(draft.c_str());
    return failure("identity-not-writable", file, "cannot be written: " + words(error),
                   "--identity names another file; its folder must be there");
  };
  {
    const File out{::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (out.number() < 0 || !write_all(out.number(), text) || ::fsync(out.number()) != 0) return fail(errno);
  }
  if (::link(draft.c_str(), file.c_str()) != 0 && errno != EEXIST) return fail(errno);
  ::unlink(draft.c_str());
  return {};
}

Result<crypto::Identity> read(const File& in, const std::string& file) {
  struct stat state{};
  if (::fstat(in.number(), &state) != 0 || !S_ISREG(state.st_mode))
    return failure("identity-not-readable", file, "is no file", "--identity names a file");
  if ((state.st_mode & 077U) != 0)
    return failure("identity-not-safe", file, "can be read or written by others",
                   "chmod 600 if nobody has seen it; else remove it, and a new one is made");
  std::string text(largest_file, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(in.number(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("identity-not-readable", file, "cannot be read: " + words(errno), {});
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  auto identity = crypto::Identity::from_pem(text);
  if (identity) return std::move(*identity);
  using enum crypto::IdentityError;
  const auto* const why = identity.error() == no_certificate   ? "has no certificate"
                          : identity.error() == no_key         ? "has no unencrypted private key"
                          : identity.error() == key_of_another ? "has a key that is not its certificate's"
                                                               : "has a key that is not on the curve P-256";
  return failure("identity-malformed", file, why, "it is made where the file is absent: name another one");
}
}  // namespace

Result<crypto::Identity> identity_in(const std::string& file) {
  if (file.empty()) return crypto::Identity::make();
  for (const bool is_second_try : {false, true}) {
    const File in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (in.number() >= 0) return read(in, file);
    if (errno != ENOENT || is_second_try)
      return failure("identity-not-readable", file, "cannot be read: " + words(errno), "--identity names another file");
    if (auto made = write_new(file, crypto::Identity::make().to_pem()); !made) return std::unexpected(made.error());
  }
  return crypto::Identity::make();  // not reached
}
}  // namespace natkit::cli
