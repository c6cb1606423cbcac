"""How long it takes from nothing to a confirmed port mapping: upnp-map against upnpc and natpmpc, in turn, at one router.

Run through scripts/bench portmap, which builds what is measured. The clock is this script's own, from start to end of the
process, and it runs inside the host's namespace, so that entering the namespace is not measured. The router is miniupnpd,
with all three protocols, with UPnP only, and not there at all. It has a processor of its own, as a router has: on a shared
one, whoever asks waits until the daemon has written its lease file.
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
sys.path.insert(0, str(ROOT / "tests" / "lab"))
from mapper_lab import CLIENT, enter, lab  # noqa: E402

TOOL = str(ROOT / "build" / "release" / "bin" / "upnp-map")
PORT = "7000"
OURS = [TOOL, "add", PORT, "--lease", "10m", "--json"]
UPNPC = ["upnpc", "-a", CLIENT, PORT, PORT, "udp", "600"]
NATPMPC = ["natpmpc", "-a", PORT, PORT, "udp", "600"]
# A router, who is measured there, and who is done only once because it takes so long.
ROUTERS = {
    "all three protocols": ("all", {"upnp-map add": OURS, "upnpc -a": UPNPC, "natpmpc -a": NATPMPC}, set()),
    "UPnP only": ("upnp", {"upnp-map add": OURS, "upnpc -a": UPNPC}, set()),
    "no router": (None, {"upnp-map add": OURS, "upnpc -a": UPNPC, "natpmpc -a": NATPMPC}, {"upnpc -a", "natpmpc -a"}),
}

# What a router does that maps nothing: it does not even refuse, as its firewall drops what it does not know.
SILENCE = "nft add chain inet filter input { type filter hook input priority 0; policy drop; }"


def is_right(name: str, done: subprocess.CompletedProcess, router: str | None) -> bool:
    """Confirmed: by the tool's own words. Without a router: that it says so."""
    if name == "upnp-map add":
        answer = json.loads(done.stdout)
        return (done.returncode == 3 and "error" in answer) if router is None else (answer["external"] or "").endswith(":" + PORT)
    said = "is redirected" in done.stdout or "Mapped public port" in done.stdout
    return said != (router is None)


def processor(number: int) -> set[int]:
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[number % len(allowed)]}


def measure(router: str | None, contenders: dict[str, list[str]], once: set[str], rounds: int) -> dict[str, dict]:
    results = {name: {"seconds": [], "wrong": 0} for name in contenders}
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "XDG_STATE_HOME": state}
        for number in range(rounds):
            for name, command in contenders.items():
                if number and name in once:
                    continue
                start = time.monotonic()
                done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
                results[name]["seconds"].append(time.monotonic() - start)
                results[name]["wrong"] += not is_right(name, done, router)
            # Each round begins without a mapping, and not at a description remembered.
            if router:
                subprocess.run([TOOL, "remove", "--all-ours"], capture_output=True, env=environment)
                subprocess.run(["upnpc", "-d", PORT, "udp"], capture_output=True)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench portmap")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave natpmpc out where nobody answers: it takes 128 s")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        os.sched_setaffinity(0, processor(1))
        router, contenders, once = ROUTERS[options.inside]
        if options.quick and router is None:
            contenders = {name: command for name, command in contenders.items() if name != "natpmpc -a"}
        print(json.dumps(measure(router, contenders, once, options.rounds)))
        return 0
    enter()
    wrong = 0
    print(f"time to a confirmed mapping, whole process, {options.rounds} rounds in turn, milliseconds")
    for title, (router, _, _) in ROUTERS.items():
        with lab() as net:
            if router:
                net.start_mapper(protocols=router)
                os.sched_setaffinity(net.daemons["router"].pid, processor(0))
            else:
                net.do("router", SILENCE)
            inside = [*net.at("client"), sys.executable, __file__, "--inside", title, "--rounds", str(options.rounds),
                      *(["--quick"] if options.quick else [])]
            results = json.loads(subprocess.run(inside, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(f"\n{title:<24} {'median':>9} {'least':>9} {'most':>9} {'ratio':>8}")
        ours = statistics.median(results["upnp-map add"]["seconds"])
        for name, one in results.items():
            times = [seconds * 1000 for seconds in one["seconds"]]
            print(f"  {name:<22} {statistics.median(times):>9.1f} {min(times):>9.1f} {max(times):>9.1f} "
                  f"{statistics.median(one['seconds']) / ours:>8.1f}" + ("  WRONG" if one["wrong"] else ""))
            wrong += one["wrong"]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
