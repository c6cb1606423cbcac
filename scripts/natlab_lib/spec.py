"""The command line's SPEC: NAME=TYPE[,option=value…] → a Network. Everything is checked here, before anything is built."""
import difflib
import ipaddress
import re
from dataclasses import dataclass, field

from . import catalogue
from .errors import LabError

MAX_NETWORKS = 24    # their public addresses are 203.0.113.10, .20, … .240
MAX_HOSTS = 8        # 203.0.113.10 … .17 where each host has a public one
MAX_HOMES = 8        # of one carrier: 100.64.N.2 … .9
SERVER = "server"    # its SPEC speaks of its link, and of nothing else
RESERVED = {SERVER, "core", "wire"}
LINK_OPTIONS = ("delay", "jitter", "loss", "duplicate", "reorder")
INBOUND = ("drop", "reject", "accept")
ALLOCATIONS = ("preserving", "overloading", "sequential", "block", "random", "parity")

NAME_FORM = re.compile(r"[a-z][a-z0-9-]{0,11}")
DURATION_FORM = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)")
PERCENT_FORM = re.compile(r"(\d+(?:\.\d+)?)%")
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
IPV6 = ("yes", "no", "npt", "nat66")
FIREWALLS = ("firewall", "ipv6-only")
ROUTER_ONLY = ("ports", "hairpin", "lifetime", "pool", "pooling")


@dataclass
class Network:
    name: str
    kind: catalogue.Kind
    via: str
    inbound: str = "drop"
    hosts: int = 1
    homes: int = 1                             # cgn only: home routers behind the one carrier's NAT
    ipv6: bool = False
    mtu: int = 1500                            # of the uplink; the box tells who sends larger packets that must stay whole
    translation6: str = ""                     # "npt" or "nat66": hosts have unique local addresses, fd00:db8:<number>::/64
    lan: ipaddress.IPv4Network | None = None   # None: 192.168.<number>.0/24
    delay_s: float = 0.0                       # one way, for every packet that crosses the network's uplink
    jitter_s: float = 0.0                      # on top of the delay: uniform from 0 to this, for each packet anew
    loss: float = 0.0                          # 0 … 1, each way
    duplicate: float = 0.0
    reorder: float = 0.0                       # share of packets held back by 10 ms, so that later ones overtake them
    carrier: catalogue.Kind | None = None      # cgn only: the outer NAT
    router: dict[str, str] = field(default_factory=dict)  # options only the user-space router knows

    @property
    def needs_wire(self) -> bool:
        """Whether the user-space router stands in the uplink."""
        return self.via == catalogue.ROUTER or any((self.delay_s, self.jitter_s, self.loss, self.duplicate, self.reorder))

    @property
    def host_names(self) -> list[str]:
        count = self.hosts * self.homes
        return [self.name] if count == 1 else [f"{self.name}{n}" for n in range(1, count + 1)]

    @property
    def outer_kind(self) -> catalogue.Kind:
        """The NAT that the internet sees."""
        return self.carrier or self.kind


def bad(detail: str, advice: str = "'natlab up --help' shows the form, 'natlab types' the types") -> LabError:
    return LabError("bad-spec", detail, advice)


def parse_duration(text: str) -> float:
    match = DURATION_FORM.fullmatch(text)
    if not match:
        raise bad(f"'{text}' is not a duration", "write 25ms, 1.5s or 300us")
    seconds = float(match[1]) * SECONDS[match[2]]
    if seconds > 10:
        raise bad(f"'{text}' is more than 10 s", "no network is that slow")
    return seconds


def parse_lifetime(text: str) -> str:
    match = DURATION_FORM.fullmatch(text)
    if not match or float(match[1]) == 0:
        raise bad(f"'{text}' is not a lifetime", "write 30s or 500ms")
    return str(float(match[1]) * SECONDS[match[2]])


def parse_share(text: str) -> float:
    match = PERCENT_FORM.fullmatch(text)
    if not match or float(match[1]) > 100:
        raise bad(f"'{text}' is not a share", "write it with a percent sign: 1%, 0.5%, 100%")
    return float(match[1]) / 100


