#!/usr/bin/env python3
"""nat-probe behind every kind of network that the lab can raise, 50 ms from rendezvousd, twice in a row each, and once
against a server with one address.

Usage: probe_matrix.py [--strict-time] [behaviours|kernel|lossy|hairpin|lifetime|lifetime-long]

Prints a row for each network and ends with 1 if a verdict is wrong. Times are only printed, since a busy machine is no
defect; with --strict-time, for runs by hand, one over the limit is wrong too.
"""
import argparse
import contextlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

EI, AD, APD = "endpoint-independent", "address-dependent", "address-and-port-dependent"
SHORT = {EI: "EI", AD: "AD", APD: "APD"}
DELAY_MS = 25.0
GUARD_MS = 40.0                               # the least that nat-probe waits beyond the round trip: lib/natkit/probe/digest.hpp
LIMIT_MS = 3 * (2 * DELAY_MS) + GUARD_MS + 100    # three round trips for TCP, and some room
AT_ONCE = 2                                   # more would measure the machine
WHOLE = "198.51.100.1"                        # at 3478 with a second address; over TCP also at 443
SERVER6 = "[2001:db8:ffff::1]:3478"
PAIRS = {f"{m}-{f}": (mapping, filtering) for m, mapping in (("eim", EI), ("adm", AD), ("apdm", APD))
         for f, filtering in (("eif", EI), ("adf", AD), ("apdf", APD))}
CONES = {EI: "full-cone", AD: "restricted-cone", APD: "port-restricted-cone"}


@dataclass(frozen=True)
class Row:
    """A network and what is true of it. `mapping` None: UDP is blocked. `filtering6` None: no IPv6."""
    spec: str
    mapping: str | None = EI
    filtering: str | None = APD
    nat: bool = True
    filtering6: str | None = None
    translation6: str = "none"
    hosts: tuple[str, ...] = ()     # where it has several
    mtu: int = 1500

    @property
    def rule(self) -> str:
        """How ports are given: where each destination shows another one, they are drawn at random unless it is said otherwise."""
        kind = self.spec.partition(",")[0]
        return kind if kind in ("sequential", "block") else "preserving" if self.mapping == EI else "random"

    @property
    def pooling(self) -> str:
        return "arbitrary" if "pooling=arbitrary" in self.spec else "paired"

    @property
    def label(self) -> str:
        if self.mapping is None:
            return "udp-blocked"
        if not self.nat:
            return "open-internet" if self.filtering == EI else "symmetric-firewall"
        return CONES[self.filtering] if self.mapping == EI else "symmetric"


def pair(spec: str) -> Row:
    return Row(spec, *PAIRS[spec.partition(",")[0]])


