#!/usr/bin/env python3
"""Sessions of meshctl at a router with miniupnpd: a port that the router opens lets in who is behind a symmetric NAT. It is there
while somebody may come, not while a locked session stands, again when it is unlocked, and not after; nothing is asked with
--map never; a host that nobody can reach says what to forward; and what a pair needs is told before it is tried, and when it failed.

    client -- router with miniupnpd -- wan: rendezvousd on two addresses, anna -- farnat, a symmetric NAT -- far

Prints a line for each check; ends with 1 if one does not hold.
"""
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import mapper_lab
import mesh_lab
import programs
from mapper_lab import CLIENT, ROUTER, WAN, WAN2, WAN_ROUTER, Lab
from mesh_lab import Member, check, until_all
from punching import state_folder

FARNAT, FARNAT_GATEWAY, FAR, FAR_ROUTER = "12.0.0.2", "12.0.0.1", "10.9.0.2", "10.9.0.1"
SYMMETRIC = f"""
table ip far {{
  chain forward {{
    type filter hook forward priority 0; policy drop;
    iifname "lan" accept
    ct state established,related accept
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    iifname "lan" oifname "wan" meta l4proto {{ tcp, udp }} snat to {FARNAT}:20000-60000 fully-random
  }}
}}
"""


def connect(net: Lab, one: str, one_interface: str, one_address: str, other: str, other_interface: str, other_address: str) -> None:
    mapper_lab.must("ip", "link", "add", one_interface, "netns", one, "type", "veth", "peer", "name", other_interface, "netns", other)
    for host, interface, address in ((one, one_interface, one_address), (other, other_interface, other_address)):
        net.do(host, f"ip addr add {address}/24 dev {interface}")
        net.do(host, f"ip link set {interface} up")


def add_far_side(net: Lab) -> None:
    for host in ("farnat", "far"):
        net.add_host(host)
    connect(net, "wan", "far", FARNAT_GATEWAY, "farnat", "wan", FARNAT)
    connect(net, "farnat", "lan", FAR_ROUTER, "far", "lan", FAR)
    net.do("far", f"ip route add default via {FAR_ROUTER}")
    net.do("farnat", f"ip route add default via {FARNAT_GATEWAY}")
    for host in ("wan", "farnat"):
        net.do(host, "sysctl -qw net.ipv4.ip_forward=1")
    subprocess.run([*net.at("farnat"), "nft", "-f", "-"], input=SYMMETRIC, text=True, check=True)


def member(net: Lab, session: str, host: str, command: str, *options: str) -> Member:
    """Each story has a session of its own: the row of one whose host was killed stays for a while."""
    place = tuple(net.at(host) if host == "wan" else net.plainly(host))
    return Member(place, command, "--server", WAN, *options, name=host, session=session).go()


@contextlib.contextmanager
def members(*some: Member) -> Iterator[None]:
    before = len(mesh_lab.complaints)
    try:
        yield
    finally:
        mesh_lab.end_all([one for one in some if one.process.poll() is None])
        if len(mesh_lab.complaints) > before:
            print(*(one.story() for one in some), sep="\n", flush=True)


def reach_of(one: Member) -> dict:
    return one.status().get("reach") or {}


def pair_of(one: Member) -> dict:
    pairs = one.status().get("pairs", [])
    return pairs[0] if len(pairs) == 1 else {}


def mapped(net: Lab, protocols: str) -> None:
    net.start_mapper(protocols=protocols)
    host = member(net, protocols, "client", "create", "--map", "auto")
    far = None
    try:
        check(host.wait_for("joined") and host.joined_ms < 1000, f"{protocols}: the session stands at once, whatever the router says")
        check(host.wait_for("reach"), f"{protocols}: the founder finds out how it is reached")
        check(until_all(lambda: reach_of(host).get("port", {}).get("state") == "held"), f"{protocols}: the router opens a port for it")
        check(until_all(lambda: reach_of(host).get("mapping") == "endpoint-independent"), f"{protocols}: … whose NAT keeps one port for all")
        reach = reach_of(host)
        check((reach["reach"], reach["can_host"], reach["reason"]) == ("open", True, "mapped"), f"{protocols}: … so it can host, and by what: {reach['reason']}")
        check(reach["port"]["external"].startswith(WAN_ROUTER + ":") and reach["port"]["internal"].startswith(CLIENT + ":"), f"{protocols}: … from where to where")
        check(sum("dnat" in line for line in net.mappings()) == 1, f"{protocols}: … and it is one port, no more: {net.mappings()}")

        far = member(net, protocols, "far", "join", "--map", "never")
        check(far.wait_for("joined"), f"{protocols}: a member behind a symmetric NAT gets in without any relay")
        check(until_all(lambda: pair_of(host).get("predicted") == "direct" and pair_of(host).get("achieved") == "direct"),
              f"{protocols}: as was predicted for the pair: {pair_of(host)}")
        check(any(path["path"]["kind"] in ("mapped", "reflexive") for path in far.paths().values()), f"{protocols}: by a direct path")
        entry = lambda: next((each for each in far.status().get("members", []) if each["host"]), {})
        check(until_all(lambda: (entry().get("fitness") or {}).get("reach", {}).get("value") == "open"), f"{protocols}: it knows that the host is open")
        check(until_all(lambda: reach_of(far).get("reach") == "hard"), f"{protocols}: and that itself is not: {reach_of(far).get('reason')}")

        check(host.ask("lock").returncode == 0 and until_all(lambda: not net.mappings()), f"{protocols}: locked, the session gives the port back")
        check(until_all(lambda: reach_of(host)["port"]["state"] == "given-back"), f"{protocols}: … and says so")
        said = far.ask("send", "still here?")
        check(said.returncode == 0 and until_all(lambda: host.find("message")), f"{protocols}: … while the members go on talking")
        check(host.ask("unlock").returncode == 0 and until_all(lambda: bool(net.mappings())), f"{protocols}: unlocked, it has one again")

        host.process.send_signal(signal.SIGINT)
        check(host.wait(10) in (130, -signal.SIGINT), f"{protocols}: the founder leaves: exit {host.process.returncode}")
        check(not net.mappings(), f"{protocols}: and the router is as it was: {net.mappings()}")
    finally:
        with members(*(one for one in (host, far) if one)):
            pass

    host = member(net, protocols + "-killed", "client", "create")
    with members(host):
        check(until_all(lambda: bool(net.mappings())), f"{protocols}: by default a port is asked for")
        host.kill()
        done = subprocess.run(programs.inside(host.host, programs.own("upnp-map"), "gc"), capture_output=True, text=True, timeout=30,
                              env={**os.environ, "XDG_STATE_HOME": state_folder(host.host)})
        check(done.returncode == 0 and not net.mappings(), f"{protocols}: what a killed one leaves, gc removes")
    net.stop_mapper()
    net.forget_mappings()


