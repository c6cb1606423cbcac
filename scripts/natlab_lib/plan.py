"""From networks to namespaces, links, addresses and routes. Pure: it computes what `keeper` then builds.

    home ──lan── home.router ──wire── home.isp ──┐
                                                core ── server
    work ──lan── work.router ──wire── work.isp ──┘

    host    the user's programs run here                                   192.168.N.2, .3 …    2001:db8:N::2 …
    router  the home's box: bridge `lan` inside, `wan` outside; kernel NAT  203.0.113.<10 N>
    carrier cgn only: the second NAT; between the two lies                 100.64.N.1 and .2 (homes=2: also .3, and so on)
    wire    where the user-space router stands: delay, loss, its NATs      (no addresses)
    isp     a router; a packet with a low TTL dies here or in the core      192.0.2.N
    core    the internet                                                   192.0.2.254
    server  two addresses for RFC 5780 and a third to be used alone         198.51.100.1, .2, .3   2001:db8:ffff::1, ::2, ::3

N counts the networks in the order given. All links but the LANs are point to point without ARP: both ends carry the same
MAC address, so nothing has to be resolved and `default dev wan` is a complete route.
"""
import ipaddress
from dataclasses import dataclass, field

from . import catalogue, rulesets
from .spec import SERVER, Network

SERVER_PORT = 3478
SERVER_ADDRESSES = ["198.51.100.1", "198.51.100.2", "198.51.100.3"]
SERVER_ADDRESSES6 = ["2001:db8:ffff::1", "2001:db8:ffff::2", "2001:db8:ffff::3"]
CORE_ADDRESS, CORE_ADDRESS6 = "192.0.2.254", "2001:db8:fffe::254"
LINK_MAC = "02:00:00:00:00:01"
# An internet provider drops packets for addresses that exist only inside homes, without a word.
BOGONS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]


@dataclass
class Node:
    """A network namespace. `setup` are lines for `ip -batch`."""
    name: str
    forwards: bool = False
    ipv6: bool = True
    setup: list[str] = field(default_factory=list)
    ruleset: str = ""
    plain_frames: list[str] = field(default_factory=list)   # interfaces whose packets a program reads: no offloads


@dataclass
class Link:
    """A veth pair: (node, interface) twice. Point-to-point links carry LINK_MAC on both ends."""
    ends: tuple[tuple[str, str], tuple[str, str]]
    point_to_point: bool = True


@dataclass
class Wire:
    """One user-space router: it moves frames between two interfaces of the node `wire`."""
    network: Network
    inside: str
    outside: str
    public: list[str]


@dataclass
class Host:
    name: str
    network: str | None      # None: the server
    address: str | None      # None: it has IPv6 only
    address6: str | None
    public: str | None       # as the internet sees it


@dataclass
class Plan:
    nodes: list[Node] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)

    def node(self, name: str, **options) -> Node:
        self.nodes.append(Node(name, **options))
        return self.nodes[-1]

    def link(self, one: tuple[str, str], other: tuple[str, str], point_to_point: bool = True) -> None:
        self.links.append(Link((one, other), point_to_point))


def public_addresses(number: int, count: int) -> list[str]:
    return [f"203.0.113.{10 * number + n}" for n in range(count)]


def add_lan_host(plan: Plan, box: Node, network: Network, number: int, index: int) -> Host:
    """A host on the box's bridge; where hosts are public, the gateway is an address outside their /32."""
    name = network.host_names[index]
    host = plan.node(name)
    plan.link((name, "eth0"), (box.name, f"p{index + 1}"), point_to_point=False)
    box.setup += [f"link set p{index + 1} master lan", f"link set p{index + 1} up"]
    host.setup += ["link set dev eth0 up"]
    if network.kind.public_hosts:
        address = public = public_addresses(number, network.hosts)[index]
        host.setup += [f"addr add {address}/32 dev eth0", f"route add default via 192.0.2.{100 + number} dev eth0 onlink"]
        box.setup += [f"route add {address}/32 dev lan"]
    elif not network.kind.has_ipv4:
        address = public = None
    else:
        lan = network.lan or default_lan(number)
        address, public = str(lan[2 if network.homes > 1 else 2 + index]), public_addresses(number, 1)[0]
        host.setup += [f"addr add {address}/{lan.prefixlen} dev eth0", f"route add default via {lan[1]}"]
    address6 = None
    if network.ipv6:
        address6 = f"{lan6(network, number)}{identifier6(network, 2 + index)}"
        host.setup += [f"addr add {address6}/64 dev eth0 nodad", f"route add default via {lan6(network, number)}:1 dev eth0"]
    return Host(name, network.name, address, address6, public)


