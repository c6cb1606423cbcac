#pragma once
/// What `meshctl match` tells: that it waits, and who was found; as one object of JSON each, and for people.
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/time.hpp"

namespace natkit::report {
/// One of those who will play, and what speaks for it as host. Empty: not known.
struct MeshPlayer {
  std::string member{};                  ///< id
  std::string reach{};                   ///< by strangers: "open", "easy", "hard"; empty: unknown
  std::optional<std::size_t> reached{};  ///< of the others, those it should reach directly
  std::optional<Duration> mean_rtt{};    ///< to them, as expected
  std::optional<double> failures{};      ///< as host, decaying
  std::optional<unsigned> strain{};      ///< 0 to 100
  double score = 0.5;
  bool is_self = false;
};
/// The server's signed word; `text` holds all that is signed (rendezvous/decision.hpp).
struct MeshDecision {
  std::string signer{};                               ///< the fingerprint of the server's key
  std::optional<std::chrono::sys_seconds> decided{};  ///< by the server's clock
  std::string text{};
  std::string certificate{};  ///< these two in hexadecimal digits
  std::string signature{};
};
struct MeshMatch {
  std::string session{};  ///< its id
  std::string name{};
  std::string game{};
  std::vector<std::pair<std::string, std::string>> tags{};
  std::vector<MeshPlayer> players{};       ///< the host first, then by score
  std::optional<MeshDecision> decision{};  ///< none: a server that signs nothing
};

/// Why the first of the players hosts: some words each, the weightiest first.
[[nodiscard]] std::vector<std::string> reasons_for_host(const MeshMatch& match);

struct MeshMatchEvents {
  static std::string seeking(std::size_t waiting, std::size_t players);
  static std::string matched(const MeshMatch& match);
  /// Members by id, and what they were called.
  static std::string blocked(const std::vector<std::pair<std::string, std::string>>& members);
  static std::string reported(std::string_view session, std::string_view member, std::string_view standing);
  static std::string done(std::string_view command);
};
struct MeshMatchWords {
  static std::string seeking(std::size_t waiting, std::size_t players);
  static std::string matched(const MeshMatch& match);  ///< three lines
  static std::string blocked(const std::vector<std::pair<std::string, std::string>>& members);
};
}  // namespace natkit::report
