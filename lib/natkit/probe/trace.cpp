#include "natkit/probe/trace.hpp"

#include <array>

namespace natkit::probe {
namespace {
constexpr std::array<std::string_view, 19> names{
    "mapping",  "filtering",     "filtering-port", "tcp-control", "allocation",  "hairpin",
    "lifetime", "lifetime-call", "path-mtu",       "fragments",   "tcp-mapping", "tcp-filtering",
    "tcp-call", "tcp-call-port", "way-out",        "way-out-tcp", "way-out-tls", "web-page",
    "hop"};
}

std::string_view to_text(Question question) { return names.at(static_cast<std::size_t>(question)); }

std::optional<Question> parse_question(std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names.at(i) == text) return static_cast<Question>(i);
  return std::nullopt;
}

bool is_over_tcp(Question question) {
  switch (question) {
    case Question::tcp_control:
    case Question::tcp_mapping:
    case Question::tcp_filtering:
    case Question::tcp_call:
    case Question::tcp_call_port:
    case Question::way_out_tcp:
    case Question::way_out_tls:
    case Question::web_page:
      return true;
    default:
      return false;
  }
}

Duration at(const Event& event) {
  return std::visit([](const auto& e) { return e.at; }, event);
}
}  // namespace natkit::probe