def never(net: Lab) -> None:
    """A full mesh without a relay, of a public host, one behind a usual NAT and one behind a symmetric one: the last two cannot meet."""
    net.start_mapper()
    host = member(net, "never", "wan", "create", "--mesh", "full")
    check(host.wait_for("joined"), "a public host begins a session")
    client = member(net, "never", "client", "join", "--map", "never")
    check(client.wait_for("joined"), "one behind a usual NAT joins")
    check(until_all(lambda: reach_of(client).get("reach") == "easy"), "it is easily reached, as it finds out")
    check(reach_of(client).get("port", {}).get("state") == "not-asked" and not net.mappings(), "the router was not asked for anything")
    check(until_all(lambda: pair_of(client).get("predicted") == "direct"), "with the public host the way is direct, as predicted")
    far = member(net, "never", "far", "join", "--map", "never")
    with members(host, client, far):
        check(far.wait(25) == 6, f"one behind a symmetric NAT is not let in: exit {far.process.returncode}, {far.reason}")
        rejected = far.find("rejected")
        pairs = rejected[0].event["pairs"] if rejected else []
        check([(pair["b"], pair["predicted"]) for pair in pairs] == [(client.id, "direct-with-prediction")], f"and is told what was needed: {pairs}")
        check(any("filters by port" in line for line in far.other_lines) or "filters by port" in far.find("error")[-1].event["error"]["detail"],
              "… in words, too")
    net.stop_mapper()
    net.forget_mappings()


def unreachable(net: Lab) -> None:
    """A router that shows each peer another port, and opens none."""
    subprocess.run([*net.at("router"), "nft", "flush", "ruleset"], check=True)
    subprocess.run([*net.at("router"), "nft", "-f", "-"], input=mapper_lab.RULES.replace("STATIC", "").replace("masquerade", "masquerade fully-random"),
                   text=True, check=True)
    for options, port in ((("--map", "never"), "not-asked"), (("--map", "auto", "--local-port", "6112"), "refused")):
        host = member(net, f"hard-{port}", "client", "create", *options)
        with members(host):
            what = " ".join(options)
            check(host.wait_for("reach"), f"{what}: a founder behind a symmetric NAT finds out")
            until_all(lambda: reach_of(host).get("port", {}).get("state") == port)
            reach = reach_of(host)
            check((reach["reach"], reach["can_host"], reach["port"]["state"]) == ("hard", False, port), f"{what}: … that it cannot host: {reach['reason']}, {port}")
            forward = reach["forward"] or {}
            inside = forward.get("internal", "")
            check(forward.get("protocol") == "udp" and inside.startswith(CLIENT + ":") and f"http://{ROUTER}/" in forward.get("rule", ""),
                  f"{what}: … and what to forward: {forward}")
            mesh_lab.end_all([host])
            check(any(f"Forward UDP port {forward.get('external_port')} to {inside}" in line for line in host.other_lines),
                  f"{what}: … which it says plainly")
            check("--local-port" in options or "--local-port" in forward.get("rule", ""), f"{what}: … with how to keep the port")
    check(inside.endswith(":6112"), "the port that was named is the one to forward")


def main() -> int:
    mapper_lab.enter()
    with mapper_lab.lab() as net:
        add_far_side(net)
        with programs.serve("--listen", WAN, "--alternate", WAN2, host=tuple(net.at("wan")))[0]:
            for protocols in ("all", "upnp", "pcp"):
                mapped(net, protocols)
            never(net)
            unreachable(net)
    print(f"{len(mesh_lab.complaints)} wrong")
    return int(bool(mesh_lab.complaints))


if __name__ == "__main__":
    sys.exit(main())
