#include "natkit/probe/trace.hpp"

#include <array>
#include <cstddef>

namespace natkit::probe {
namespace {
struct Traits {
  std::string_view name;
  Protocol protocol;
};
/// In the order of `Question`.
constexpr std::array<Traits, 19> traits{{{"mapping", Protocol::udp},
                                         {"filtering", Protocol::udp},
                                         {"filtering-port", Protocol::udp},
                                         {"tcp-control", Protocol::tcp},
                                         {"allocation", Protocol::udp},
                                         {"hairpin", Protocol::udp},
                                         {"lifetime", Protocol::udp},
                                         {"lifetime-call", Protocol::udp},
                                         {"path-mtu", Protocol::udp},
                                         {"fragments", Protocol::udp},
                                         {"tcp-mapping", Protocol::tcp},
                                         {"tcp-filtering", Protocol::tcp},
                                         {"tcp-call", Protocol::tcp},
                                         {"tcp-call-port", Protocol::tcp},
                                         {"way-out", Protocol::udp},
                                         {"way-out-tcp", Protocol::tcp},
                                         {"way-out-tls", Protocol::tcp},
                                         {"web-page", Protocol::tcp},
                                         {"hop", Protocol::udp}}};
static_assert(traits.size() == static_cast<std::size_t>(Question::hop) + 1);

const Traits& traits_of(Question question) { return traits.at(static_cast<std::size_t>(question)); }
}  // namespace

std::string_view to_text(Question question) { return traits_of(question).name; }

std::optional<Question> parse_question(std::string_view text) {
  for (std::size_t i = 0; i < traits.size(); ++i)
    if (traits.at(i).name == text) return static_cast<Question>(i);
  return std::nullopt;
}

bool is_over_tcp(Question question) { return traits_of(question).protocol == Protocol::tcp; }

Duration at(const Event& event) {
  return std::visit([](const auto& e) { return e.at; }, event);
}
}  // namespace natkit::probe