BY_KERNEL = ["eim-eif", "eim-adf", "eim-apdf", "apdm-apdf"]
LABS = {
    "behaviours": [*(pair(name) for name in PAIRS), *(pair(f"{name},via=router") for name in BY_KERNEL),
                   *(pair(f"{name},via=router,inbound=accept") for name in ("eim-apdf", "apdm-apdf")),
                   pair("eim-apdf,via=router,inbound=reject"), Row("sequential,via=router", APD), Row("block", APD),
                   Row("eim-apdf,via=router,pool=4,pooling=arbitrary"), Row("cgn,via=router")],
    "kernel": [*(pair(f"{name},inbound={inbound}") for name in BY_KERNEL for inbound in ("accept", "reject")),
               Row("sequential", APD), Row("sequential,inbound=accept", APD), Row("cgn"), Row("cgn,inbound=accept"),
               Row("cgn,carrier=apdm-apdf", APD), Row("public,ipv6", filtering=EI, nat=False, filtering6=EI),
               Row("firewall,ipv6", nat=False, filtering6=APD), Row("firewall,inbound=reject", nat=False),
               Row("eim-apdf,ipv6", filtering6=APD), Row("eim-apdf,ipv6=npt", filtering6=APD, translation6="prefix"),
               Row("eim-apdf,ipv6=nat66", filtering6=APD, translation6="nat66"), Row("udp-blocked", None, None),
               Row("eim-apdf,mtu=1492", mtu=1492), Row("eim-apdf,mtu=1410,ipv6", filtering6=APD, mtu=1400),
               Row("firewall,mtu=1280", nat=False, mtu=1280), Row("same-lan", hosts=("1", "2"))],
    "hairpin": [pair(f"{name},via=router,hairpin={word}") for name in ("eim-eif", "eim-apdf", "apdm-apdf") for word in ("yes", "no")],
    "lifetime": [*(pair(f"{name},via=router,lifetime={seconds}s") for name in ("eim-eif", "apdm-apdf") for seconds in (30, 60)), pair("eim-apdf")],
    "lifetime-long": [pair("eim-apdf,via=router,lifetime=180s")],
    "lossy": [pair(f"{name},loss=10%,jitter=30ms") for name in ("eim-eif", "eim-adf", "eim-apdf", "adm-adf", "apdm-apdf")],
}
LOSSY_RUNS = 4
MOST_SECONDS = 320.0            # of a run; only those that wait for lifetimes take more than a few
MOST_OFF_S = 5.0                # of a lifetime
KERNEL_LIFETIME_S = 30.0        # of a mapping that was answered once (nf_conntrack_udp_timeout); all that passes prolongs it


def rows_of(lab: str) -> list[Row]:
    if programs.HAS_IPV6:
        return LABS[lab]
    return [replace(row, spec=row.spec.partition(",ipv6")[0], filtering6=None) for row in LABS[lab]]


def names_of(index: int, row: Row) -> list[str]:
    return [f"n{index}{suffix}" for suffix in row.hosts or ("",)]


def spec_of(index: int, row: Row) -> str:
    return f"n{index}={row.spec},delay={DELAY_MS:g}ms"


# --- what a run must have found; each yields complaints ---

def differences(probed: programs.Probed, expected: dict):
    for path, value in expected.items():
        if probed.value(path) != value:
            yield f"{path} is {probed.value(path)}, not {value}"


def tcp_filtering(row: Row):
    """A connection from elsewhere can only come about where the answer to it leaves from the same port. The kernel's rules
    that make a NAT friendlier are for UDP; over TCP it stays what it is."""
    if row.mapping == EI and row.nat and "via=router" not in row.spec:
        return APD
    if row.mapping == APD:
        return None
    return row.filtering if row.mapping == EI else APD if row.filtering == APD else [EI, AD]


def check_hops(row: Row, probed: programs.Probed):
    """The home's box, then a carrier's where there is one, then routers of the internet (natlab's names and addresses)."""
    first = ["192.168.", "100.64."] if row.spec.startswith("cgn") else ["192.168."]
    found = probed.value("ipv4.hops")
    if len(found) <= len(first) or not all((hop or "").startswith(start) for hop, start in zip(found, first)):
        yield f"the first hops are {found}"


def check_whole(row: Row, probed: programs.Probed):
    """Against a server with two addresses everything is found out."""
    expected = {"udp": "ok", "ipv4.nat": row.nat, "ipv4.mapping": row.mapping, "ipv4.filtering": row.filtering}
    if row.mapping is None:
        expected = {"udp": "blocked", "ipv4.nat": None, "ipv4.mapping": None, "ipv4.filtering": None, "tcp.mapping": EI, "captive_portal": False,
                    "ways_out": [{"transport": "tcp", "server": f"{WHOLE}:{port}"} for port in (3478, 443)]}
    expected["labels.rfc3489"] = row.label
    if row.mapping is not None and row.nat:
        expected |= {"ipv4.port_allocation.rule": row.rule, "ipv4.pooling": row.pooling}
        if row.rule == "sequential":
            expected["ipv4.port_allocation.delta"] = 1
    elif row.mapping is not None:
        expected |= {"ipv4.port_allocation.rule": None, "ipv4.layers": 0, "ipv4.cgn": False}
    if row.mapping is not None:
        expected |= {"tcp.mapping": row.mapping, "tcp.filtering": tcp_filtering(row), "mtu_bytes": row.mtu}
        if row.nat:
            yield from check_hops(row, probed)
    if row.filtering6:
        expected |= {"ipv6.nat": row.translation6 != "none", "ipv6.mapping": EI, "ipv6.filtering": row.filtering6,
                     "ipv6.translation": row.translation6, "ipv6.temporary": False, "nat64.clat": False,
                     "ipv6.address_kind": "documentation" if row.translation6 == "none" else "unique-local"}
    yield from differences(probed, expected)


