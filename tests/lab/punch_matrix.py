#!/usr/bin/env python3
"""Two hosts run punch behind every pair of networks that the lab can raise, 50 ms of round trip between any two and to the
server. No pair may fail; each that needs no port guessed must be direct, over TCP where one side has no UDP, and the others
may go through the relay.

Usage: punch_matrix.py [--whole] [--at-once N] [--only NAME]… [squared|special|tcp]

squared: eleven kinds of network against each other; each pair once, with --whole also with the sides exchanged. What nat-probe
--against says of each pair, from what it measured on either side before, has to agree with what punch achieves.
tcp: those networks that no port has to be guessed for, against each other, without UDP and without a relay: connections that
both sides make at the same instant, through the kernel's NATs.
special: two hosts in one house or behind one carrier, and with IPv6 beside the NAT.
Prints the kind of path and the milliseconds from `peer-found` to `connected` on the slower side. Times are only printed, since
a busy machine is no defect.
"""
import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

DELAY = "delay=12.5ms"   # at either end, so 50 ms there and back
AT_ONCE = 2              # more would measure the machine
MEASURE = "700ms"        # long enough for a relayed path to be exchanged for a direct one
MEASURE_TCP = "1500ms"   # which is looked for 300 ms later, and over TCP with a round trip more
PATIENCE = 40.0
DIRECT, TCP, RELAYED = "direct", "by TCP", "relayed"
# Where nat-probe asks, which needs a second address.
PROBED, PROBED6 = f"{punching.SERVER}:3500", f"[{punching.SERVER6}]:3500"
PROBED_AT = ("--listen", PROBED, "--alternate", "198.51.100.2:3501", "--listen", PROBED6, "--alternate", "[2001:db8:ffff::2]:3501")
SHORT = {"reflexive": "reflex", "host": "host", "mapped": "mapped", "relayed": "relay"}


@dataclass(frozen=True)
class Kind:
    """A network of one host. What others need not guess about it follows from its behaviour."""
    name: str
    spec: str
    stable: bool = True        # one outside port for all destinations
    lets_in: bool = False      # packets from a port that nobody inside has sent to, if the address is known
    udp: bool = True
    families: tuple[int, ...] = (4,)


KINDS = [
    Kind("public", "public", lets_in=True),
    Kind("firewall", "firewall"),
    Kind("full-cone", "eim-eif", lets_in=True),
    Kind("restricted", "eim-adf", lets_in=True),
    Kind("drop", "eim-apdf,inbound=drop"),
    Kind("reject", "eim-apdf,inbound=reject"),
    Kind("accept", "eim-apdf,inbound=accept"),
    Kind("symmetric", "apdm-apdf", stable=False),
    Kind("cgn", "cgn"),
    Kind("blocked", "udp-blocked", udp=False),
    Kind("ipv6-only", "ipv6-only", families=(6,)),
]


# For the lab `tcp`. Not "accept": a SYN that comes early by a millisecond gets a reset and keeps the tuple for ten seconds, as of UDP
# (lib/natkit/ice/agent.hpp, "Who goes first"), and there are no openers over TCP. So it may take that long, or a relay.
OVER_TCP = ("public", "firewall", "full-cone", "drop", "reject", "blocked")


def expected(a: Kind, b: Kind) -> str:
    """Direct wherever each knows the other's port, or the one that does not is told it by the other's first packet."""
    if not set(a.families) & set(b.families):
        return RELAYED
    directly = DIRECT if a.udp and b.udp else TCP
    if 6 in a.families and 6 in b.families:
        return directly   # nobody translates there
    return directly if (a.stable or b.lets_in) and (b.stable or a.lets_in) and (a.stable or b.stable) else RELAYED


@dataclass(frozen=True)
class Special:
    """Two hosts of a network of their own, or of two. `kind`: of the path that must come of it, if it is a certain one."""
    title: str
    specs: tuple[str, ...]
    hosts: tuple[str, str]
    wanted: str = DIRECT
    kind: str | None = None
    v6: tuple[bool, bool] = (False, False)   # whether the server is named by its IPv6 address


SPECIAL = [
    Special("same LAN", ("lan=same-lan",), ("lan1", "lan2"), kind="host"),
    Special("same LAN behind a symmetric NAT", ("slan=apdm-apdf,hosts=2",), ("slan1", "slan2"), kind="host"),
    Special("same LAN, UDP to the internet blocked", ("blan=udp-blocked,hosts=2",), ("blan1", "blan2"), kind="host"),
    Special("two homes behind one carrier, which hairpins", ("cgnh=cgn,homes=2,via=router,hairpin=yes",), ("cgnh1", "cgnh2")),
    Special("two homes behind one carrier, which does not", ("cgn=cgn,homes=2",), ("cgn1", "cgn2"), wanted=RELAYED),
    Special("two homes in 192.168.1.0/24", ("p=eim-apdf,lan=192.168.1.0/24", "q=eim-apdf,lan=192.168.1.0/24"), ("p", "q")),
    Special("symmetric NATs with IPv6 beside them", ("s=apdm-apdf,ipv6", "t=apdm-apdf,ipv6"), ("s", "t"), kind="host"),
    Special("home with IPv6, and IPv6 only", ("m=eim-apdf,ipv6", "n=ipv6-only"), ("m", "n"), kind="host", v6=(False, True)),
    Special("carrier's NAT with IPv6, and IPv6 only", ("u=cgn,ipv6", "v=ipv6-only,inbound=reject"), ("u", "v"), kind="host", v6=(True, True)),
]


