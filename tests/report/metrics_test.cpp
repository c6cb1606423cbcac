#include "natkit/report/metrics.hpp"

#include <array>

#include "catch.hpp"

using namespace natkit::report;

TEST_CASE("Counts are written as Prometheus reads them", "[metrics]") {
  const std::array metrics{
      Metric{Metric::Kind::counter, "natkit_asked_total", "questions", 18'446'744'073'709'551'615U},
      Metric{Metric::Kind::gauge, "natkit_rows", "rows now", 0}};
  CHECK(metrics_text(metrics) ==
        "# HELP natkit_asked_total questions\n# TYPE natkit_asked_total counter\nnatkit_asked_total "
        "18446744073709551615\n# HELP natkit_rows rows now\n# TYPE natkit_rows gauge\nnatkit_rows 0\n");
  CHECK(metrics_text({}).empty());
}
