#pragma once
/// Whether a session is led by whom somebody named for it: its founder, or who came after him by right.
#include "natkit/mesh/message.hpp"
#include "natkit/mesh/signatures.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// In epoch 1 its host is. Later the first views of the epochs since have to lead from him to the latest one, each by
/// the old host's hand or by a majority's votes; where one is missing nobody can say, and the answer is no.
[[nodiscard]] bool is_founded_by(const MemberId& founder, const Views& views, const Signatures& signatures);
}  // namespace natkit::mesh
