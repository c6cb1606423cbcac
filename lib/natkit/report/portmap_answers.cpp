#include "natkit/report/portmap_answers.hpp"

namespace natkit::report {
Scope scope_of(const IpAddress& address) {
  if (address.is_shared()) return Scope::carrier;
  const bool is_inside = address.is_private() || address.is_loopback() || address.is_link_local() ||
                         address.is_unspecified() || address.is_multicast();
  return is_inside ? Scope::inside : Scope::on_internet;
}

std::string_view to_text(Scope scope) {
  switch (scope) {
    case Scope::on_internet:
      return "public";
    case Scope::inside:
      return "private";
    case Scope::carrier:
      break;
  }
  return "shared";
}
std::string_view to_text(ListedMapping::Source source) {
  switch (source) {
    case ListedMapping::Source::router:
      return "router";
    case ListedMapping::Source::journal:
      return "journal";
    case ListedMapping::Source::both:
      break;
  }
  return "both";
}

std::string_view to_text(ListedMapping::Owner owner) {
  switch (owner) {
    case ListedMapping::Owner::ours:
      return "ours";
    case ListedMapping::Owner::this_host:
      return "this-host";
    case ListedMapping::Owner::other:
      break;
  }
  return "other";
}
}  // namespace natkit::report
