#include "quick_signatures.hpp"

namespace natkit::test {
std::uint64_t hash_of(const mesh::MemberId& signer, ByteView text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto mix = [&](ByteView bytes) {
    for (const auto byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  };
  mix(ByteView{signer.bytes}.first(4));
  mix(text);
  return hash;
}

Bytes QuickSignatures::sign(ByteView text) const {
  Bytes out;
  ByteWriter{out}.write_u64(hash_of(own_, text));
  return out;
}

bool QuickSignatures::verify(const mesh::MemberId& signer, ByteView, ByteView text, ByteView signature) const {
  return ByteReader{signature}.read_u64() == hash_of(signer, text) && signature.size() == 8;
}
}  // namespace natkit::test
