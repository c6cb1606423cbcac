#pragma once
/// Files that appear when they are complete.
#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"

namespace natkit::cli {
enum class Readers : std::uint8_t { as_usual, owner_only };  ///< what the umask leaves, or mode 0600

/// A text on its way into a file. Nothing is seen under the final name until it is there as a whole, so a full disk or
/// an interruption leaves what was there before. Where the name is no regular file (/dev/stderr, a pipe), it is written
/// to directly.
class WholeFile {
 public:
  /// Fails with `cannot-write` before anything was measured, not after. `content` is what an error calls it: "the
  /// trace".
  [[nodiscard]] static Result<WholeFile> create(const std::string& path, std::string content,
                                                Readers readers = Readers::as_usual);
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&&) = delete;
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  ~WholeFile();  ///< leaves nothing behind unless `commit` has succeeded

  [[nodiscard]] Result<void> commit(std::string_view text);

 private:
  WholeFile(int descriptor, std::string path, std::string temporary, std::string content);
  [[nodiscard]] std::unexpected<Error> failure(int number) const;

  int descriptor_;
  std::string path_;
  std::string temporary_;  ///< empty where the file is written directly, and once renamed
  std::string content_;
};
}  // namespace natkit::cli
