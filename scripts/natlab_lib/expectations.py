"""What the prober must find behind each network, if its label is true: pure comparisons, one complaint per difference."""
from . import catalogue
from .catalogue import AD, APD, EI
from .plan import CORE_ADDRESS, default_lan, public_addresses
from .spec import Network

ORDER = (EI, AD, APD)
DELAY_TOLERANCE_MS = 5.0   # of the quickest of many packets, on a machine with other things to do
LOSS_TOLERANCE = 0.08      # of 600 packets: more than four standard deviations of any share
BLOCK_SPAN = 512           # sim::NatConfig::block_size


def strictest(*behaviors: str) -> str:
    """Stacked NATs look like the strictest of them."""
    return max(behaviors, key=ORDER.index)


def allocation_of(network: Network) -> str:
    return network.router.get("allocation", network.outer_kind.allocation)


def mapping_of(network: Network) -> str | None:
    if network.kind.name == "udp-blocked":
        return None
    if allocation_of(network) == "overloading":
        return EI  # every destination sees the inside port, as long as no two hosts want it towards the same one
    return network.outer_kind.mapping or EI


def filtering_of(network: Network) -> str | None:
    if network.kind.name == "cgn":
        return strictest(APD, network.carrier.filtering)  # the home's box is eim-apdf
    return network.outer_kind.filtering


def spoils_ports(network: Network) -> bool:
    """inbound=accept in the kernel, or a model of it: the unsolicited flow is kept, and the port lost towards its sender."""
    return network.inbound == "accept" and (network.via == catalogue.KERNEL or allocation_of(network) == "overloading")


def hops_of(network: Network, number: int, peer_number: int) -> list[str | None]:
    own = f"192.0.2.{100 + number}" if network.kind.public_hosts else str((network.lan or default_lan(number))[1])
    if network.kind.name == "udp-blocked":
        return [own, None, None, None, None]
    carrier = [f"100.64.{number}.1"] if network.kind.name == "cgn" else []
    return [own, *carrier, f"192.0.2.{number}", CORE_ADDRESS, f"192.0.2.{peer_number}", f"192.0.2.{100 + peer_number}"][:5]


def openers_of(network: Network) -> list[bool | None] | None:
    """TTL 1, 2, 3: it must get through all own NATs and filters to open them. None: the prober cannot tell."""
    if network.kind.name == "udp-blocked":
        return [None, None, None]
    if filtering_of(network) == EI:
        return [True, True, True]
    if mapping_of(network) != EI:
        return None  # the opener goes out by another port than the one that is tried
    # Behind two NATs, TTL 2 opens only the inner one, which is enough where the outer one is open anyway.
    return [False, network.kind.name != "cgn" or network.carrier.filtering == EI, True]


def differ(what: str, expected, found) -> list[str]:
    return [] if expected == found else [f"{what}: {found}, expected {expected}"]


def check_addresses(network: Network, number: int, found: dict) -> list[str]:
    public = public_addresses(number, network.hosts if network.kind.public_hosts else int(network.router.get("pool", "1")))
    complaints = []
    for what in ("mapped", "tcp"):
        if found[what] is None and what == "mapped" and network.kind.name == "udp-blocked":
            continue
        if found[what] is None or found[what][0] not in public:
            complaints.append(f"{what}: {found[what]}, expected one of {', '.join(public)}")
    if (found["local"] in public) != network.kind.public_hosts:
        complaints.append(f"local address {found['local']}")
    return complaints


def check_allocation(network: Network, found: dict) -> list[str]:
    ports, rule = found.get("ports", []), allocation_of(network)
    if network.kind.name == "udp-blocked":
        return []
    if len(ports) < 8:
        return [f"only {len(ports)} of 8 sockets were answered"]
    steps = [after - before for before, after in zip(ports, ports[1:])]
    right = {"preserving": found["preserved"] == len(ports), "overloading": found["preserved"] == len(ports),
             "sequential": all(0 < step <= 2 for step in steps),
             "block": max(ports) - min(ports) < BLOCK_SPAN and found["preserved"] < 2 and any(step != 1 for step in steps),
             "random": found["preserved"] < 2 and max(ports) - min(ports) >= BLOCK_SPAN,
             "parity": found["preserved"] < 2}[rule]
    return [] if right else [f"outside ports {ports} are not {rule}"]


def check(network: Network, number: int, peer_number: int, found: dict) -> list[str]:
    """`found` is what `prober.py ask` printed, with `refused` added from `knock`."""
    complaints = check_addresses(network, number, found)
    complaints += differ("mapping", mapping_of(network), found["mapping"])
    complaints += differ("filtering", filtering_of(network), found["filtering"])
    complaints += differ("low-TTL packets die at", hops_of(network, number, peer_number), found["hops"])
    openers = openers_of(network)
    if openers is not None:
        complaints += differ("packets with TTL 1, 2, 3 open the filter", openers, found["openers"])
    if mapping_of(network) == EI and filtering_of(network) != EI:
        complaints += differ("port lost to an unsolicited packet", spoils_ports(network), found["poisoned"])
    if network.kind.name != "public":
        complaints += differ("unsolicited packet answered with an ICMP error", network.inbound != "drop", found["refused"])
    return complaints + check_allocation(network, found)


def check_ipv6(network: Network, number: int, found: dict) -> list[str]:
    """Global addresses: never translated; filtered everywhere but in `public`."""
    expected = f"2001:db8:{number}::2"
    complaints = differ("IPv6 mapped", expected, (found["mapped"] or [None])[0]) + differ("IPv6 local", expected, found["local"])
    return complaints + differ("IPv6 filtering", EI if network.kind.name == "public" else APD, found["filtering"])


def check_stream(network: Network, found: dict) -> list[str]:
    """Delay, jitter, loss and duplicates of many round trips; each share falls on the way there and on the way back."""
    rtts, sent = found["rtts"], found["sent"]
    if not rtts:
        return ["nothing came back"]
    complaints = []
    low, high = 2000 * network.delay_s, 2000 * (network.delay_s + network.jitter_s)
    if not low - 0.1 <= rtts[0] <= low + DELAY_TOLERANCE_MS + high * 0.25 * (network.jitter_s > 0):
        complaints.append(f"least round trip {rtts[0]:.1f} ms, expected {low:g}")
    if network.jitter_s and not low + 0.5 * (high - low) < rtts[len(rtts) * 9 // 10] <= high + DELAY_TOLERANCE_MS:
        complaints.append(f"nine of ten round trips take up to {rtts[len(rtts) * 9 // 10]:.1f} ms, expected about {high:g}")
    arrived = (1 - network.loss) ** 2 * (1 + network.duplicate) ** 2
    if abs(len(rtts) / sent - arrived) > LOSS_TOLERANCE:
        complaints.append(f"{len(rtts)} answers to {sent} packets, expected {arrived:.0%}")
    return complaints
