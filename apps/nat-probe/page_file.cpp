#include "page_file.hpp"

#include <utility>

#include "natkit/report/probe_html.hpp"

namespace natkit {
Result<std::optional<cli::WholeFile>> create_page(const std::string& path) {
  if (path.empty()) return std::optional<cli::WholeFile>{};
  auto file = cli::WholeFile::create(path, "the page");
  if (!file) return std::unexpected(file.error());
  return std::optional{std::move(*file)};
}

Result<void> commit_page(std::optional<cli::WholeFile>& page, const probe::Report& report) {
  if (!page) return {};
  return page->commit(report::to_html(report));
}
}  // namespace natkit
