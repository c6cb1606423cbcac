#include "natkit/io/look_up_beside.hpp"

#include <future>
#include <memory>
#include <thread>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("A name that is looked up beside other work is waited for by nobody", "[look_up_beside]") {
  std::promise<void> go;
  std::promise<void> asked;
  const auto look_up = [may_go = go.get_future().share(), &asked](const HostPort& name) -> io::Resolved {
    asked.set_value();
    may_go.wait();
    return {.asked = name, .endpoints = {{"192.0.2.1"_ip, name.port}}, .failure = {}};
  };
  const io::LookUpBeside beside{{"ipv4only.arpa", 0}, look_up};
  asked.get_future().wait();
  CHECK_FALSE(beside.answer());
  go.set_value();
  while (!beside.answer()) std::this_thread::yield();  // the time-out of the test bounds it
  CHECK(beside.answer()->endpoints == std::vector<Endpoint>{{"192.0.2.1"_ip, 0}});
}

TEST_CASE("Who asked may be gone when the answer comes", "[look_up_beside]") {
  std::promise<void> go;
  auto answered = std::make_shared<std::promise<void>>();
  auto end = answered->get_future();
  {
    const io::LookUpBeside beside{{"silent", 0},
                                  [may_go = go.get_future().share(), answered](const HostPort& name) -> io::Resolved {
                                    may_go.wait();
                                    answered->set_value();
                                    return {.asked = name, .endpoints = {}, .failure = "no"};
                                  }};
    CHECK_FALSE(beside.answer());
  }
  go.set_value();
  end.wait();
}
