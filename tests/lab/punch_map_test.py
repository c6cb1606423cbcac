#!/usr/bin/env python3
"""punch --map at a router with miniupnpd: a mapping lets in a peer whose own NAT is symmetric, whom no punching reaches. It is
there while punch runs, and not after: given back at the end, and removed by `upnp-map gc` where punch was killed.

    client -- router with miniupnpd -- wan: rendezvousd, and a symmetric NAT -- far

Prints a line for each check; ends with 1 if one does not hold.
"""
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import mapper_lab
import programs
from mapper_lab import WAN, WAN2, Lab
from punching import Punch, state_folder

FAR, FAR_ROUTER = "10.9.0.2", "10.9.0.1"
SYMMETRIC = f"""
table ip far {{
  chain forward {{
    type filter hook forward priority 0; policy drop;
    iifname "far" accept
    ct state established,related accept
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    iifname "far" oifname "eth" meta l4proto {{ tcp, udp }} snat to {WAN2}:20000-60000 fully-random
  }}
}}
"""
wrong: list[str] = []


def check(what: str, holds: bool, *stories: str) -> None:
    print(f"{'ok   ' if holds else 'WRONG'} {what}", flush=True)
    if not holds:
        wrong.append(what)
        print(*stories, sep="\n", flush=True)


def add_far_side(net: Lab) -> None:
    net.add_host("far")
    mapper_lab.must("ip", "link", "add", "far", "netns", "wan", "type", "veth", "peer", "name", "lan", "netns", "far")
    net.do("wan", f"ip addr add {FAR_ROUTER}/24 dev far")
    net.do("wan", "ip link set far up")
    net.do("far", f"ip addr add {FAR}/24 dev lan")
    net.do("far", "ip link set lan up")
    net.do("far", f"ip route add default via {FAR_ROUTER}")
    net.do("wan", "sysctl -qw net.ipv4.ip_forward=1")
    subprocess.run([*net.at("wan"), "nft", "-f", "-"], input=SYMMETRIC, text=True, check=True)


def places(net: Lab) -> tuple[programs.Host, programs.Host]:
    return tuple(net.plainly("client")), tuple(net.at("far"))


def meet(net: Lab, name: str, *words: str, seconds: str = "1s") -> tuple[Punch, Punch]:
    """`words` for the side whose router maps."""
    client, far = places(net)
    common = ("pair", name, "--relay", "never", "--for", seconds)
    return Punch(client, *common, *words, server=WAN), Punch(far, *common, "--map", "never", server=WAN)


def stories(peers: tuple[Punch, Punch]) -> list[str]:
    return [peer.story() for peer in peers]


def within(seconds: float, condition) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)  # the router says nothing when it changes its rules
    return condition()


def main() -> int:
    mapper_lab.enter()
    with mapper_lab.lab() as net:
        add_far_side(net)
        for protocols in ("all", "upnp", "pcp"):
            net.start_mapper(protocols=protocols)
            with programs.serve("--listen", WAN, host=tuple(net.at("wan")))[0]:
                run(net, protocols)
            net.stop_mapper()
            net.forget_mappings()
    print(f"{len(wrong)} wrong")
    return int(bool(wrong))


def run(net: Lab, protocols: str) -> None:
    peers = meet(net, "unmapped", "--map", "never")
    ends = [peer.wait() for peer in peers]
    check(f"{protocols}: without a mapping there is no way", ends == [6, 6], *stories(peers))

    peers = meet(net, "mapped", "--map", "auto")
    is_connected = all(peer.wait_for("secured") for peer in peers)
    check(f"{protocols}: with one there is", is_connected, *stories(peers))
    check(f"{protocols}: … and both call it direct", all(peer.find("connected")[0].event["direct"] for peer in peers if is_connected),
          *stories(peers))
    offered = [one.event["kind"] for one in peers[0].find("candidate")]
    check(f"{protocols}: … and the address at the router is told as mapped", "mapped" in offered, *stories(peers))
    check(f"{protocols}: … which the router has in its list", bool(net.mappings()), *stories(peers))
    ends = [peer.wait() for peer in peers]
    check(f"{protocols}: both end well", ends == [0, 0], *stories(peers))
    check(f"{protocols}: and the mapping is given back", within(2, lambda: not net.mappings()), *net.mappings(), *stories(peers))

    peers = meet(net, "killed", "--map", "auto", seconds="30s")
    for peer in peers:
        peer.wait_for("secured")
    peers[0].kill()
    left = net.mappings()
    client = places(net)[0]
    done = subprocess.run(programs.inside(client, programs.own("upnp-map"), "gc"), capture_output=True, text=True, timeout=30,
                          env={**os.environ, "XDG_STATE_HOME": state_folder(client)})
    check(f"{protocols}: what a killed punch leaves, gc removes", bool(left) and done.returncode == 0 and not net.mappings(),
          *left, done.stdout, done.stderr, *net.mappings())
    peers[1].wait()


if __name__ == "__main__":
    sys.exit(main())
