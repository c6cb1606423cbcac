"""The kernel's NATs and firewalls, as nftables text for the box between `lan` and `wan`.

What the kernel does by itself (measured, Linux 6): `masquerade` keeps a port as long as no other flow needs it, so it maps
endpoint-independently, and conntrack lets in only the exact reverse of what went out (eim-apdf). `fully-random` takes a new
port for each flow (apdm-apdf). The open kinds are made by remembering, on the way out, which inside host a port belongs to,
and handing unsolicited packets for that port to it.
"""
from .catalogue import Kind

MAPPING_SECONDS = 120   # RFC 4787 REQ-5: no less than two minutes
SEQUENCE = range(20000, 22048)   # the ports that `sequential` walks through; ephemeral ports of hosts lie elsewhere


def remember(kind: Kind) -> str:
    """The state of a full (eim-eif) or restricted (eim-adf) cone: it is refreshed by every packet that leaves."""
    if kind.name not in ("eim-eif", "eim-adf"):
        return ""
    allowed = ("iifname \"wan\" udp dport . ip saddr @spoken dnat to udp dport map @mapped" if kind.name == "eim-adf" else
               "iifname \"wan\" meta l4proto udp dnat to udp dport map @mapped")
    return f"""
  map mapped {{ type inet_service : ipv4_addr; flags dynamic,timeout; size 65535; timeout {MAPPING_SECONDS}s; }}
  set spoken {{ type inet_service . ipv4_addr; flags dynamic,timeout; size 65535; timeout {MAPPING_SECONDS}s; }}
  chain remember {{
    type filter hook postrouting priority 99; policy accept;
    oifname "wan" meta l4proto udp update @mapped {{ udp sport : ip saddr }} update @spoken {{ udp sport . ip daddr }}
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    {allowed}
  }}"""


def masquerade(kind: Kind) -> str:
    if kind.allocation == "sequential":
        ports = ", ".join(f"{n} : {port}" for n, port in enumerate(SEQUENCE))
        step = f"masquerade to : numgen inc mod {len(SEQUENCE)} map {{ {ports} }}"
        return f'oifname "wan" meta l4proto {{ tcp, udp }} {step}\n    oifname "wan" masquerade'
    return f'oifname "wan" masquerade{" fully-random" if kind.allocation == "random" else ""}'


def refusal(inbound: str) -> str:
    """What happens to a packet nobody inside asked for. `accept` lets conntrack see it, which spoils the port for whoever
    inside sends there later; the box then answers with an ICMP error, because nothing listens on it."""
    return {"drop": 'iifname "wan" meta l4proto { tcp, udp } drop',
            "reject": 'iifname "wan" meta l4proto udp reject\n    iifname "wan" meta l4proto tcp reject with tcp reset',
            "accept": ""}[inbound]


def nat(kind: Kind, inbound: str) -> str:
    """A box that translates everything leaving through `wan`."""
    return f"""table ip natlab {{{remember(kind)}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    {masquerade(kind)}
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "wan" ct state established,related accept
    {refusal(inbound)}
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname "wan" ct status dnat accept
    iifname "wan" drop
  }}
}}
"""


def firewall(family: str, inbound: str) -> str:
    """Stateful: inside out is free, outside in only as an answer. `family` is ip or ip6."""
    verdict = "drop" if inbound != "reject" else "reject" if family == "ip" else "reject with icmpv6 type admin-prohibited"
    return f"""table {family} firewall {{
  chain forward {{
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname "wan" {verdict}
  }}
}}
"""


def translation6(kind: str, inside: str, outside: str) -> str:
    """`npt`: the prefix is exchanged and all the rest kept, both ways (NETMAP; the checksum is made good in the packet, not in
    the address as RFC 6296 would). `nat66`: all hosts share the box's address."""
    if kind == "npt":
        way_out = f'oifname "wan" snat ip6 prefix to ip6 saddr map {{ {inside} : {outside} }}'
        way_in = f'iifname "wan" dnat ip6 prefix to ip6 daddr map {{ {outside} : {inside} }}'
    else:
        way_out, way_in = 'oifname "wan" masquerade', ""
    return f"""table ip6 natlab6 {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    {way_out}
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    {way_in}
  }}
}}
"""


def no_udp() -> str:
    return """table inet noudp {
  chain forward {
    type filter hook forward priority filter - 1; policy accept;
    meta l4proto udp drop
  }
}
"""
