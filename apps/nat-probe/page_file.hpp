#pragma once
// --html: the report as a page in a file.
#include <optional>
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/cli/whole_file.hpp"
#include "natkit/probe/report.hpp"

namespace natkit {
/// None where no page is asked for (`path` is empty). Opened before anything is measured, so that a name that cannot
/// be written is told at once.
[[nodiscard]] Result<std::optional<cli::WholeFile>> create_page(const std::string& path);
[[nodiscard]] Result<void> commit_page(std::optional<cli::WholeFile>& page, const probe::Report& report);
}  // namespace natkit
