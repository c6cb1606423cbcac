#!/usr/bin/env python3
"""Other people's STUN clients ask rendezvousd and coturn's turnserver, behind the same networks, and must say the same of
both; where they do not, the table KNOWN says why, and what each says. Every one asks ours twice in a row, so that a
client does not find a server that has grown tired of it.
"""
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import coturn
import programs

NETWORKS = ["public", "eim-eif", "eim-adf", "eim-apdf", "adm-adf", "adm-apdf", "apdm-apdf", "udp-blocked"]
NETWORKS6 = ["public,ipv6", "firewall,ipv6"] if programs.HAS_IPV6 else []
ROUNDS = 2
AT_ONCE = 12          # they mostly wait: natdiscovery 3 s for each answer that is filtered
PATIENCE = 3.0       # for turnutils_stunclient, which waits forever for an answer that is filtered
PORTS = {"rendezvousd": coturn.OUR_PORT, "turnserver": coturn.THEIR_PORT}


def run(host: str, *command: str) -> str:
    """What it said until it ended, or until it was waited for long enough."""
    with programs.Program(*programs.inside(host, *command)) as program:
        try:
            program.process.wait(PATIENCE if command[0] == "turnutils_stunclient" else programs.RUN_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        program.end()
        return program.output()


def natdiscovery(host: str, port: int) -> str:
    """RFC 5780: "mapping / filtering", as it has them after "NAT with"."""
    return natdiscovery_of(host, port, coturn.ADDRESSES[0])


def natdiscovery6(host: str, port: int) -> str:
    """The same; its requests are as small over IPv6, and the answers larger."""
    return natdiscovery_of(host, port, coturn.ADDRESSES6[0])


def natdiscovery_of(host: str, port: int, address: str) -> str:
    said = run(host, "turnutils_natdiscovery", "-m", "-f", "-p", str(port), address)
    return " / ".join(re.findall(r"^NAT with (.*)!$", said, re.MULTILINE)) or "nothing"


def stunclient(host: str, port: int) -> str:
    """RFC 5780, one request of each sort: where it was seen; the second answer it wants on its next port, the third padded
    to 1500 bytes."""
    said = run(host, "turnutils_stunclient", "-p", str(port), coturn.ADDRESSES[0])
    seen = [(address, int(number)) for address, number in re.findall(r"reflexive addr: (\S+):(\d+)", said)]
    return " ".join(f"{address}+{number - seen[0][1]}" for address, number in seen) or "nothing"


def stun(host: str, port: int) -> str:
    """RFC 3489, Vovida's client."""
    said = run(host, "stun", f"{coturn.ADDRESSES[0]}:{port}")
    return ", ".join(re.findall(r"^Primary: (.*?)\s*$", said, re.MULTILINE)) or "nothing"


@dataclass(frozen=True)
class Client:
    program: str
    package: str
    ask: Callable[[str, int], str]
    networks: list[str]


CLIENTS = [Client("turnutils_natdiscovery", "coturn", natdiscovery, NETWORKS),
           Client("turnutils_natdiscovery", "coturn", natdiscovery6, NETWORKS6),
           Client("turnutils_stunclient", "coturn", stunclient, NETWORKS), Client("stun", "stun-client", stun, NETWORKS)]

# What natdiscovery finds, in its own words.
EI, AD, APD = "Endpoint Independent", "Address Dependent", "Address and Port Dependent"


def words(mapping: str, filtering: str) -> str:
    return f"{mapping} Mapping / {filtering} Filtering"


@dataclass(frozen=True)
class Difference:
    ours: str
    theirs: str
    why: str


OTHER_ADDRESS = ("natdiscovery takes the target of its third mapping test from the answer to the second. OTHER-ADDRESS is relative to the "
                 "endpoint asked (RFC 5780 section 7.4), so an answer from B:P1 names A:P2, and the test compares two addresses where it "
                 "means two ports. turnserver names B:P2 even at B, which hides it.")
KNOWN = {
    ("turnutils_natdiscovery", "adm-adf"): Difference(words(APD, AD), words(AD, AD), OTHER_ADDRESS),
    ("turnutils_natdiscovery", "adm-apdf"): Difference(words(APD, APD), words(AD, APD), OTHER_ADDRESS),
}
# So that two servers that are both silent do not pass for two that agree.
TRUE = {
    ("turnutils_natdiscovery", "public"): words(EI, EI),
    ("turnutils_natdiscovery", "eim-eif"): words(EI, EI),
    ("turnutils_natdiscovery", "eim-adf"): words(EI, AD),
    ("turnutils_natdiscovery", "eim-apdf"): words(EI, APD),
    ("turnutils_natdiscovery", "apdm-apdf"): words(APD, APD),
    ("turnutils_natdiscovery", "udp-blocked"): "nothing",
    ("turnutils_natdiscovery", "public,ipv6"): words(EI, EI),
    ("turnutils_natdiscovery", "firewall,ipv6"): words(EI, APD),
    ("turnutils_stunclient", "public"): "203.0.113.10+0 203.0.113.10+0 203.0.113.10+1",
    ("turnutils_stunclient", "eim-apdf"): "203.0.113.40+0",
    ("turnutils_stunclient", "udp-blocked"): "nothing",
    ("stun", "public"): "Open",
    ("stun", "eim-eif"): "Independent Mapping, Independent Filter, preserves ports, no hairpin",
    ("stun", "eim-adf"): "Independent Mapping, Address Dependent Filter, preserves ports, no hairpin",
    ("stun", "eim-apdf"): "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    ("stun", "apdm-apdf"): "Dependent Mapping, random port, no hairpin",
    ("stun", "udp-blocked"): "Blocked or could not reach STUN server",
}


def complaints(client: Client, spec: str, ours: list[str], theirs: str) -> list[str]:
    key = (client.program, spec)
    known = KNOWN.get(key)
    wanted = known.ours if known else theirs
    found = [f"round {n} of ours is not '{wanted}'" for n, said in enumerate(ours, start=1) if said != wanted]
    if known and theirs != known.theirs:
        found.append(f"turnserver's is not '{known.theirs}' any more; look at KNOWN again")
    if TRUE.get(key, theirs) != theirs:
        found.append(f"the truth is '{TRUE[key]}'")
    return found


def compare(item: tuple[Client, int, str]) -> bool:
    client, index, spec = item
    host = f"n{index}"
    theirs = client.ask(host, PORTS["turnserver"])
    ours = [client.ask(host, PORTS["rendezvousd"]) for _ in range(ROUNDS)]
    found = complaints(client, spec, ours, theirs)
    remark = "differs as known" if (client.program, spec) in KNOWN else "the same"
    if found:
        remark = "WRONG: " + "; ".join(found)
    print(f"{client.program:<23} {spec:<14} {remark:<16} turnserver: {theirs}; rendezvousd: {' | '.join(dict.fromkeys(ours))}", flush=True)
    return not found


def main() -> int:
    clients = [client for client in CLIENTS if programs.foreign(client.program, client.package)]
    programs.foreign("turnserver", coturn.PACKAGE)
    numbers = {spec: index for index, spec in enumerate((*NETWORKS, *NETWORKS6), start=1)}
    programs.beside_a_lab(*(f"n{index}={spec}" for spec, index in numbers.items()))
    with coturn.both_servers(), ThreadPoolExecutor(AT_ONCE) as pool:
        agreed = list(pool.map(compare, [(client, numbers[spec], spec) for client in clients for spec in client.networks]))
    for why in dict.fromkeys(difference.why for difference in KNOWN.values()):
        print(f"known: {why}")
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
