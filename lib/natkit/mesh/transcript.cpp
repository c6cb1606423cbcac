#include "natkit/mesh/transcript.hpp"

namespace natkit::mesh {
crypto::Sha256Digest transcript_of(const View& view) {
  Bytes text;
  ByteWriter writer{text};
  writer.write_bytes(as_bytes("transcript"));
  writer.write_u8(0);
  writer.write_bytes(view.session.bytes);
  writer.write_bytes(view.settings.token);
  writer.write_bytes(view.settings.knock);
  for (const auto& member : view.members) {
    writer.write_bytes(member.self.id.bytes);
    writer.write_u64(static_cast<std::uint64_t>(member.self.incarnation));
    writer.write_u32(member.number);
  }
  return crypto::sha256(text);
}
}  // namespace natkit::mesh
