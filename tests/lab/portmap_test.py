#!/usr/bin/env python3
"""upnp-map against a real miniupnpd, with real packets through what it maps.

    tests/lab/portmap_test.py [TEST…]      without a name: all of them; --list names them
    NATKIT_KILLS=200 NATKIT_SEED=7 tests/lab/portmap_test.py kill      more, other moments
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mapper_lab import (CLIENT, CLIENT6, INNER_CLIENT, OTHER, WAN, WAN2, WAN6, WAN_ROUTER,  # noqa: E402
                        Lab, enter, lab, run)
from programs import NO_CACHE, Program, own  # noqa: E402

TOOL = own("upnp-map")
# A sanitized build on a busy machine is slower than the real thing; speed is measured by scripts/bench portmap.
WAIT = 20.0

ECHO = """
import socket, sys
family, kind, address, port = sys.argv[1:5]
s = socket.socket(getattr(socket, family), getattr(socket, kind))
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((address, int(port)))
if kind == "SOCK_STREAM": s.listen()
print("ready", flush=True)
while True:
    if kind == "SOCK_DGRAM":
        data, peer = s.recvfrom(2048); s.sendto(b"echo " + data, peer)
    else:
        c, peer = s.accept(); c.sendall(b"echo " + c.recv(2048)); c.close()
"""
SAY = """
import socket, sys
family, kind, address, port, patience = sys.argv[1:6]
for attempt in range(3):
    s = socket.socket(getattr(socket, family), getattr(socket, kind)); s.settimeout(float(patience))
    try:
        s.connect((address, int(port))); s.sendall(b"hello"); print(s.recv(2048).decode()); sys.exit(0)
    except OSError as error:
        last = error
print(last); sys.exit(1)
"""


class Tool:
    """upnp-map on one host, as a plain user, with a journal of its own."""

    def __init__(self, net: Lab, host: str = "client"):
        self.net, self.host = net, host
        self.state = net.folder / f"state-{host}"
        self.state.mkdir(exist_ok=True)
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.state), "XDG_CONFIG_HOME": str(self.state),
                            "HOME": str(self.state)}

    def command(self, *arguments: str) -> list[str]:
        return [*self.net.plainly(self.host), TOOL, *arguments]

    def __call__(self, *arguments: str, exit: int = 0) -> dict:
        done = run(*self.command(*arguments, "--json"), env=self.environment)
        assert done.returncode == exit, f"{arguments}: {done.returncode}, not {exit}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(self.command(*arguments), env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Events:
    """What `hold --json` says, an object a line."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.seen: list[dict] = []

    def wait_for(self, *names: str) -> dict:
        for line in self.process.stdout:
            event = json.loads(line)
            self.seen.append(event)
            if event.get("event") in names:
                return event
        raise AssertionError(f"no {names} but {self.seen}; {self.process.stderr.read()}")


def kinds(protocol: str) -> str:
    return "SOCK_DGRAM" if protocol == "udp" else "SOCK_STREAM"


@contextmanager
def echo(net: Lab, host: str, address: str, protocol: str, port: int):
    family = "AF_INET6" if ":" in address else "AF_INET"
    server = Program(*net.at(host), sys.executable, "-c", ECHO, family, kinds(protocol), address, str(port))
    try:
        server.wait_for("ready")
        yield
    finally:
        server.end()


def gets_through(net: Lab, address: str, protocol: str, port: int, patience: float = 2.0) -> bool:
    family = "AF_INET6" if ":" in address else "AF_INET"
    return run(*net.at("wan"), sys.executable, "-c", SAY, family, kinds(protocol), address, str(port),
               str(patience)).stdout.startswith("echo hello")


def is_shut(net: Lab, address: str, protocol: str, port: int) -> bool:
    return not gets_through(net, address, protocol, port, 0.2)


def port_of(endpoint: str) -> int:
    return int(endpoint.rsplit(":", 1)[1])


def wait_until(what, why: str, seconds: float = WAIT) -> float:
    begin = time.monotonic()
    while not what():
        assert time.monotonic() - begin < seconds, why
        time.sleep(0.005)  # a router is asked from outside: there is no event to wait for
    return time.monotonic() - begin


