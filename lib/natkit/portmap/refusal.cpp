#include "natkit/portmap/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::portmap {
namespace {
struct Meaning {
  int code;
  Cause cause;
  std::string_view words;
};

constexpr std::array pcp_meanings{
    Meaning{1, Cause::unsupported, "speaks another version"},
    Meaning{2, Cause::switched_off, "does not allow mappings (PCP disabled, or this host not authorised)"},
    Meaning{3, Cause::malformed, "calls the request malformed"},
    Meaning{4, Cause::unsupported, "does not know the operation"},
    Meaning{5, Cause::unsupported, "does not know an option"},
    Meaning{6, Cause::malformed, "calls an option malformed"},
    Meaning{7, Cause::not_connected, "has no connection to the internet now"},
    Meaning{8, Cause::table_full, "has no room for another mapping"},
    Meaning{9, Cause::unsupported, "does not map this protocol"},
    Meaning{10, Cause::table_full, "allows this host no further mapping"},
    Meaning{11, Cause::port_taken, "cannot give the external port that was asked for"},
    Meaning{12, Cause::address_mismatch, "sees another address than ours: there is a NAT between us and it"},
    Meaning{13, Cause::table_full, "allows no further peers"},
};
constexpr std::array nat_pmp_meanings{
    Meaning{1, Cause::unsupported, "speaks another version"},
    Meaning{2, Cause::switched_off, "does not allow mappings"},
    Meaning{3, Cause::not_connected, "has no address on the internet now"},
    Meaning{4, Cause::table_full, "has no room for another mapping"},
    Meaning{5, Cause::unsupported, "does not know the operation"},
};
constexpr std::array upnp_meanings{
    Meaning{401, Cause::unsupported, "does not have this action"},
    Meaning{402, Cause::unsupported, "does not like an argument"},
    Meaning{403, Cause::switched_off, "has this action switched off"},
    Meaning{501, Cause::failed, "says only that it failed"},
    Meaning{606, Cause::not_authorized, "does not authorise this (secure mode, a port below 1024, or another address)"},
    Meaning{702, Cause::switched_off, "has its IPv6 firewall off: nothing to open"},
    Meaning{703, Cause::switched_off, "allows no pinholes"},
    Meaning{704, Cause::failed, "does not know this pinhole"},
    Meaning{705, Cause::unsupported, "allows no pinhole to all ports of the other side"},
    Meaning{713, Cause::failed, "has no such entry"},
    Meaning{714, Cause::failed, "has no such mapping"},
    Meaning{715, Cause::unsupported, "wants the remote host to be named"},
    Meaning{716, Cause::unsupported, "wants an explicit external port"},
    Meaning{718, Cause::port_taken, "has this external port mapped already"},
    Meaning{724, Cause::unsupported, "wants the external port to be the internal one"},
    Meaning{725, Cause::unsupported, "keeps mappings for ever only"},
    Meaning{726, Cause::unsupported, "wants no remote host to be named"},
    Meaning{727, Cause::unsupported, "wants no external port to be named"},
    Meaning{728, Cause::table_full, "has no room for another mapping"},
    Meaning{729, Cause::port_taken, "uses this port for something else"},
    Meaning{732, Cause::unsupported, "wants the internal port to be named"},
};

template <std::size_t N>
Refusal look_up(const std::array<Meaning, N>& meanings, Method method, int code) {
  const auto found = std::ranges::find(meanings, code, &Meaning::code);
  if (found == meanings.end())
    return {.method = method, .cause = Cause::failed, .code = code, .detail = fmt::format("says error {}", code)};
  return {.method = method, .cause = found->cause, .code = code, .detail = std::string{found->words}};
}
}  // namespace

Refusal refusal_of(pcp::ResultCode result) { return look_up(pcp_meanings, Method::pcp, std::to_underlying(result)); }
Refusal refusal_of(natpmp::ResultCode result) {
  return look_up(nat_pmp_meanings, Method::nat_pmp, std::to_underlying(result));
}
Refusal refusal_of_upnp(int code) { return look_up(upnp_meanings, Method::upnp, code); }
}  // namespace natkit::portmap