@dataclass
class Outcome:
    title: str
    wanted: str
    kind: str | None     # that must be
    peers: tuple[punching.Punch, punching.Punch]
    ends: tuple[int | None, int | None]

    @property
    def path(self) -> str | None:
        """What is in use in the end, in the words of the side that is further from direct."""
        kinds = [peer.path and peer.path["kind"] for peer in self.peers]
        return None if None in kinds or any(self.ends) else "relayed" if "relayed" in kinds else kinds[0]

    @property
    def transports(self) -> set[str]:
        return {peer.path["transport"] for peer in self.peers if peer.path}

    @property
    def ms(self) -> float | None:
        times = [peer.connected_ms for peer in self.peers]
        return None if None in times else max(times)

    def complaints(self) -> Iterator[str]:
        if self.path is None:
            yield f"no connection: exits {self.ends}, reasons {[peer.reason for peer in self.peers]}"
        elif self.path == "relayed" and self.wanted != RELAYED:
            yield "relayed, although nothing has to be guessed"
        elif self.wanted != RELAYED and self.transports != {"tcp" if self.wanted == TCP else "udp"}:
            yield f"over {self.transports}"
        elif self.kind and any(peer.path["kind"] != self.kind for peer in self.peers):
            yield f"{[peer.path['kind'] for peer in self.peers]}, not {self.kind}"

    def contradictions(self, predicted: str | None) -> Iterator[str]:
        """A guess may succeed or not, and what is not known may be anything; the rest has to come true. What is said is said of
        UDP: punch may find a way over TCP beyond it."""
        if predicted == "direct" and (self.path == "relayed" or self.transports != {"udp"}):
            yield f"nat-probe said direct, it is {self.show()}"
        if predicted == "relay" and self.path != "relayed" and self.transports == {"udp"}:
            yield f"nat-probe said relay, it is {self.show()}"

    def show(self) -> str:
        way = "tcp" if self.path not in (None, "relayed") and self.transports == {"tcp"} else SHORT.get(self.path, self.path or "FAILED")
        return f"{way} {'-' if self.ms is None else f'{self.ms:.0f}'}"


def arguments(room: str, wanted: str) -> list[str]:
    """The same words for every host: the server tells where the relay is, and what is blocked they must find out."""
    return ["pair", room, "--then", "report", "--for", MEASURE_TCP if wanted == TCP else MEASURE]


def meet(title: str, hosts: tuple[str, str], v6: tuple[bool, bool], wanted: str, kind: str | None = None,
         options: tuple[str, ...] = ()) -> Outcome:
    room = title.replace(" ", "-")
    peers = tuple(punching.Punch(host, *arguments(room, wanted), *options, server=f"[{punching.SERVER6}]" if over_ipv6 else punching.SERVER)
                  for host, over_ipv6 in zip(hosts, v6))
    return Outcome(title, wanted, kind, peers, tuple(peer.wait(PATIENCE) for peer in peers))


def tell(outcome: Outcome, predictions: "Predictions | None" = None, of: tuple[str, str] = ("", "")) -> bool:
    """Whether it is right; wrong ones with all that was said."""
    wrong, said = list(outcome.complaints()), ""
    if predictions:
        answer = predictions.of(*of)
        said = answer.value("verdict.against.expected")
        wrong += outcome.contradictions(said)
        if answer.exit != 0:
            wrong.append(str(answer))
    print(f"{'WRONG ' if wrong else 'ok    '}{outcome.title:<46} {outcome.wanted:<8} {said or '-':<23}{outcome.show():<12}{'; '.join(wrong)}", flush=True)
    if wrong:
        print(*(peer.story() for peer in outcome.peers), sep="\n", flush=True)
    return not wrong


class Predictions:
    """What nat-probe measures in each network before anybody meets, and says of each pair."""

    def __init__(self, kinds: list[Kind], at_once: int):
        self.folder = tempfile.TemporaryDirectory()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self.measure, [f"{kind.name}-{side}" for kind in kinds for side in "ab"]))

    def measure(self, host: str) -> None:
        probed = programs.nat_probe("--record", self.file(host, "trace"), PROBED, PROBED6, host=host)
        Path(self.file(host, "report")).write_text(probed.stdout)

    def file(self, host: str, what: str) -> str:
        return f"{self.folder.name}/{host}.{what}.json"

    def of(self, one: str, other: str) -> programs.Probed:
        return programs.nat_probe("--replay", self.file(one, "trace"), "--against", self.file(other, "report"))