def test_each_protocol():
    """add, list, renew, remove over each method for UDP and TCP; a packet arrives through each, none after removal."""
    for protocols, methods in (("all", ("pcp", "nat-pmp", "upnp")), ("upnp", ("upnp",))):
        with lab() as net:
            net.start_mapper(protocols=protocols)
            tool = Tool(net)
            for number, method in enumerate(methods):
                for protocol in ("udp", "tcp"):
                    port = 7000 + 10 * number + (protocol == "tcp")
                    with echo(net, "client", CLIENT, protocol, port):
                        assert is_shut(net, WAN_ROUTER, protocol, port), "open before it was mapped"
                        via = ["--via", method] if protocols == "all" else []
                        made = tool("add", str(port), "--protocol", protocol, "--lease", "10m", *via)
                        assert made["via"] == method and made["protocol"] == protocol, made
                        assert made["internal"] == f"{CLIENT}:{port}" and made["external"] == f"{WAN_ROUTER}:{port}", made
                        assert 0 < made["lease_ms"] <= 600000 and made["verified"] is None, made
                        assert gets_through(net, WAN_ROUTER, protocol, port), f"no packet through {method} {protocol}"
                        listed = tool("list")["mappings"]
                        assert any((one["external_port"], one["protocol"]) == (port, protocol) for one in listed), listed
                        again = tool("add", str(port), "--protocol", protocol, "--lease", "20m", *via)
                        assert again["external"] == made["external"] and again["lease_ms"] > 600000, again
                        assert len(net.mappings()) == 2, net.mappings()  # one dnat, one accept: no second mapping
                        tool("remove", f"{port}/{protocol}")
                        assert is_shut(net, WAN_ROUTER, protocol, port), f"open after removal: {method} {protocol}"
                        assert net.mappings() == [], net.mappings()


def test_nothing_left_by_losers():
    """The race leaves one mapping, whoever wins it."""
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        made = tool("add", "7100", "--protocol", "both")
        assert {one["protocol"] for one in made["mappings"]} == {"udp", "tcp"}, made
        assert len(net.mappings()) == 4, net.mappings()
        tool("remove", "--all-ours")
        assert net.mappings() == [], net.mappings()


def test_other_host_owns_port():
    """718 and its kin: another port where any will do, a refusal with a reason where not."""
    for protocols in ("upnp", "all"):
        with lab() as net:
            net.start_mapper(protocols=protocols)
            first, second = Tool(net), Tool(net, "other")
            assert port_of(first("add", "7200")["external"]) == 7200
            other = second("add", "7200", "--external", "any")
            assert port_of(other["external"]) not in (0, 7200), other
            assert len(net.mappings()) == 4, net.mappings()


def test_pinhole():
    """IPv6: dropped before, through a pinhole by PCP and by UPnP, dropped after."""
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        for method, port in (("pcp", 7300), ("upnp", 7301)):
            with echo(net, "client", CLIENT6, "udp", port):
                assert is_shut(net, CLIENT6, "udp", port)
                made = tool("pinhole", CLIENT6, str(port), "--protocol", "udp", "--via", method)
                assert made["via"] == method, made
                assert gets_through(net, CLIENT6, "udp", port), f"no packet through the pinhole by {method}"
                tool("remove", "--all-ours")
                assert is_shut(net, CLIENT6, "udp", port), f"still open: {method}"


def test_double_nat():
    """Through two routers with one command; removed together; the inner taken back when the outer refuses."""
    with lab(double=True) as net:
        net.start_mapper("inner", external="11.9.9.9")  # miniupnpd 2.3.1 maps nothing with a private address outside
        net.start_mapper("router")
        tool = Tool(net, "deep")
        with echo(net, "deep", INNER_CLIENT, "udp", 7400):
            made = tool("add", "7400", "--through-all")
            assert made["external"].startswith(WAN_ROUTER + ":") and len(made["layers"]) == 2, made
            port = port_of(made["external"])
            assert gets_through(net, WAN_ROUTER, "udp", port), "no packet through two NATs"
            assert net.mappings("inner") and net.mappings("router")
            tool("remove", "--all-ours")
            assert net.mappings("inner") == [] and net.mappings("router") == [], (net.mappings("inner"), net.mappings("router"))
        net.stop_mapper("router")
        tool("add", "7401", "--through-all", exit=6)
        assert net.mappings("inner") == [], "the inner mapping was left behind"


def test_next_run_renews():
    """PCP's nonce is carried over: another run renews and removes, on a server that checks it when it deletes."""
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        first = tool("add", "7500", "--via", "pcp", "--lease", "2m")
        second = tool("add", "7500", "--via", "pcp", "--lease", "30m")
        assert second["external"] == first["external"] and second["lease_ms"] > first["lease_ms"], (first, second)
        assert len(net.mappings()) == 2
        tool("remove", "7500")
        assert net.mappings() == []
        journal = list(tool.state.rglob("port-mappings.journal"))
        assert journal and journal[0].stat().st_mode & 0o777 == 0o600


