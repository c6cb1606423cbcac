#pragma once
/// What game consoles would show on this network, by the rules that are known. They are labels for readers: the makers
/// measure with servers of their own, and count other things.
///
///   Nintendo A  EIM and EIF or ADF        Xbox open      EIM and EIF, or UPnP works
///            B  EIM and APDF                   moderate  EIM with filtering, no UPnP
///            C  not EIM, next port known       strict    not EIM, no UPnP
///            D  not EIM, otherwise        PlayStation 1  no NAT       (a guess: Sony
///            F  UDP blocked                           2  EIM, or UPnP  publishes no rule)
///                                                     3  the rest
///
/// Sources: experiments of yokoyama10/nintendo-switch-nat-type; Microsoft's Xbox document as quoted in its forums.
#include <string_view>

#include "natkit/probe/report.hpp"

namespace natkit::report {
struct ConsoleLabels {
  std::string_view nintendo{};     ///< "A" to "F"; empty: not enough is known, here and below
  std::string_view xbox{};         ///< "open", "moderate", "strict"
  std::string_view playstation{};  ///< "type-1" to "type-3"
};
[[nodiscard]] ConsoleLabels console_labels(const probe::Report& report);
}  // namespace natkit::report