def rounds(kinds: list[Kind], whole: bool) -> Iterator[list[tuple[Kind, Kind]]]:
    """Pairs that share no network, so that they can go at once."""
    for shift in range(len(kinds)):
        pairs = [(kind, kinds[(place + shift) % len(kinds)]) for place, kind in enumerate(kinds)]
        yield [pair for pair in pairs if whole or kinds.index(pair[0]) <= kinds.index(pair[1])]


def show_matrix(kinds: list[Kind], outcomes: dict[tuple[str, str], Outcome]) -> None:
    print(f"\n{'':<12}" + "".join(f"{kind.name:>12}" for kind in kinds))
    for a in kinds:
        cells = (outcomes.get((a.name, b.name)) for b in kinds)
        print(f"{a.name:<12}" + "".join(f"{cell.show() if cell else '':>12}" for cell in cells))
    print("reflex, host: direct, by a NAT's address or the host's own; tcp: direct, over TCP; relay: through the server; milliseconds from peer-found to connected")


def kinds_of(options) -> list[Kind]:
    return [kind for kind in KINDS if (kind.name in options.only if options.only else options.lab != "tcp" or kind.name in OVER_TCP)]


def run_squared(options) -> bool:
    kinds = kinds_of(options)
    outcomes: dict[tuple[str, str], Outcome] = {}
    predictions = Predictions(kinds, options.at_once)

    def run(pair: tuple[Kind, Kind]) -> bool:
        a, b = pair
        outcome = meet(f"{a.name} x {b.name}", (f"{a.name}-a", f"{b.name}-b"), (4 not in a.families, 4 not in b.families), expected(a, b))
        outcomes[a.name, b.name] = outcome
        return tell(outcome, predictions, (f"{a.name}-a", f"{b.name}-b"))

    with ThreadPoolExecutor(options.at_once) as pool:
        right = [right for pairs in rounds(kinds, options.whole) for right in pool.map(run, pairs)]
    show_matrix(kinds, outcomes)
    direct = sum(outcome.path not in (None, "relayed") for outcome in outcomes.values())
    print(f"{len(right)} pairs: {direct} direct, {sum(outcome.path == 'relayed' for outcome in outcomes.values())} relayed, "
          f"{right.count(False)} wrong")
    return all(right)


def run_tcp(options) -> bool:
    """Whoever lets nobody in is met by a SYN that crosses its own."""
    kinds = kinds_of(options)
    outcomes: dict[tuple[str, str], Outcome] = {}

    def run(pair: tuple[Kind, Kind]) -> bool:
        a, b = pair
        outcomes[a.name, b.name] = meet(f"{a.name} x {b.name} over TCP", (f"{a.name}-a", f"{b.name}-b"), (False, False), TCP, None,
                                        ("--transport", "tcp", "--relay", "never"))
        return tell(outcomes[a.name, b.name])

    with ThreadPoolExecutor(options.at_once) as pool:
        right = [right for pairs in rounds(kinds, options.whole) for right in pool.map(run, pairs)]
    show_matrix(kinds, outcomes)
    print(f"{len(right)} pairs, {right.count(False)} wrong")
    return all(right)


def run_special(options) -> bool:
    with ThreadPoolExecutor(options.at_once) as pool:
        right = list(pool.map(lambda one: tell(meet(one.title, one.hosts, one.v6, one.wanted, one.kind)), SPECIAL))
    print(f"{len(right)} pairs, {right.count(False)} wrong")
    return all(right)


def specs_of(options) -> list[str]:
    networks = (itertools.chain.from_iterable(one.specs for one in SPECIAL) if options.lab == "special" else
                [f"{kind.name}-{side}={kind.spec}" for side in "ab" for kind in kinds_of(options)])
    return ["server=" + DELAY, *(f"{network},{DELAY}" for network in networks)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("--only", action="append", choices=[kind.name for kind in KINDS])
    parser.add_argument("lab", choices=("squared", "special", "tcp"), nargs="?", default="squared")
    options = parser.parse_args()
    if not programs.HAS_IPV6:
        programs.skip("this kernel has no IPv6")
    programs.beside_a_lab(*specs_of(options))
    with (programs.serve("--listen", punching.SERVER, "--listen", f"[{punching.SERVER6}]", "--relay", "on", host="server")[0],
          programs.serve(*PROBED_AT, host="server")[0]):
        return int(not {"squared": run_squared, "special": run_special, "tcp": run_tcp}[options.lab](options))


if __name__ == "__main__":
    sys.exit(main())
