#pragma once
#include <cstdint>

#include "natkit/mesh/signatures.hpp"

namespace natkit::test {
[[nodiscard]] std::uint64_t hash_of(const mesh::MemberId& signer, ByteView text);

/// Signatures by a hash instead of a curve: quick, and as binding among members that do not lie.
class QuickSignatures final : public mesh::Signatures {
 public:
  explicit QuickSignatures(const mesh::MemberId& own) : own_(own) {}
  [[nodiscard]] Bytes sign(ByteView text) const override;
  [[nodiscard]] bool verify(const mesh::MemberId& signer, ByteView certificate, ByteView text,
                            ByteView signature) const override;

 private:
  mesh::MemberId own_;
};
}  // namespace natkit::test
