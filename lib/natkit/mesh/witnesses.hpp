#pragma once
/// The witness of many sessions (witness.hpp), behind the server. One that nobody has asked for long is forgotten.
#include <cstdint>
#include <map>
#include <string>

#include "natkit/base/rng.hpp"
#include "natkit/mesh/witness.hpp"
#include "natkit/rendezvous/witness.hpp"

namespace natkit::mesh {
class Witnesses final : public rendezvous::Witness {
 public:
  struct Config {
    MemberId id{};                               ///< of the server's own certificate
    Bytes certificate{};                         ///< DER
    std::size_t most = 1024;                     ///< sessions; each may take 30 kB
    Duration memory = std::chrono::minutes{10};  ///< of one that is silent
    Duration promise = Timing{}.promise;
  };
  /// `signatures` and `rng` outlive it.
  Witnesses(Config config, const Signatures& signatures, Rng& rng);

  [[nodiscard]] std::optional<std::string> answer(Instant now, std::string_view session,
                                                  std::string_view text) override;
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    mesh::Witness witness;
    Instant asked{};
  };
  [[nodiscard]] Session* find_or_make(Instant now, std::string_view session);

  Config config_;
  const Signatures& signatures_;
  Rng& rng_;
  std::map<std::string, Session, std::less<>> sessions_;
};
}  // namespace natkit::mesh