def check_single(row: Row, probed: programs.Probed):
    """With one address and two ports, only what depends on ports can be told from what does not."""
    if row.mapping is None:
        return
    left = {EI: [EI, AD], AD: [EI, AD], APD: APD}
    yield from differences(probed, {"udp": "ok", "ipv4.nat": row.nat, "ipv4.mapping": left[row.mapping],
                                    "ipv4.filtering": left[row.filtering]})


def check_hairpin(row: Row, probed: programs.Probed):
    """Where each destination is shown another port, two sockets cannot know where the other one is."""
    yield from differences(probed, {"ipv4.hairpin": "hairpin=yes" in row.spec if row.mapping == EI else None})


def check_lifetime(row: Row, probed: programs.Probed):
    """Within some seconds, and hardly later than the mapping was gone."""
    given = [one.removeprefix("lifetime=").removesuffix("s") for one in row.spec.split(",") if one.startswith("lifetime=")]
    truth, refresh = (float(given[0]), "outbound") if given else (KERNEL_LIFETIME_S, "both")
    found = probed.value("ipv4.mapping_lifetime_ms")
    if found is None or abs(found / 1000 - truth) > MOST_OFF_S:
        yield f"a mapping lives for {found} ms, not {truth} s"
    elif probed.value("elapsed_ms") / 1000 > truth + 3 * MOST_OFF_S:
        yield f"that took {probed.value('elapsed_ms')} ms"
    yield from differences(probed, {"ipv4.mapping_refresh": refresh, "ipv4.mapping": row.mapping, "ipv4.filtering": row.filtering})


def check_lossy(row: Row, probed: programs.Probed):
    """Loss may leave things open; it must not make them wrong."""
    for path, truth in (("ipv4.mapping", row.mapping), ("ipv4.filtering", row.filtering)):
        found = list(programs.members(probed.value(path)))
        if found and truth not in found:
            yield f"{path} is {found}, not {truth}"
    if probed.value("udp") == "blocked":
        yield "udp is blocked"


@dataclass
class Measured:
    host: str
    row: Row
    run: str
    probed: programs.Probed
    complaints: list[str]

    def late(self) -> bool:
        """Blocked UDP takes as long as it takes to be sure; loss makes nat-probe ask again; a set is another question."""
        return self.run in ("1st", "2nd") and self.row.mapping is not None and self.probed.value("elapsed_ms") > LIMIT_MS

    def show(self) -> None:
        found = " ".join("|".join(SHORT[one] for one in programs.members(self.probed.value(f"ipv4.{key}"))) or "-"
                         for key in ("mapping", "filtering"))
        ports = " ".join(str("-" if (value := self.probed.value(f"ipv4.{key}")) is None else value) for key in ("port_allocation.rule", "pooling", "layers"))
        print(f"{self.host:<5} {self.row.spec:<38} {self.run:<6} {found:<14} {self.probed.value('labels.rfc3489') or '-':<21}{ports:<22}"
              f"{self.probed.value('elapsed_ms') or 0:>7.0f} ms {self.probed.value('packets_sent') or 0:>3} packets"
              f" {'late' if self.late() else '':<5}{'WRONG: ' + '; '.join(self.complaints) if self.complaints else ''}", flush=True)


