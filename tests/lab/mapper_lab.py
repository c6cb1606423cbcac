"""A home router that maps ports, for tests: miniupnpd over the kernel's nftables, in network namespaces of this process.

    inside: client 192.168.77.2, .3 (2001:db8:77::2, ::3) -- router 192.168.77.1 (2001:db8:77::1)
    outside: router 11.0.0.1 (2001:db8:11::1) -- wan 11.0.0.99 and .98 (2001:db8:11::99)
    double: client 192.168.99.2 -- inner router 192.168.99.1, outside 192.168.77.50 -- router as above

The router's outside address is no reserved one, because miniupnpd 2.3.1 maps nothing with those. Everything, processes
included, ends with this process: it runs in mount, network and PID namespaces of its own, where it may be root.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from programs import foreign, skip  # noqa: E402

CLIENT, OTHER, ROUTER, WAN_ROUTER, WAN, WAN2 = (
    "192.168.77.2", "192.168.77.3", "192.168.77.1", "11.0.0.1", "11.0.0.99", "11.0.0.98")
CLIENT6, ROUTER6, WAN6 = "2001:db8:77::2", "2001:db8:77::1", "2001:db8:11::99"
INNER_CLIENT, INNER_ROUTER, INNER_WAN = "192.168.99.2", "192.168.99.1", "192.168.77.50"
_MARK = "NATKIT_MAPPER_LAB"

RULES = """
table inet filter {
  chain miniupnpd {}
  chain prerouting_miniupnpd {}
  chain postrouting_miniupnpd {}
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" oifname "wan" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority -100; STATIC jump prerouting_miniupnpd; }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    meta nfproto ipv4 iifname "lan" oifname "wan" masquerade
  }
}
"""


def enter(*needs: tuple[str, str]) -> None:
    """Restarts this script in namespaces of its own. Skips where the system forbids them, or where one of these is
    missing: programs, each with its package; a router that maps ports if none is named."""
    if os.environ.get(_MARK):
        subprocess.run(["mount", "-t", "tmpfs", "lab", "/run"], check=True)
        # Where nobody takes the system's log, a daemon's lines go to the console: a serial line, on many machines, which
        # holds up the daemon for a millisecond a line, and whoever shares a processor with its interrupts for 30.
        subprocess.run(["mount", "--bind", "/dev/null", "/dev/console"], check=True)
        return
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables"),
                             *(needs or (("miniupnpd", "miniupnpd-nftables"),))):
        foreign(program, package)
    own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        own.insert(1, "--map-root-user")
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0:
        skip("namespaces are forbidden here")
    os.environ[_MARK] = "1"
    sys.stdout.flush()
    os.execvp(own[0], [*own, sys.executable, *sys.argv])


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, **options)


def must(*command: str, **options) -> str:
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Lab:
    """`at(host)` is the beginning of every command in one of: client, other, router, wan (and inner, deep for double)."""

    def __init__(self, double: bool = False):
        self.folder = Path(tempfile.mkdtemp(prefix="mapper-lab-"))
        self.folder.chmod(0o755)
        self.processes: list[subprocess.Popen] = []
        self.daemons: dict[str, subprocess.Popen] = {}
        self.hosts: list[str] = []
        for host in ("client", "other", "router", "wan", "bridge", *(("inner", "deep") if double else ())):
            self.add_host(host)
        self.do("bridge", "ip link add name switch type bridge")
        self.do("bridge", "ip link set switch up")
        self._plug("client", "lan", CLIENT + "/24", CLIENT6 + "/64")
        self._plug("other", "lan", OTHER + "/24", "2001:db8:77::3/64")
        self._plug("router", "lan", ROUTER + "/24", ROUTER6 + "/64")
        must("ip", "link", "add", "wan", "netns", "router", "type", "veth", "peer", "name", "eth", "netns", "wan")
        self._address("router", "wan", WAN_ROUTER + "/24", "2001:db8:11::1/64")
        self._address("wan", "eth", WAN + "/24", WAN6 + "/64")
        self.do("wan", f"ip addr add {WAN2}/24 dev eth")
        self.do("wan", "ip -6 route add 2001:db8:77::/64 via 2001:db8:11::1")
        for host in ("client", "other"):
            self.do(host, f"ip route add default via {ROUTER}")
            self.do(host, f"ip -6 route add default via {ROUTER6}")
        self.do("router", f"ip route add default via {WAN}")
        self._forward("router")
        if double:
            self._plug("inner", "wan", INNER_WAN + "/24", None)
            must("ip", "link", "add", "lan", "netns", "inner", "type", "veth", "peer", "name", "lan", "netns", "deep")
            self._address("inner", "lan", INNER_ROUTER + "/24", None)
            self._address("deep", "lan", INNER_CLIENT + "/24", None)
            self.do("inner", f"ip route add default via {ROUTER}")
            self.do("deep", f"ip route add default via {INNER_ROUTER}")
            self._forward("inner")
        self._wait_for_addresses()

    def add_host(self, host: str) -> None:
        must("ip", "netns", "add", host)
        self.hosts.append(host)
        self.do(host, "ip link set lo up")

    def _plug(self, host: str, interface: str, v4: str, v6: str | None) -> None:
        must("ip", "link", "add", interface, "netns", host, "type", "veth", "peer", "name", f"p-{host}", "netns", "bridge")
        self.do("bridge", f"ip link set p-{host} master switch up")
        self._address(host, interface, v4, v6)

    def _address(self, host: str, interface: str, v4: str, v6: str | None) -> None:
        self.do(host, f"ip addr add {v4} dev {interface}")
        if v6:
            self.do(host, f"ip addr add {v6} dev {interface} nodad")
        self.do(host, f"ip link set {interface} up")

    def _forward(self, host: str) -> None:
        self.do(host, "sysctl -qw net.ipv4.ip_forward=1")
        self.do(host, "sysctl -qw net.ipv6.conf.all.forwarding=1")
        self.rules(host)

    def _wait_for_addresses(self) -> None:
        """Link-local addresses are tentative for a moment (RFC 4862 §5.4); the daemon wants them finished."""
        end = time.monotonic() + 10
        while time.monotonic() < end and "tentative" in must(*self.at("router"), "ip", "-6", "addr"):
            os.sched_yield()

    def rules(self, host: str, static: str = "") -> None:
        """The router's rules afresh, without any mapping. `static`: rules of its owner, before those of the daemon."""
        subprocess.run([*self.at(host), "nft", "flush", "ruleset"], check=True)
        subprocess.run([*self.at(host), "nft", "-f", "-"], input=RULES.replace("STATIC", static), text=True, check=True)

    def at(self, host: str) -> list[str]:
        return ["ip", "netns", "exec", host]

    def plainly(self, host: str) -> list[str]:
        """The same without any right that a plain user does not have."""
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
        return [*self.at(host), *drop]

    def do(self, host: str, command: str) -> str:
        return must(*self.at(host), *command.split())

    def start_mapper(self, host: str = "router", protocols: str = "all", external: str = "", extra: str = "") -> None:
        """`protocols`: all, upnp, or pcp (with NAT-PMP, which miniupnpd does not tell apart)."""
        lease = self.folder / f"{host}.leases"
        lan = INNER_ROUTER if host == "inner" else ROUTER
        subnet = lan.rsplit(".", 1)[0] + ".0/24"
        conf = self.folder / f"{host}.conf"
        conf.write_text("\n".join((
            "ext_ifname=wan", "listening_ip=lan", "http_port=5000", f"enable_upnp={'no' if protocols == 'pcp' else 'yes'}",
            f"enable_natpmp={'no' if protocols == 'upnp' else 'yes'}", "secure_mode=yes", "system_uptime=no",
            "upnp_table_name=filter", "upnp_nat_table_name=filter", "upnp_forward_chain=miniupnpd",
            "upnp_nat_chain=prerouting_miniupnpd", "upnp_nat_postrouting_chain=postrouting_miniupnpd",
            f"lease_file={lease}", f"lease_file6={lease}6", "min_lifetime=10", "max_lifetime=86400", "notify_interval=30",
            f"uuid=00000000-0000-4000-8000-{'1' if host == 'inner' else '0'}00000000000",
            *([f"ext_ip={external}"] if external else []), *([extra] if extra else []),
            f"allow 1024-65535 {subnet} 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535", "")))
        log = (self.folder / f"{host}.log").open("a")
        daemon = subprocess.Popen([*self.at(host), "miniupnpd", "-d", "-f", str(conf), "-P", str(self.folder / f"{host}.pid")],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.daemons[host] = daemon
        self.processes.append(daemon)
        end = time.monotonic() + 10
        while time.monotonic() < end and daemon.poll() is None:
            sockets = must(*self.at(host), "ss", "-Hlnut")
            if (protocols == "pcp" or ":5000" in sockets) and (protocols == "upnp" or ":5351" in sockets):
                return
            time.sleep(0.01)  # the daemon says nothing when it serves
        raise AssertionError(f"miniupnpd did not start: {(self.folder / f'{host}.log').read_text()[-2000:]}")

    def stop_mapper(self, host: str = "router") -> None:
        daemon = self.daemons.pop(host)
        daemon.terminate()
        daemon.wait(10)

    def forget_mappings(self, host: str = "router") -> None:
        """What a power cut does to a router."""
        for chain in ("miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"):
            self.do(host, f"nft flush chain inet filter {chain}")
        for name in (f"{host}.leases", f"{host}.leases6"):
            (self.folder / name).write_text("")

    def mappings(self, host: str = "router") -> list[str]:
        """The rules that the daemon has made: the router's own list, whatever its protocols say."""
        found = []
        for chain in ("prerouting_miniupnpd", "miniupnpd"):
            text = self.do(host, f"nft list chain inet filter {chain}")
            found += [line.strip() for line in text.splitlines() if "dnat" in line or "accept" in line]
        return found

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        for host in self.hosts:
            run("ip", "netns", "del", host)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def lab(double: bool = False) -> Iterator[Lab]:
    made = Lab(double)
    try:
        yield made
    finally:
        made.close()