def test_hold_renews_and_releases():
    """hold renews in time, and takes everything back on Ctrl-C and when its command ends."""
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        held = tool.start("hold", "7600", "--lease", "12s", "--json")
        events = Events(held)
        events.wait_for("granted")
        assert net.mappings()
        events.wait_for("renewed")
        held.send_signal(signal.SIGINT)
        assert held.wait(WAIT) in (130, -signal.SIGINT), held.returncode
        assert net.mappings() == []
        done = run(*tool.command("hold", "7601", "--", "sh", "-c", 'echo "$NATKIT_EXTERNAL"; exit 7'), env=tool.environment)
        assert done.returncode == 7 and f"{WAN_ROUTER}:7601" in done.stdout, done
        assert net.mappings() == []


def test_router_restart():
    """The daemon comes back with an empty table: mapping back, same external port, within 2 s of its return."""
    for protocols in ("all", "upnp"):
        with lab() as net:
            net.start_mapper(protocols=protocols)
            tool = Tool(net)
            held = tool.start("hold", "7700", "--json")
            events = Events(held)
            events.wait_for("granted")
            net.stop_mapper()
            net.forget_mappings()
            assert net.mappings() == []
            net.start_mapper(protocols=protocols)
            took = wait_until(lambda: any("7700" in one for one in net.mappings()), "the mapping did not come back", 30)
            print(f"  {protocols}: back {took * 1000:.0f} ms after the router serves again", flush=True)
            assert took <= 2.0, took
            held.send_signal(signal.SIGTERM)
            held.wait(WAIT)
            assert net.mappings() == [], net.mappings()


def test_kill():
    """kill -9 at random moments of add, hold and remove: after gc nothing is left that was not asked to stay."""
    kills, seed = int(os.environ.get("NATKIT_KILLS", "30")), int(os.environ.get("NATKIT_SEED", "1"))
    print(f"  seed {seed}, {kills} kills", flush=True)
    chance = random.Random(seed)
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        begin = time.monotonic()
        tool("add", "7800")
        whole = time.monotonic() - begin
        tool("remove", "--all-ours")
        whole_ones = 0
        for number in range(kills):
            command = ("add", "hold", "remove")[number % 3]
            method = chance.choice(("pcp", "nat-pmp", "upnp", None))
            via = ["--via", method] if method else []
            if command == "remove":
                tool("add", "7801", *via)
            arguments = ["remove", "7801"] if command == "remove" else [command, "7801", *via]
            process = tool.start(*arguments)
            time.sleep(chance.uniform(0, 1.5 * whole))  # the random moment
            process.kill()
            said = process.communicate()[0]
            tool("gc")
            # Not begun is not left behind: an add that has told its answer was asked to stay, and a remove that had not
            # yet written what it was about to do has left a mapping that is still whole, listed and removable.
            is_whole = command == "remove" or (command == "add" and "7801" in said)
            if net.mappings() and is_whole:
                assert any(one["owner"] == "ours" for one in tool("list")["mappings"]), "mapped, but forgotten"
                tool("remove", "7801")
                whole_ones += 1
            assert net.mappings() == [], f"kill {number} (seed {seed}) of {arguments}: {net.mappings()}"
            journal = next(tool.state.rglob("port-mappings.journal"))
        print(f"  {whole_ones} adds were through, or removes not begun, when they were killed; {journal.stat().st_size} bytes",
              flush=True)


def test_no_router():
    """Nobody there: said in about a second, with what was tried."""
    with lab() as net:
        begin = time.monotonic()
        said = tool_error(Tool(net)("add", "7900", exit=3))
        print(f"  {(time.monotonic() - begin) * 1000:.0f} ms", flush=True)
        assert said["advice"], said


def journal_size(tool: Tool) -> int:
    return sum(journal.stat().st_size for journal in tool.state.rglob("*.journal"))


def test_interrupted_before_an_answer():
    """Ctrl-C while nobody answers: said as such; what was asked for is no mapping, and listed once at most."""
    with lab() as net:
        tool = Tool(net)
        for command in ("hold", "add", "hold"):
            before = journal_size(tool)
            process = tool.start(command, "7910", "--json")
            wait_until(lambda: journal_size(tool) > before, "nothing was written down")
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=WAIT)[0]
            assert process.returncode in (130, -signal.SIGINT), process.returncode
            assert tool_error(json.loads(said.splitlines()[-1]))["reason"] == "interrupted", said
        net.start_mapper()
        status = tool("status")
        assert status["state"] == "possible", status
        assert all(one["lease_ms"] is None for one in status["mappings"]) and len(status["mappings"]) <= 1, status
        tool("add", "7910")
        listed = tool("list")["mappings"]
        assert [(one["source"], one["via"], one["external_port"]) for one in listed] == [("both", "pcp", 7910)], listed


