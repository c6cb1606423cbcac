"""What is found out of a NAT, and how long that takes: nat-probe against programs of others, in turn, behind one NAT.

Run through scripts/bench probe, which builds what is measured. The clock is this script's own, from start to end of the
process, and it runs inside the host's namespace, so that entering the namespace is not measured.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NATLAB = ROOT / "scripts" / "natlab"
BIN = ROOT / "build" / "release" / "bin"
SERVER, ALTERNATE = "198.51.100.1", "198.51.100.2"  # natlab's server
COTURN_PORT = "5478"  # the same host serves both, so that both are equally far away
MAPPING, FILTERING = "endpoint-independent", "address-and-port-dependent"  # of a port-restricted NAT
RTT_MS, MOST_OFF_MS = 50.0, 10.0

CONTENDERS = {
    "nat-probe": [str(BIN / "nat-probe"), "--json", "-4", SERVER],
    "nat-probe --hairpin": [str(BIN / "nat-probe"), "--json", "-4", "--hairpin", SERVER],
    "nat-probe, asking coturn": [str(BIN / "nat-probe"), "--json", "-4", f"{SERVER}:{COTURN_PORT}"],
    "stun 0.97": ["stun", SERVER],
    "turnutils_natdiscovery -m -f": ["turnutils_natdiscovery", "-m", "-f", "-p", COTURN_PORT, SERVER],
}
OURS = "nat-probe"
FACTS = ("a NAT", "public address", "mapping", "filtering", "port kept", "rule of ports", "pooling", "hairpin", "rewriting", "round trip")


def truth() -> dict:
    """Of natlab's port-restricted NAT, which the kernel is."""
    return {"a NAT": True, "public address": os.environ["NATLAB_HOME_PUBLIC"], "mapping": MAPPING, "filtering": FILTERING, "port kept": True,
            "rule of ports": "preserving", "pooling": "paired", "hairpin": False, "rewriting": False, "round trip": True}


def facts_of_report(output: str) -> dict:
    report = json.loads(output)
    family, server = report.get("ipv4") or {}, report["servers"][0]
    found = {"a NAT": family.get("nat"), "public address": family.get("mapped", "").partition(":")[0], "mapping": family.get("mapping"),
             "filtering": family.get("filtering"), "port kept": family.get("port_preserved"), "rule of ports": family["port_allocation"]["rule"],
             "pooling": family.get("pooling"), "hairpin": family.get("hairpin"), "rewriting": family.get("rewritten"),
             "round trip": abs(server["rtt_ms"] - RTT_MS) < MOST_OFF_MS if server["rtt_ms"] else None}
    return {name: value for name, value in found.items() if value is not None}


def facts_of_stun(output: str) -> dict:
    """One line, as in `Primary: Independent Mapping, Port Dependent Filter, preserves ports, no hairpin`."""
    words = {"independent mapping": ("mapping", MAPPING), "port dependent filter": ("filtering", FILTERING), "preserves ports": ("port kept", True),
             "random port": ("port kept", False), "no hairpin": ("hairpin", False), "will hairpin": ("hairpin", True)}
    line = next((line.lower() for line in output.splitlines() if line.startswith("Primary:")), "")
    found = dict(fact for word, fact in words.items() if word in line)
    return found | ({"a NAT": True} if "mapping" in line else {})


def facts_of_natdiscovery(output: str) -> dict:
    text = output.lower().replace(" and ", "-and-")
    found = {}
    for what in ("mapping", "filtering"):
        for behavior in ("endpoint-independent", "address-and-port-dependent", "address-dependent"):
            if what not in found and f"nat with {behavior.replace('-dependent', ' dependent').replace('-independent', ' independent')} {what}" in text:
                found |= {what: behavior, "a NAT": True}
    if address := re.search(r"udp reflexive addr: ([0-9.]+):", text):
        found["public address"] = address[1]
    if "no alg: mapped == xor-mapped" in text:
        found["rewriting"] = False
    return found