def parse_lan(text: str) -> ipaddress.IPv4Network:
    try:
        lan = ipaddress.IPv4Network(text)
    except ValueError as fault:
        raise bad(f"lan={text}: {fault}", "write a private network such as lan=192.168.1.0/24") from None
    if not lan.is_private or not 8 <= lan.prefixlen <= 28 or lan.overlaps(ipaddress.IPv4Network("192.0.2.0/24")):
        raise bad(f"lan={text} is not a private network between /8 and /28")
    return lan


def one_of(key: str, text: str, allowed) -> str:
    if text not in allowed:
        raise bad(f"{key}={text}: it must be one of {', '.join(allowed)}")
    return text


def number(key: str, text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise bad(f"{key}={text}: it must be a number from {low} to {high}")
    return int(text)


def find_kind(name: str) -> catalogue.Kind:
    kind = catalogue.find(name)
    if kind is None:
        near = difflib.get_close_matches(name, [*catalogue.KINDS, *catalogue.ALIASES], 1)
        raise bad(f"there is no type '{name}'", f"did you mean '{near[0]}'?" if near else "'natlab types' lists them")
    return kind


def find_carrier(name: str) -> catalogue.Kind:
    kind = find_kind(name)
    if kind.mapping is None or kind.name in ("cgn", "same-lan"):
        raise bad(f"carrier={name}: a carrier's NAT is one of the nine pairs, sequential or block")
    return kind


def apply_option(network: Network, key: str, value: str) -> None:
    match key:
        case "inbound":
            network.inbound = one_of(key, value, INBOUND)
        case "hosts":
            network.hosts = number(key, value, 1, MAX_HOSTS)
        case "homes":
            network.homes = number(key, value, 1, MAX_HOMES)
        case "ipv6":
            network.ipv6 = one_of(key, value or "yes", IPV6) != "no"
            network.translation6 = value if value in ("npt", "nat66") else ""
        case "mtu":
            network.mtu = number(key, value, 1280, 1500)
        case "lan":
            network.lan = parse_lan(value)
        case "delay":
            network.delay_s = parse_duration(value)
        case "jitter":
            network.jitter_s = parse_duration(value)
        case "loss":
            network.loss = parse_share(value)
        case "duplicate":
            network.duplicate = parse_share(value)
        case "reorder":
            network.reorder = parse_share(value)
        case "ports":
            network.router["allocation"] = one_of(key, value, ALLOCATIONS)
        case "hairpin":
            network.router["hairpin"] = one_of(key, value, ("yes", "no"))
        case "lifetime":
            network.router["lifetime"] = parse_lifetime(value)
        case "pool":
            network.router["pool"] = str(number(key, value, 1, 8))
        case "pooling":
            network.router["pooling"] = one_of(key, value, ("paired", "arbitrary"))
        case "via" | "carrier":
            pass  # read first, since others depend on them
        case _:
            known = ("via", "inbound", "hosts", "homes", "ipv6", "mtu", "lan", *LINK_OPTIONS, "carrier", *ROUTER_ONLY)
            near = difflib.get_close_matches(key, known, 1)
            raise bad(f"there is no option '{key}'", f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}")


def choose_via(kind: catalogue.Kind, outer: catalogue.Kind, options: dict[str, str]) -> str:
    possible = outer.vias if outer is not kind else kind.vias
    wanted = options.get("via")
    # The kernel's cones remember which host a port belongs to by the port alone: two hosts with one port would be mixed up.
    shared_cone = kind.name in ("eim-eif", "eim-adf") and options.get("hosts", "1") != "1"
    if wanted is None:
        return catalogue.ROUTER if shared_cone or any(key in options for key in ROUTER_ONLY) else possible[0]
    if wanted == catalogue.KERNEL and shared_cone:
        raise bad(f"{kind.name} via=kernel has room for one host", "leave via= out, or hosts=")
    if one_of("via", wanted, (catalogue.KERNEL, catalogue.ROUTER)) not in possible:
        raise bad(f"{outer.name} cannot be had via={wanted}", f"leave via= out: it is via={possible[0]}")
    return wanted


def check(network: Network, options: dict[str, str]) -> None:
    kind = network.kind
    for key in ROUTER_ONLY:
        if key in options and network.via != catalogue.ROUTER:
            raise bad(f"{key}= is for the user-space router", f"{network.name}: add via=router" if catalogue.ROUTER in kind.vias
                      else f"{kind.name} has no NAT that could do it")
    if "inbound" in options and (not kind.takes_inbound or (kind.name in FIREWALLS and network.inbound == "accept")):
        raise bad(f"{kind.name} does not know inbound={network.inbound}", "a firewall that accepts everything is type 'public'")
    if network.lan and (kind.public_hosts or not kind.has_ipv4):
        raise bad(f"{kind.name} has public addresses, no lan=")
    if network.translation6 and kind.public_hosts:
        raise bad(f"{kind.name} has public addresses, no ipv6={network.translation6}")
    if not kind.has_ipv4 and not network.ipv6:
        raise bad(f"{kind.name} without IPv6 has no addresses")
    if "homes" in options and (kind.name != "cgn" or network.hosts != 1 or network.ipv6):
        raise bad("homes= is for type cgn, without hosts= and ipv6")
    if "pooling" in options and "pool" not in options:
        raise bad("pooling= needs a pool=", "for example pool=4,pooling=arbitrary")


def parse(text: str) -> Network:
    """One SPEC. Raises LabError with the place of the fault."""
    try:
        return parse_parts(text)
    except LabError as fault:
        raise bad(f"{text}: {fault.detail}", fault.advice) from None


def read_options(name: str, pairs: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key in options:
            raise bad(f"{name}: {key}= stands there twice")
        options[key] = value
    return options


def parse_server(pairs: list[str]) -> Network:
    """The server's own link; it stands among the networks as a public one without hosts."""
    server = Network(SERVER, catalogue.KINDS["public"], catalogue.KERNEL, hosts=0)
    for key, value in read_options(SERVER, pairs).items():
        if key not in LINK_OPTIONS:
            raise bad(f"{key}= cannot be said of the lab's own server", f"known: {', '.join(LINK_OPTIONS)}")
        apply_option(server, key, value)
    return server


def parse_parts(text: str) -> Network:
    name, equals, rest = text.partition("=")
    if not equals or not NAME_FORM.fullmatch(name):
        raise bad("it does not begin with NAME=TYPE", "a name is up to 12 letters, digits and dashes: home=port-restricted,delay=25ms")
    if name == SERVER and rest.partition("=")[0] in LINK_OPTIONS:
        return parse_server(rest.split(","))
    if name in RESERVED:
        raise bad(f"'{name}' is the lab's own", f"not to be used: {', '.join(sorted(RESERVED))}; "
                  f"the server's link can be given {', '.join(LINK_OPTIONS)}: server=delay=10ms")
    type_name, *pairs = rest.split(",")
    kind = find_kind(type_name)
    options = read_options(name, pairs)
    if "carrier" in options and kind.name != "cgn":
        raise bad(f"carrier= is for type cgn, not {kind.name}")
    carrier = find_carrier(options.get("carrier", "eim-apdf")) if kind.name == "cgn" else None
    network = Network(name, kind, choose_via(kind, carrier or kind, options), hosts=kind.default_hosts, carrier=carrier,
                      ipv6=not kind.has_ipv4)
    for key, value in options.items():
        apply_option(network, key, value)
    check(network, options)
    return network


def parse_all(texts: list[str]) -> list[Network]:
    """All SPECs of a lab; names must not collide."""
    networks = [parse(text) for text in texts]
    if sum(network.name != SERVER for network in networks) > MAX_NETWORKS:
        raise bad(f"{len(networks)} networks are more than {MAX_NETWORKS}", "raise several labs, with --name")
    seen: set[str] = set()
    for name in [name for network in networks for name in {network.name, *network.host_names}]:
        if name in seen:
            raise bad(f"two networks or hosts would be called '{name}'")
        seen.add(name)
    return networks
