#pragma once
/// nat-probe's answer for scripts: one JSON object, schema "natkit/nat-probe/1".
/// Every key of the contract stands there in its order, also where nothing was measured: unknown is null, never false,
/// and an object whose parts were not measured is an object of nulls, so that a dotted path always leads somewhere.
/// Endpoints are text, times milliseconds with three decimals, a set of behaviours still possible is an array.
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/probe/report.hpp"
#include "natkit/report/against.hpp"
#include "natkit/report/compare.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::report {
/// What does not follow from the report: it was asked for, or went wrong, or is older.
struct Supplement {
  std::optional<Against> against{};                  ///< "verdict.against"
  std::optional<std::vector<Comparison>> compare{};  ///< what other tools would say
  std::vector<Remembered> remembered{};              ///< always a list; which values an earlier run has measured
  std::optional<Error> error{};                      ///< the last key
};
/// One line, without the newline.
[[nodiscard]] std::string to_json(const probe::Report& report);
/// The same with "error" as the last key, for a run that ends with a non-zero exit although it has an answer.
[[nodiscard]] std::string to_json(const probe::Report& report, const Error& error);
[[nodiscard]] std::string to_json(const probe::Report& report, const Supplement& supplement);
}  // namespace natkit::report