def test_one_router_two_addresses():
    """A router with an IPv4 and an IPv6 address is told to be one device, and its mappings are listed once."""
    with lab() as net:
        net.start_mapper()
        tool = Tool(net)
        first, again = tool("discover")["gateways"]
        assert first["same_as"] is None and again["same_as"] == first["address"] and first["udn"] == again["udn"], again
        for method, port in (("upnp", "7920"), ("pcp", "7921"), ("nat-pmp", "7922")):
            tool("add", port, "--via", method)
        rows = tool("list")["mappings"]
        assert sorted((one["external_port"], one["source"]) for one in rows) == [
            (7920, "both"), (7921, "both"), (7922, "both")], rows


def test_cut_short():
    """A search that was cut short before silence is clear gives no verdict about the router."""
    with lab() as net:
        tool = Tool(net)
        assert tool_error(tool("discover", "--timeout", "300ms", exit=3))["reason"] == "timed-out"
        assert tool_error(tool("discover", exit=3))["reason"] == "silent"


def test_answer_lost():
    """An answer that cannot be written leaves nothing behind: nobody would know what to remove."""
    with lab() as net, open("/dev/full", "w") as full:
        net.start_mapper()
        tool = Tool(net)
        for shape in ([], ["--json"]):
            done = subprocess.run(tool.command("add", "7930", *shape), env=tool.environment, stdout=full, timeout=WAIT)
            assert done.returncode == 2 and net.mappings() == [], (done, net.mappings())
        assert tool("list")["mappings"] == []


def tool_error(answer: dict) -> dict:
    assert set(answer["error"]) >= {"reason", "detail", "advice"}, answer
    return answer["error"]


def test_verify():
    """Open is said of what is open, and of nothing else: shadowed by a static rule, host firewall."""
    with lab() as net:
        net.start_mapper()
        server = Program(*net.at("wan"), own("rendezvousd"), "--listen", WAN, "--alternate", WAN2)
        net.processes.append(server.process)
        server.wait_for("^ready")
        tool = Tool(net)
        for protocol in ("udp", "tcp"):
            made = tool("add", "8000", "--protocol", protocol, "--verify", WAN)
            assert made["verified"] is True, made
            tool("remove", "--all-ours")
        # The client's own firewall drops what comes in.
        net.do("client", "nft add table inet own")
        net.do("client", "nft add chain inet own in { type filter hook input priority 0 ; }")
        net.do("client", f"nft add rule inet own in ip saddr {{ {WAN} , {WAN2} }} udp dport 8001 drop")
        shut = tool("add", "8001", "--verify", WAN, exit=1)
        assert shut["verified"] is False, shut
        # A rule of the router's owner comes before those of the daemon.
        tool("remove", "--all-ours")
        net.rules("router", f'iifname "wan" udp dport 8002 dnat ip to {OTHER}:8002 ;')
        shadowed = tool("add", "8002", "--external", "8002", "--verify", WAN, exit=1)
        assert shadowed["verified"] is False, shadowed
        assert tool("check", "8003", "--server", WAN, exit=1)


def test_probe_sees_it():
    """nat-probe tells who maps ports, and makes no mapping."""
    with lab() as net:
        net.start_mapper()
        server = Program(*net.at("wan"), own("rendezvousd"), "--listen", WAN, "--alternate", WAN2)
        net.processes.append(server.process)
        server.wait_for("^ready")
        seen = json.loads(run(*net.plainly("client"), own("nat-probe"), "--json", WAN, env={**os.environ, "XDG_CACHE_HOME": NO_CACHE}).stdout)["port_mapping"]
        assert seen["pcp"]["available"] is True and seen["nat_pmp"]["available"] is True, seen
        assert seen["nat_pmp"]["external"] == WAN_ROUTER, seen
        assert net.mappings() == []


TESTS = {name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")}


def main(names: list[str]) -> None:
    if names == ["--list"]:
        return print("\n".join(TESTS))
    unknown = [name for name in names if name not in TESTS]
    if unknown:
        sys.exit(f"no such test: {', '.join(unknown)}; --list names them")
    enter()
    for name in names or TESTS:
        print(f"{name}: {TESTS[name].__doc__}", flush=True)
        TESTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
