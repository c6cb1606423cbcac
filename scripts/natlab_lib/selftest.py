"""`natlab selftest`: raises labs with one network per row, sends the prober into each, and compares with the label."""
import json
import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import catalogue, expectations, keeper, spec, tools
from .errors import Exit, LabError
from .plan import SERVER_ADDRESSES, SERVER_ADDRESSES6
from .spec import FIREWALLS, INBOUND, MAX_NETWORKS, Network

PROBER = str(Path(__file__).with_name("prober.py"))
PYTHON = [sys.executable, "-IS"]
AT_A_TIME = 12       # probers; more would wait for the processor and mistake that for silence
ROW_SECONDS = 60.0
STREAM_PACKETS = 600


@dataclass
class Row:
    """One line of the table."""
    text: str              # TYPE[,option…], as in a SPEC
    link: bool = False     # this row is about delay and loss
    found: dict = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


def type_rows(quick: bool) -> list[Row]:
    rows = []
    for kind in catalogue.KINDS.values():
        vias = kind.vias[:1] if quick else kind.vias
        inbounds = (("drop",) if quick or not kind.takes_inbound else ("drop", "reject") if kind.name in FIREWALLS else INBOUND)
        rows += [Row(f"{kind.name},via={via}" + (f",inbound={inbound}" if kind.takes_inbound else "")) for via in vias for inbound in inbounds]
    return rows


EXTRA_ROWS = ["cgn,carrier=apdm-apdf", "cgn,homes=2", "cgn,homes=2,via=router,hairpin=yes", "cgn,carrier=eim-eif,via=router", "eim-apdf,ipv6", "public,ipv6", "firewall,ipv6,inbound=reject",
              "apdm-adf,ipv6,via=router", "eim-apdf,via=router,pool=4",
              "apdm-apdf,via=router,ports=overloading,inbound=accept", "apdm-apdf,via=router,ports=overloading",
              "apdm-apdf,via=router,ports=parity", "eim-apdf,lan=10.20.0.0/16"]
LINK_ROWS = ["eim-apdf,delay=25ms", "apdm-apdf,via=router,delay=25ms,jitter=10ms", "public,delay=10ms,loss=20%", "eim-eif,duplicate=30%"]


def choose_rows(options) -> list[Row]:
    rows = type_rows(options.quick) + [Row(text) for text in EXTRA_ROWS if not options.quick]
    rows += [Row(text, link=True) for text in (LINK_ROWS[:1] if options.quick else LINK_ROWS)]
    if options.only:
        wanted = {spec.find_kind(name).name for name in options.only}
        rows = [row for row in rows if row.text.split(",")[0] in wanted]
    return rows


def have_router() -> bool:
    try:
        tools.find_router()
        return True
    except LabError:
        return False


