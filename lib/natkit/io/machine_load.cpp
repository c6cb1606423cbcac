#include "natkit/io/machine_load.hpp"

#include <unistd.h>

#include <cstdlib>

namespace natkit::io {
std::optional<double> run_queue_per_processor() {
  double load = 0;
  const auto processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (::getloadavg(&load, 1) != 1 || processors < 1 || load < 0) return std::nullopt;
  return load / static_cast<double>(processors);
}
}  // namespace natkit::io