def measure(host: str, row: Row, run: str, check, *arguments: str) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        trace = f"{folder}/trace.json"
        probed = programs.nat_probe(*arguments, "--record", trace, host=host, seconds=MOST_SECONDS)
        replayed = programs.nat_probe("--replay", trace)
    complaints = list(check(row, probed))
    if replayed.stdout != probed.stdout:
        complaints.append(f"its trace tells something else: {replayed.stdout}")
    if probed.exit != 0 and not (check is check_lossy and probed.exit == 3):
        complaints.append(f"it ended with {probed.exit}")
    if complaints:
        complaints.append(str(probed))
    return Measured(host, row, run, probed, complaints)


def measure_network(index: int, row: Row, lab: str) -> list[Measured]:
    """One run after the other, so that each but the first finds what the one before has left in the NAT."""
    whole, done = [WHOLE] + ([SERVER6] if row.filtering6 else []), []
    for host in names_of(index, row):
        if lab == "hairpin":
            done += [measure(host, row, run, check_hairpin, "--hairpin", *whole) for run in ("1st", "2nd")]
            continue
        if lab.startswith("lifetime"):
            done.append(measure(host, row, "life", check_lifetime, "--lifetime", *whole))
            continue
        if lab == "lossy":
            done += [measure(host, row, f"run {n + 1}", check_lossy, *whole) for n in range(LOSSY_RUNS)]
            continue
        done += [measure(host, row, run, check_whole, *whole) for run in ("1st", "2nd")]
        if row.mapping is not None:
            done.append(measure(host, row, "single", check_single, "198.51.100.3"))
    for one in done:
        one.show()
    return done


def servers_of(lab: str) -> list[list[str]]:
    """The arguments of each rendezvousd. One without any serves on all addresses, as most people will run it."""
    if lab in ("lossy", "hairpin", "lifetime", "lifetime-long"):
        return [[]]
    over_ipv6 = ["--listen", "[2001:db8:ffff::1]", "--alternate", "[2001:db8:ffff::2]"] if programs.HAS_IPV6 else []
    return [["--listen", "198.51.100.1", "--alternate", "198.51.100.2", *over_ipv6], ["--listen", "198.51.100.3"],
            ["--listen", f"{WHOLE}:443"]]


def at_once(options) -> int:
    """Who lets sockets rest measures nothing meanwhile."""
    return 1 if options.strict_time else len(LABS[options.lab]) if options.lab.startswith("lifetime") else AT_ONCE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strict-time", action="store_true")
    parser.add_argument("lab", choices=LABS, nargs="?", default="behaviours")
    options = parser.parse_args()
    rows = list(enumerate(rows_of(options.lab), start=1))
    programs.beside_a_lab(*(spec_of(index, row) for index, row in rows))

    with contextlib.ExitStack() as running, ThreadPoolExecutor(at_once(options)) as pool:
        for server in servers_of(options.lab):
            running.enter_context(programs.serve(*server, host="server")[0])
        done = [each for network in pool.map(lambda item: measure_network(*item, options.lab), rows) for each in network]
    wrong = sum(bool(each.complaints) for each in done)
    late = sum(each.late() for each in done)
    times = sorted(each.probed.value("elapsed_ms") for each in done if each.run in ("1st", "2nd") and each.row.mapping is not None)
    print(f"{len(done)} runs, {wrong} wrong" + (f"; {late} of {len(times)} took longer than {LIMIT_MS:.0f} ms (3 round trips + guard + 100 ms), "
          f"median {times[len(times) // 2]:.0f} ms, longest {times[-1]:.0f} ms" if times else ""))
    return int(wrong > 0 or (options.strict_time and late > 0))


if __name__ == "__main__":
    sys.exit(main())