class Bench:
    """One lab with a row per network, the last network being the peer that hops are counted towards."""

    def __init__(self, rows: list[Row], number: int):
        self.rows = rows
        self.networks = spec.parse_all([f"r{n}={row.text}" for n, row in enumerate(rows, start=1)] + ["peer=public"])
        self.name = f"selftest-{os.getpid()}-{number}"
        self.servers: list[subprocess.Popen] = []

    def __enter__(self) -> "Bench":
        self.lab, self.lifeline = keeper.start(self.name, self.networks)
        for addresses in (SERVER_ADDRESSES[:2], SERVER_ADDRESSES6[:2]):
            self.serve("server", addresses)
        return self

    def __exit__(self, *_fault) -> None:
        keeper.stop(self.name)
        for server in self.servers:
            server.wait()

    def command(self, host: str, words: list[str]) -> list[str]:
        return [*PYTHON, sys.argv[0], "exec", "--name", self.name, host, "--", *PYTHON, PROBER, *words]

    def serve(self, host: str, addresses: list[str]) -> None:
        if addresses[0].startswith("2001:") and not self.lab["server"]["addresses6"]:
            return
        server = subprocess.Popen(self.command(host, ["serve", *addresses]), stdout=subprocess.PIPE)
        self.servers.append(server)
        if not select.select([server.stdout], [], [], ROW_SECONDS)[0] or server.stdout.readline() != b"ready\n":
            raise LabError("prober-failed", f"the prober does not serve on {host}", "", Exit.DEFECT)

    def ask(self, host: str, *words: str) -> dict:
        done = subprocess.run(self.command(host, list(words)), capture_output=True, text=True, timeout=ROW_SECONDS)
        if done.returncode != 0:
            raise LabError("prober-failed", f"prober.py {' '.join(words)} on {host}: {done.stderr.strip()[-300:]}", "", Exit.DEFECT)
        return json.loads(done.stdout)

    def prove(self, place: int) -> None:
        """Fills one row."""
        row, network, number = self.rows[place], self.networks[place], place + 1
        peer_number = len(self.networks)
        host = network.host_names[0]
        if not network.kind.has_ipv4:
            row.found = self.ask(host, "ask", *SERVER_ADDRESSES6[:2])
            row.complaints = expectations.check_ipv6(network, number, row.found)
            return
        row.found = self.ask(host, "ask", *SERVER_ADDRESSES[:2], f"203.0.113.{10 * peer_number}")
        row.found |= self.ask("server", "knock", f"203.0.113.{10 * number}")
        row.complaints = expectations.check(network, number, peer_number, row.found)
        if network.ipv6:
            row.found["ipv6"] = self.ask(host, "ask", *SERVER_ADDRESSES6[:2])
            row.complaints += expectations.check_ipv6(network, number, row.found["ipv6"])
        if network.kind.name == "same-lan":
            row.complaints += self.prove_neighbours(network, number)
        if network.homes > 1:
            row.complaints += self.prove_customers(network, number)

    def prove_neighbours(self, network: Network, number: int) -> list[str]:
        """The second host is reached by its private address, and has the same public one."""
        self.serve(network.host_names[1], [f"192.168.{number}.3"])
        direct = self.ask(network.host_names[0], "stream", f"192.168.{number}.3", "5")
        other = self.ask(network.host_names[1], "ask", *SERVER_ADDRESSES[:2])
        return (expectations.differ("packets answered directly", 5, len(direct["rtts"])) +
                expectations.differ("second host's public address", f"203.0.113.{10 * number}", (other["mapped"] or [None])[0]))

    def prove_customers(self, network: Network, number: int) -> list[str]:
        """The second home behind the same carrier has the same public address."""
        other = self.ask(network.host_names[1], "ask", *SERVER_ADDRESSES[:2])
        return expectations.differ("second home's public address", f"203.0.113.{10 * number}", (other["mapped"] or [None])[0])

    def prove_link(self, place: int) -> None:
        row, network = self.rows[place], self.networks[place]
        row.found = self.ask(network.host_names[0], "stream", SERVER_ADDRESSES[0], str(STREAM_PACKETS))
        row.complaints = expectations.check_stream(network, row.found)

    def prove_all(self) -> None:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(self.prove, [n for n, row in enumerate(self.rows) if not row.link]))
        for place, row in enumerate(self.rows):  # timing wants the machine for itself
            if row.link:
                self.prove_link(place)


SHORT = {"endpoint-independent": "independent", "address-dependent": "address", "address-and-port-dependent": "address+port", None: "-"}


def line(row: Row, width: int) -> str:
    verdict = "ok" if not row.complaints else "WRONG"
    if row.link:
        rtts = row.found.get("rtts") or [float("nan")]
        measured = f"{len(rtts)}/{row.found.get('sent', 0)} answers, RTT {rtts[0]:.1f}…{rtts[-1]:.1f} ms"
        return f"{verdict:<6} {row.text:<{width}} {measured}"
    refused = "ICMP error" if row.found.get("refused") else "silence"
    lost = ", port lost" if row.found.get("poisoned") and row.found["mapping"] == catalogue.EI else ""
    return (f"{verdict:<6} {row.text:<{width}} {SHORT[row.found.get('mapping')]:<13} {SHORT[row.found.get('filtering')]:<13} "
            f"{refused}{lost}")


def report(rows: list[Row], options, seconds: float) -> None:
    wrong = [row for row in rows if row.complaints]
    if options.json:
        print(json.dumps({"schema": "natkit/natlab/1", "ok": not wrong, "elapsed_ms": seconds * 1000, "rows": [
            {"network": row.text, "ok": not row.complaints, "complaints": row.complaints, "found": row.found} for row in rows]}))
        return
    width = max(len(row.text) for row in rows)
    print(f"{'':<6} {'network':<{width}} {'mapping':<13} {'filtering':<13} to unasked-for packets")
    for row in rows:
        print(line(row, width))
        for complaint in row.complaints:
            print(f"       {complaint}")
    print(f"{len(rows) - len(wrong)} of {len(rows)} rows right, {seconds:.1f} s")


def run(options) -> int:
    rows = choose_rows(options)
    if not have_router():
        rows = [row for row in rows if not spec.parse(f"r={row.text}").needs_wire]
        print("warning: natlab_router is not built, so only the kernel's NATs are tested", file=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # an exception, so that the labs are taken down
    started = time.monotonic()
    per_lab = MAX_NETWORKS - 1
    for number, first in enumerate(range(0, len(rows), per_lab)):
        with Bench(rows[first:first + per_lab], number) as bench:
            bench.prove_all()
    report(rows, options, time.monotonic() - started)
    return Exit.NO if any(row.complaints for row in rows) else Exit.OK
