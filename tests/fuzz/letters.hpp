#pragma once
// Members of a session for the fuzz targets of the mesh. Their signatures are a letter, so that the fuzzer can make
// them: behind them more is to be found.
#include "natkit/mesh/signatures.hpp"

namespace natkit::fuzz {
[[nodiscard]] inline mesh::MemberId id_of(unsigned number) {
  mesh::MemberId id;
  id.bytes[0] = static_cast<std::uint8_t>(number + 1);
  return id;
}

class Letters final : public mesh::Signatures {
 public:
  [[nodiscard]] Bytes sign(ByteView) const override { return {0}; }
  [[nodiscard]] bool verify(const mesh::MemberId&, ByteView, ByteView, ByteView signature) const override {
    return signature.size() == 1;
  }
};
}  // namespace natkit::fuzz
