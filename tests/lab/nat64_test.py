#!/usr/bin/env python3
"""nat-probe in a network that has IPv6 only, behind a real translator (tayga).

    host 2001:db8:64::2 -- net 2001:db8:64::1: tayga, rendezvousd at 198.51.100.1 and .2, a resolver that translates names

The host also has a temporary address, made by the kernel (RFC 8981), and prefers it.

    tests/lab/nat64_test.py        all of it: without IPv4 at all, then with a translator on the host as well (464XLAT)
"""
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mapper_lab import enter, must  # noqa: E402
from programs import Program, Probed, nat_probe, serve  # noqa: E402

ROUTER, HOST = "2001:db8:64::1", "2001:db8:64::2"
PREFIX = "2001:db8:64:ff9b::"       # not the well-known one: tayga translates no address for documentation with that
SERVERS = ("198.51.100.1", "198.51.100.2")
CLAT, CLAT6 = "192.0.0.4", "2001:db8:64:1::464"
A, AAAA = 1, 28
TRIES = 20
NET = ("nsenter", "--net=/run/netns/net")


def answer(query: bytes) -> bytes:
    """What a resolver beside a NAT64 says of ipv4only.arpa (RFC 7050 §2.2); of any other name that it does not exist."""
    end = query.index(0, 12) + 1
    kind = int.from_bytes(query[end:end + 2], "big")
    data = {A: socket.inet_aton("192.0.0.170"), AAAA: socket.inet_pton(socket.AF_INET6, PREFIX + "c000:aa")}.get(kind)
    is_known = query[12:end].lower() == b"\x08ipv4only\x04arpa\x00"
    records = [data] if data and is_known else []
    head = query[:2] + (b"\x81\x80" if is_known else b"\x81\x83") + bytes([0, 1, 0, len(records), 0, 0, 0, 0])
    return head + query[12:end + 4] + b"".join(
        b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\x00\x01\x00\x00\x00\x3c" + len(one).to_bytes(2, "big") + one for one in records)


def resolve() -> None:
    """Until it is ended; in the namespace that it was started in, where nobody else is at the port of names."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as names:
        names.bind((ROUTER, 53))
        print("ready", flush=True)
        while True:
            query, peer = names.recvfrom(4096)
            names.sendto(answer(query), peer)


def ip(where: str, *lines: str) -> None:
    must("ip", "-netns", where, "-batch", "-", input="\n".join(lines) + "\n")


def translate(where: str, folder: Path, device: str, configuration: str, *lines: str) -> Program:
    """tayga in that namespace; its device is set up first. It does not tell a pipe when it
    is ready, so the first packets may be lost; nat-probe sends them again."""
    file = folder / f"{device}.conf"
    file.write_text(f"tun-device {device}\nprefix {PREFIX}/96\n{configuration}")
    enter_it = ("nsenter", f"--net=/run/netns/{where}")
    must(*enter_it, "tayga", "--config", str(file), "--mktun")
    ip(where, f"link set {device} up", *lines)
    must(*enter_it, "sysctl", "-q", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    return Program(*enter_it, "tayga", "--config", str(file), "-d")


def build() -> None:
    for where in ("net", "host"):
        must("ip", "netns", "add", where)
        ip(where, "link set lo up")
    must("ip", "link", "add", "lan", "netns", "net", "type", "veth", "peer", "name", "eth0", "netns", "host")
    ip("net", f"addr add {ROUTER}/64 dev lan nodad", "link set lan up", *(f"addr add {one}/32 dev lo" for one in SERVERS),
       f"route add {CLAT6}/128 via {HOST} dev lan")
    must("nsenter", "--net=/run/netns/host", "sysctl", "-q", "net.ipv6.conf.eth0.use_tempaddr=2", "net.ipv6.conf.eth0.accept_dad=0")
    ip("host", f"addr add {HOST}/64 dev eth0 nodad mngtmpaddr", "link set eth0 up", f"route add default via {ROUTER}")


def ask(folder: Path, server: str) -> Probed:
    """As a host asks whose resolver is that of the network; and the trace of it tells the same."""
    names, trace = folder / "resolv.conf", folder / "trace.json"
    names.write_text(f"nameserver {ROUTER}\n")
    mount = f"mount --bind {names} /etc/resolv.conf && exec \"$@\""
    wrapper = ("nsenter", "--net=/run/netns/host", "unshare", "--mount", "sh", "-c", mount, "sh")
    probed = nat_probe(server, "--record", str(trace), wrapper=wrapper)
    replayed = nat_probe("--replay", str(trace))
    assert replayed.stdout == probed.stdout, f"its trace tells something else: {replayed}\n{probed}"
    return probed


def ask_until_told(folder: Path, server: str) -> Probed:
    """Here a probe takes 5 ms, and no longer for a resolver that takes 6."""
    for _ in range(TRIES):
        probed = ask(folder, server)
        if probed.reasons("nat64.prefix") != ["not-told"]:
            break
    return probed


def check(probed: Probed, expected: dict) -> None:
    found = {path: probed.value(path) for path in expected}
    assert found == expected, f"{found}, not {expected}: {probed}"
    print(" ".join(f"{path}={value}" for path, value in found.items()), flush=True)


def main() -> None:
    enter(("tayga", "tayga"))
    folder = Path("/run")
    build()
    pool = "ipv4-addr 192.168.255.1\nipv6-addr 2001:db8:64:2::1\ndynamic-pool 192.168.255.0/24\ndata-dir /run\n"
    with (translate("net", folder, "nat64", pool, "route add 192.168.255.0/24 dev nat64", f"route add {PREFIX}/96 dev nat64"),
          Program(*NET, sys.executable, __file__, "resolve") as resolver,
          serve("--listen", SERVERS[0], "--alternate", SERVERS[1], host=NET)[0]):
        resolver.wait_for("ready")
        through = ask_until_told(folder, f"[{PREFIX}c633:6401]:3478")
        check(through, {"udp": "ok", "ipv4.mapped": None, "ipv6.nat": True, "ipv6.translation": None, "ipv6.temporary": True, "nat64.prefix": PREFIX + "/96",
                        "nat64.clat": False})
        assert through.reasons("ipv6.translation") == ["mapped-is-ipv4"], through
        own = f"ipv4-addr 192.0.0.1\nipv6-addr 2001:db8:64:1::1\nmap {CLAT} {CLAT6}\n"
        with translate("host", folder, "clat", own, f"addr add {CLAT}/29 dev clat", "route add default dev clat",
                       f"route add {CLAT6}/128 dev clat"):
            carried = ask_until_told(folder, SERVERS[0])
            check(carried, {"udp": "ok", "ipv4.nat": True, "ipv4.mapping": "endpoint-independent", "ipv4.address_kind": "clat",
                            "ipv4.layers": None, "nat64.prefix": PREFIX + "/96", "nat64.clat": True})
            assert carried.reasons("ipv4.layers") == ["own-translator"], carried


if __name__ == "__main__":
    if sys.argv[1:] == ["resolve"]:
        resolve()
    else:
        main()
