#include "list_cache.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/cli/state_folder.hpp"
#include "natkit/crypto/digest.hpp"
#include "natkit/io/clock.hpp"

namespace natkit {
namespace {
// Two hexadecimal digits would be 256 files of up to some 300 KB.
constexpr std::size_t digits_of_file = 1;
constexpr std::size_t largest_file = 4U << 20U;

std::int64_t seconds_now() { return std::chrono::seconds{io::unix_now().time_since_epoch()}.count(); }

std::string hash_of(const std::string& question) { return to_hex(crypto::sha256(as_bytes(question))); }
}  // namespace

ListCache::ListCache(std::string question) : question_(std::move(question)) {
  const auto folder = cli::cache_folder();
  if (!folder) return;
  file_ = *folder + "/sessions-" + hash_of(question_).substr(0, digits_of_file);
}

void ListCache::keep(const std::string& json, const std::string& text) const {
  if (!file_) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path{*file_}.parent_path(), ignored);
  const auto draft = *file_ + ".new";
  std::ofstream out{draft, std::ios::trunc | std::ios::binary};
  out << hash_of(question_) << ' ' << seconds_now() << '\n' << json << '\n' << text;
  out.close();
  if (out) std::filesystem::rename(draft, *file_, ignored);
}

std::optional<ListCache::Kept> ListCache::last() const {
  if (!file_) return std::nullopt;
  std::ifstream in{*file_, std::ios::binary};
  std::error_code error;
  if (!in || std::filesystem::file_size(*file_, error) > largest_file || error) return std::nullopt;
  std::string head;
  Kept kept;
  if (!std::getline(in, head) || !std::getline(in, kept.json)) return std::nullopt;
  kept.text.assign(std::istreambuf_iterator<char>{in}, {});
  std::istringstream words{head};
  std::string hash;
  std::int64_t at = 0;
  const auto now = seconds_now();
  if (!(words >> hash >> at) || hash != hash_of(question_) || at > now) return std::nullopt;
  kept.age = std::chrono::seconds{now - at};
  return kept;
}
}  // namespace natkit