def lan6(network: Network, number: int) -> str:
    """The first half of the LAN's addresses, up to the first of two colons."""
    return f"fd00:db8:{number}:" if network.translation6 else f"2001:db8:{number}:"


def identifier6(network: Network, index: int) -> str:
    """Behind a translator long ones as real hosts have, since short ones might be the same by chance."""
    return f"0:200:5eff:fe00:{index}" if network.translation6 else f":{index}"


def default_lan(number: int) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"192.168.{number}.0/24")


def box_rules(network: Network, number: int) -> str:
    """The ruleset of the home's own box. With via=router the translation happens behind it, in the wire."""
    kind = network.kind
    if kind.name == "public":
        return ""
    firewall6 = rulesets.firewall("ip6", network.inbound) if network.ipv6 else ""
    if network.translation6:
        firewall6 += rulesets.translation6(network.translation6, f"fd00:db8:{number}::/64", f"2001:db8:{number}::/64")
    if kind.name == "firewall":
        return rulesets.firewall("ip", network.inbound) + firewall6
    if not kind.has_ipv4:
        return firewall6
    if kind.name == "cgn":
        return rulesets.nat(catalogue.KINDS["eim-apdf"], network.inbound) + firewall6
    translation = rulesets.nat(kind, network.inbound) if network.via == catalogue.KERNEL else ""
    return translation + firewall6 + (rulesets.no_udp() if kind.name == "udp-blocked" else "")


def add_home(plan: Plan, network: Network, number: int, home: int = 0) -> Node:
    """The box with its bridge and hosts; its `wan` is linked by the caller. Behind a carrier several homes are alike: same
    private network, same address in it."""
    name = network.name if network.homes == 1 else network.host_names[home]
    box = plan.node(f"{name}.router", forwards=True, ruleset=box_rules(network, number))
    box.setup += ["link add name lan type bridge forward_delay 0 mcast_snooping 0", "link set dev lan up", "link set dev wan up"]
    if network.kind.public_hosts:
        box.setup += [f"addr add 192.0.2.{100 + number}/32 dev lan"]
    elif network.kind.has_ipv4:
        lan = network.lan or default_lan(number)
        box.setup += [f"addr add {lan[1]}/{lan.prefixlen} dev lan"]
    if network.ipv6:
        box.setup += [f"addr add {lan6(network, number)}:1/64 dev lan nodad", "route add ::/0 dev wan"]
        if network.translation6:
            box.setup += [f"addr add 2001:db8:{number}::1/128 dev wan nodad"]
    plan.hosts += [add_lan_host(plan, box, network, number, home + index) for index in range(network.hosts)]
    if network.kind.has_ipv4:
        box.setup += ["route add default dev wan"]
    return box


def add_carrier(plan: Plan, network: Network, number: int, boxes: list[Node]) -> Node:
    """cgn: 100.64.N.2 is the (first) home, 100.64.N.1 the carrier's box, whose `wan` becomes the network's uplink."""
    carrier = plan.node(f"{network.name}.carrier", forwards=True)
    carrier.setup += [f"addr add 100.64.{number}.1/32 dev lo", "link set dev wan up", "route add default dev wan"]
    for home, box in enumerate(boxes, start=1):
        inner, address = f"inner{home}", f"100.64.{number}.{1 + home}"
        plan.link((box.name, "wan"), (carrier.name, inner))
        box.setup.insert(box.setup.index("link set dev wan up") + 1, f"addr add {address}/32 dev wan")
        carrier.setup += [f"link set dev {inner} up", f"route add {address}/32 dev {inner}"]
    if network.ipv6:
        carrier.setup += [f"route add 2001:db8:{number}::/64 dev inner1", "route add ::/0 dev wan"]
    if network.via == catalogue.KERNEL:
        carrier.ruleset = rulesets.nat(network.outer_kind, network.inbound)
    return carrier


def own_public_address(network: Network, number: int, uplink: Node) -> None:
    """A kernel NAT needs its public address on `wan`. For the router's NATs nobody has it: packets for it go into the wire."""
    if network.via == catalogue.KERNEL and network.kind.has_ipv4 and not network.kind.public_hosts:
        at = uplink.setup.index("link set dev wan up") + 1
        uplink.setup.insert(at, f"addr add {public_addresses(number, 1)[0]}/32 dev wan")


