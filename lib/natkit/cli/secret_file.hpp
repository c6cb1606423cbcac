#pragma once
/// What both sides know and nobody else: never an argument, which every user of the machine could read.
#include <optional>
#include <string>

#include "natkit/base/bytes.hpp"
#include "natkit/base/result.hpp"

namespace natkit::cli {
/// The file's bytes without the line end at their end; nothing where no file is named, "-" is standard input. Fails
/// with `secret-not-readable`.
[[nodiscard]] Result<std::optional<Bytes>> read_secret(const std::string& file);
}  // namespace natkit::cli