def facts(command: list[str], output: str) -> dict:
    if "--json" in command:
        return facts_of_report(output)
    return facts_of_stun(output) if command[0] == "stun" else facts_of_natdiscovery(output)


def measure(rounds: int) -> dict[str, dict]:
    """Inside the host: one after the other, `rounds` times, so that a disturbance meets all alike."""
    results = {name: {"seconds": [], "right": [], "wrong": []} for name in CONTENDERS}
    for _ in range(rounds):
        for name, command in CONTENDERS.items():
            start = time.monotonic()
            # Without a cache, so that nobody is given the answers of the run before.
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "XDG_CACHE_HOME": "/dev/null"})
            results[name]["seconds"].append(time.monotonic() - start)
            found, true = facts(command, done.stdout), truth()
            results[name]["right"].append([fact for fact in true if found.get(fact) == true[fact]])
            results[name]["wrong"].append([fact for fact in found if found[fact] != true[fact]])
    return results


def start_server(lab: str, command: list[str], ready: str, scratch: str) -> subprocess.Popen:
    process = subprocess.Popen([NATLAB, "exec", "--name", lab, "server", "--", *command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=scratch)
    for line in process.stdout:
        if ready in line:
            return process
    sys.exit(f"{command[0]} did not start")


def compare(rounds: int) -> dict[str, dict]:
    lab = f"bench-{os.getpid()}"
    servers = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            up = subprocess.run([NATLAB, "up", "--name", lab, "home=port-restricted,delay=25ms"], capture_output=True, text=True)
            if up.returncode != 0:
                sys.exit(up.stderr)
            servers.append(start_server(lab, [str(BIN / "rendezvousd"), "--listen", SERVER, "--alternate", ALTERNATE], "ready", scratch))
            servers.append(start_server(lab, [
                "turnserver", "-n", "-S", "--no-auth", "--no-cli", "--no-tls", "--no-dtls", "-L", SERVER, "-L", ALTERNATE,
                "--listening-port", COTURN_PORT, "--log-file", "stdout", "--pidfile", f"{scratch}/pid", "--userdb", f"{scratch}/db"],
                "SQLite DB connection success", scratch))
            time.sleep(1)  # coturn says nothing when its sockets are open
            inside = [NATLAB, "exec", "--name", lab, "home", "--", sys.executable, __file__, "--inside", "--rounds", str(rounds)]
            return json.loads(subprocess.run(inside, check=True, stdout=subprocess.PIPE, text=True).stdout)
        finally:
            for server in servers:
                server.terminate()
            subprocess.run([NATLAB, "down", "--name", lab], capture_output=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench probe")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(measure(options.rounds)))
        return 0
    results = compare(options.rounds)
    show(results, options.rounds)
    wrong = {name: one["wrong"] for name, one in results.items() if any(one["wrong"])}
    for name, facts_told in wrong.items():
        print(f"wrong: {name}: {facts_told}", file=sys.stderr)
    return int(OURS in wrong)


def show(results: dict[str, dict], rounds: int) -> None:
    print(f"port-restricted NAT of the kernel, {RTT_MS:.0f} ms from the server, {rounds} rounds in turn, whole process; facts of {len(FACTS)}\n"
          f"{'':<32} {'median':>8} {'longest':>8} {'ratio':>6} {'right':>6} {'wrong':>6}  which")
    ours = statistics.median(results[OURS]["seconds"])
    for name, one in results.items():
        median = statistics.median(one["seconds"])
        least = min(one["right"], key=len)
        print(f"{name:<32} {median * 1000:>5.0f} ms {max(one['seconds']) * 1000:>5.0f} ms {median / ours:>6.1f} {len(least):>6}"
              f" {max(map(len, one['wrong'])):>6}  {', '.join(least)}")


if __name__ == "__main__":
    sys.exit(main())
