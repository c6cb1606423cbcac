"""How long a NAT's classification takes: nat-probe against turnutils_natdiscovery, in turn, behind one NAT.

Run through scripts/bench probe, which builds what is measured. The clock is this script's own, from start to end of the
process, and it runs inside the host's namespace, so that entering the namespace is not measured.
"""

import argparse
import json
import os
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
RIGHT = "address-and-port-dependent"  # the filtering of a port-restricted NAT

CONTENDERS = {
    "nat-probe at rendezvousd": [str(BIN / "nat-probe"), "--json", "-4", SERVER],
    "nat-probe at coturn": [str(BIN / "nat-probe"), "--json", "-4", f"{SERVER}:{COTURN_PORT}"],
    "turnutils_natdiscovery -m -f at coturn": ["turnutils_natdiscovery", "-m", "-f", "-p", COTURN_PORT, SERVER],
}
OURS, THEIRS = "nat-probe at rendezvousd", "turnutils_natdiscovery -m -f at coturn"


def verdict(command: list[str], output: str) -> str:
    """mapping and filtering in RFC 4787's words, whoever speaks."""
    if "--json" in command:
        facts = json.loads(output).get("ipv4") or {}
        return f"{facts.get('mapping')}, {facts.get('filtering')}"
    text = output.lower().replace(" and ", "-and-")
    words = [behavior for what in ("mapping", "filtering") for behavior in
             ("endpoint-independent", "address-and-port-dependent", "address-dependent")
             if f"{behavior.replace('-dependent', ' dependent').replace('-independent', ' independent')} {what}" in text]
    return ", ".join(words)


def measure(rounds: int) -> dict[str, dict]:
    """Inside the host: one after the other, `rounds` times, so that a disturbance meets all alike."""
    results = {name: {"seconds": [], "verdicts": set()} for name in CONTENDERS}
    for _ in range(rounds):
        for name, command in CONTENDERS.items():
            start = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            results[name]["seconds"].append(time.monotonic() - start)
            results[name]["verdicts"].add(verdict(command, done.stdout))
    return {name: {"seconds": one["seconds"], "verdicts": sorted(one["verdicts"])} for name, one in results.items()}


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
    print(f"port-restricted NAT, 50 ms round trip, {options.rounds} rounds in turn, whole process, milliseconds")
    print(f"{'':<40} {'median':>8} {'least':>8} {'most':>8}  verdict (mapping, filtering)")
    for name, one in results.items():
        times = [seconds * 1000 for seconds in one["seconds"]]
        print(f"{name:<40} {statistics.median(times):>8.0f} {min(times):>8.0f} {max(times):>8.0f}  {' or '.join(one['verdicts'])}")
    ratio = statistics.median(results[THEIRS]["seconds"]) / statistics.median(results[OURS]["seconds"])
    print(f"ratio of medians: {ratio:.1f}")
    wrong = [name for name, one in results.items() if any(RIGHT not in verdict for verdict in one["verdicts"])]
    for name in wrong:
        print(f"wrong verdict: {name}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
