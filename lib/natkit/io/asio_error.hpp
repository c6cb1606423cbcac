#pragma once
// Private to the room. asio's errors are compared with asio's own names only: those of asio 1.22 equal no `std::errc`.
#include <asio/error.hpp>
#include <system_error>

namespace natkit::io {
/// Nothing to read, or no room to write, at this moment.
[[nodiscard]] inline bool would_block(const std::error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}
}  // namespace natkit::io