def connect_uplink(plan: Plan, network: Network, number: int, uplink: Node, public: list[str]) -> None:
    isp = f"{network.name}.isp"
    if not network.needs_wire:
        plan.link((uplink.name, "wan"), (isp, "inner"))
        return
    wire = Wire(network, f"w{number}i", f"w{number}o", public)
    plan.wires.append(wire)
    plan.link((uplink.name, "wan"), ("wire", wire.inside))
    plan.link((isp, "inner"), ("wire", wire.outside))
    uplink.plain_frames.append("wan")


def add_network(plan: Plan, network: Network, number: int, core: Node) -> None:
    boxes = [add_home(plan, network, number, home) for home in range(network.homes)]
    uplink = add_carrier(plan, network, number, boxes) if network.kind.name == "cgn" else boxes[0]
    own_public_address(network, number, uplink)
    if network.mtu != 1500:
        uplink.setup.append(f"link set dev wan mtu {network.mtu}")
    count = 0 if not network.kind.has_ipv4 else network.hosts if network.kind.public_hosts else int(network.router.get("pool", "1"))
    public = public_addresses(number, count)
    connect_uplink(plan, network, number, uplink, public)
    isp = plan.node(f"{network.name}.isp", forwards=True, plain_frames=["inner"] if network.needs_wire else [])
    plan.link((isp.name, "outer"), (core.name, f"n{number}"))
    isp.setup += ["link set dev inner up", "link set dev outer up", f"addr add 192.0.2.{number}/32 dev outer", "route add default dev outer",
                  *(f"route add {address}/32 dev inner" for address in public),
                  *(f"route add blackhole {prefix}" for prefix in BOGONS)]
    core.setup += [f"link set dev n{number} up", *(f"route add {address}/32 dev n{number}" for address in public),
                   f"route add 192.0.2.{number}/32 dev n{number}"]
    if network.kind.public_hosts:
        isp.setup += [f"route add 192.0.2.{100 + number}/32 dev inner"]
        core.setup += [f"route add 192.0.2.{100 + number}/32 dev n{number}"]
    if network.ipv6:
        isp.setup += [f"addr add 2001:db8:fffe::{number}/128 dev outer nodad", "route add ::/0 dev outer",
                      f"route add 2001:db8:{number}::/64 dev inner"]
        core.setup += [f"route add 2001:db8:{number}::/64 dev n{number}", f"route add 2001:db8:fffe::{number}/128 dev n{number}"]


def add_server(plan: Plan, core: Node, ipv6: bool, link: Network | None) -> None:
    """`link`: its delay and loss, if it is to have any."""
    server = plan.node("server")
    if link is None or not link.needs_wire:
        plan.link(("server", "eth0"), (core.name, "server"))
    else:
        plan.wires.append(Wire(link, "w0i", "w0o", []))
        plan.link(("server", "eth0"), ("wire", "w0i"))
        plan.link((core.name, "server"), ("wire", "w0o"))
        server.plain_frames.append("eth0")
        core.plain_frames.append("server")
    server.setup += ["link set dev eth0 up", *(f"addr add {address}/32 dev eth0" for address in SERVER_ADDRESSES)]
    server.setup += ["route add default dev eth0"]
    core.setup += ["link set dev server up", f"addr add {CORE_ADDRESS}/32 dev lo",
                   *(f"route add {address}/32 dev server" for address in SERVER_ADDRESSES)]
    if ipv6:
        server.setup += [*(f"addr add {address}/128 dev eth0 nodad" for address in SERVER_ADDRESSES6), "route add ::/0 dev eth0"]
        core.setup += [f"addr add {CORE_ADDRESS6}/128 dev lo nodad",
                       *(f"route add {address}/128 dev server" for address in SERVER_ADDRESSES6)]
    plan.hosts.append(Host("server", None, SERVER_ADDRESSES[0], SERVER_ADDRESSES6[0] if ipv6 else None, SERVER_ADDRESSES[0]))


def homes_of(networks: list[Network]) -> list[Network]:
    """Without what is said of the server's link."""
    return [network for network in networks if network.name != SERVER]


def make(networks: list[Network], ipv6: bool = True) -> Plan:
    """`ipv6`: whether this kernel has it at all; the server always gets its addresses then."""
    plan = Plan()
    core = plan.node("core", forwards=True)
    add_server(plan, core, ipv6, next((network for network in networks if network.name == SERVER), None))
    for number, network in enumerate(homes_of(networks), start=1):
        add_network(plan, network, number, core)
    if plan.wires:
        plan.node("wire", ipv6=False)
    return plan
