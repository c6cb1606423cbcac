#include "natkit/report/error.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("An error for scripts names the tool's schema first, and its reason, detail and advice", "[error]") {
  CHECK(
      report::error_json("nat-probe", report::Shape::answer,
                         {Errc::nobody_there, "server-unreachable", "asked \"a\"", "try b"}) ==
      R"({"schema":"natkit/nat-probe/1","error":{"reason":"server-unreachable","detail":"asked \"a\"","advice":"try b"}})");
}

TEST_CASE("Advice that is not there is null", "[error]") {
  CHECK(report::error_json("punch", report::Shape::answer, {Errc::defect, "x", "y", ""}) ==
        R"({"schema":"natkit/punch/1","error":{"reason":"x","detail":"y","advice":null}})");
}

TEST_CASE("Bytes that are no UTF-8 do not make an error unprintable", "[error]") {
  CHECK(report::error_json("punch", report::Shape::answer, {Errc::defect, "x", "a\xFFz", ""}).find("a\xEF\xBF\xBDz") !=
        std::string::npos);
}

TEST_CASE("Among events an error is one itself", "[error]") {
  CHECK(report::error_json("punch", report::Shape::event, {Errc::defect, "x", "y", ""})
            .starts_with(R"({"schema":"natkit/punch/1","event":"error","error":{)"));
}
