#pragma once
/// What a member signs, so that others need not take a third one's word: views, votes, departures. Behind an interface,
/// because a simulation of a million steps cannot wait for real signatures.
#include "natkit/base/bytes.hpp"
#include "natkit/mesh/member_id.hpp"

namespace natkit::mesh {
class Signatures {
 public:
  Signatures() = default;
  Signatures(const Signatures&) = delete;
  Signatures& operator=(const Signatures&) = delete;
  virtual ~Signatures() = default;

  /// With this member's own key.
  [[nodiscard]] virtual Bytes sign(ByteView text) const = 0;
  /// Whether `certificate` (DER) is `signer`'s, and its key has signed `text`.
  [[nodiscard]] virtual bool verify(const MemberId& signer, ByteView certificate, ByteView text,
                                    ByteView signature) const = 0;
};
}  // namespace natkit::mesh
