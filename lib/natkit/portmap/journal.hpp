#pragma once
/// What is written down before a gateway is asked, so that another run can renew, list and remove a mapping, and `gc`
/// can remove what a killed run left. One entry is one mapping at one gateway.
///
///   asking ──granted──> held ──add ends──> kept          gc takes: asking, held and releasing of runs that are gone,
///      └──────────────────┴──────┴─> releasing ─> erased          and kept ones whose time is over
#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/portmap/mapping.hpp"

namespace natkit::portmap {
/// Random; stands in hex in the UPnP description, so that an entry in the router's own list is known again.
enum class MappingId : std::uint64_t {};
/// Random, one per process; a lock that dies with the process says whether it lives (`io`).
enum class RunId : std::uint64_t {};
using Nonce = std::array<std::uint8_t, 12>;  ///< RFC 6887 §11.1

struct JournalEntry {
  enum class Stage : std::uint8_t { asking, held, kept, releasing };

  MappingId id{};
  RunId run{};
  Stage stage = Stage::asking;
  Route route{};
  IpAddress gateway{};      ///< who is asked; with layers, one further out than the router of `route`
  IpAddress mapped_host{};  ///< whom that gateway maps to: `route.local`, or the inner gateway's external address
  Protocol protocol = Protocol::udp;
  std::uint16_t internal_port = 0;  ///< at mapped_host
  Endpoint external{};              ///< as wished, then as granted
  std::optional<Method> only{};     ///< the one method asked, where the user named it; nullopt: they are raced
  std::optional<Method> via{};      ///< who granted it; nullopt before that
  Nonce nonce{};
  std::string control_url{};  ///< of the UPnP service, once known; with it `service_type`
  std::string service_type{};
  std::string location{};  ///< of the UPnP description
  std::optional<std::uint16_t> pinhole{};
  std::string description{};
  std::chrono::seconds lifetime{};   ///< zero: permanent
  std::optional<MappingId> inner{};  ///< the mapping one layer further in, which falls with this one
  /// Seconds since 1970, filled in by whoever writes the file; the machines never look at it.
  std::int64_t written_at = 0;
};

/// The machines write through this. `io` keeps a file (locked, synced, mode 0600); tests keep a vector.
class Journal {
 public:
  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;

  /// Adds the entry or replaces the one with its id; returns when it would survive a power cut.
  /// Fails with `journal-not-writable`: then nothing may be asked of a gateway.
  [[nodiscard]] virtual Result<void> put(const JournalEntry& entry) = 0;
  /// The same without waiting for the disk: it survives the end of the process, while a power cut may bring back what
  /// was put before. For what is known of a mapping beyond what is needed to find it.
  [[nodiscard]] virtual Result<void> note(const JournalEntry& entry) = 0;
  /// After a power cut the entry may be back; then it is taken back once more.
  [[nodiscard]] virtual Result<void> erase(MappingId id) = 0;
};

/// One entry as one line of text without the line end, and back. Takes any text.
enum class JournalError : std::uint8_t { not_ours, unknown_version, missing_field, bad_value, bad_checksum };
[[nodiscard]] std::string write_entry(const JournalEntry& entry);
[[nodiscard]] std::expected<JournalEntry, JournalError> parse_entry(std::string_view line);
}  // namespace natkit::portmap
