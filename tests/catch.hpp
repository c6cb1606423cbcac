#pragma once
// Catch2 is version 2 on Debian 12 and version 3 on Ubuntu 24.04. Tests use what both have: TEST_CASE, SECTION,
// REQUIRE, CHECK, CAPTURE, INFO, GENERATE, table, and Approx through `approx`.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
namespace natkit::test {
using approx = Catch::Approx;
}
#else
#include <catch2/catch.hpp>
namespace natkit::test {
using approx = Catch::Detail::Approx;
}
#endif
