"""Builds a lab and holds it. One process, PID 1 of its own PID namespace, owns every namespace through a descriptor and
every router as a child: when it goes, by whatever cause, the kernel ends them all, and nothing has to be cleaned up.
"""
import contextlib
import json
import os
import select
import signal
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from . import expectations, kernel, plan as planning, router, state, tools
from .errors import Exit, LabError
from .spec import Network

LET_GO = b"k"          # on the lifeline: live on without me
READY_SECONDS = 30.0   # a lab of 24 networks takes a few seconds on a slow machine


class Keeper:
    """The inside of the keeper's process."""

    def __init__(self, name: str, networks: list[Network]):
        self.name, self.networks = name, networks
        self.plan = planning.make(networks, kernel.has_ipv6())
        self.namespaces: dict[str, int] = {}
        self.routers: dict[int, str] = {}  # pidfd → network

    def build(self) -> None:
        for node in self.plan.nodes:
            self.namespaces[node.name] = kernel.new_network()
            with kernel.inside(self.namespaces[node.name]):
                prepare(node)
        self.make_links()
        for node in self.plan.nodes:
            with kernel.inside(self.namespaces[node.name]):
                self.set_up(node)
        self.start_routers()

    def make_links(self) -> None:
        """All veth pairs in one go, each end born where it belongs."""
        lines = [f"link add {self.end(link, 0)} type veth peer {self.end(link, 1)}" for link in self.plan.links]
        tools.feed([tools.find_program("ip"), "-batch", "-"], "\n".join(lines), "making links", pass_fds=list(self.namespaces.values()))

    def end(self, link: planning.Link, which: int) -> str:
        """One end of a link, for `ip link add`. Those inside the wire keep a MAC address of their own: so the frames are
        not for them, and their kernel leaves them to the router."""
        node, interface = link.ends[which]
        mac = f"address {planning.LINK_MAC} " if link.point_to_point and node != "wire" else ""
        arp = "arp off " if link.point_to_point else ""
        return f"name {interface} {mac}{arp}netns /proc/self/fd/{self.namespaces[node]}"

    def set_up(self, node: planning.Node) -> None:
        """Runs in the node's namespace."""
        lines = ["link set dev lo up", *no_link_local(node, self.plan), *node.setup]
        if node.name == "wire":
            lines += [f"link set dev {end} up" for wire in self.plan.wires for end in (wire.inside, wire.outside)]
        tools.feed([tools.find_program("ip"), "-batch", "-"], "\n".join(lines), f"setting up {node.name}")
        for interface in node.plain_frames:
            kernel.switch_off_offloads(interface)
        if node.ruleset:
            tools.feed([tools.find_program("nft"), "-f", "-"], node.ruleset, f"rules of {node.name}")

    def start_routers(self) -> None:
        if not self.plan.wires:
            return
        program = tools.find_router()
        with kernel.inside(self.namespaces["wire"]):
            started = [(wire, router.start(program, wire)) for wire in self.plan.wires]
        for wire, process in started:
            router.await_ready(process, wire)
            self.routers[os.pidfd_open(process.pid)] = wire.network.name

    def describe(self, keeper: int) -> dict:
        return {
            "schema": "natkit/natlab/1", "name": self.name, "keeper": keeper, "rootless": kernel.rootless_here(),
            "pid_namespace": os.stat("/proc/self/ns/pid").st_ino,
            "server": {"port": planning.SERVER_PORT, "addresses": planning.SERVER_ADDRESSES[:2], "single": planning.SERVER_ADDRESSES[2],
                       "addresses6": planning.SERVER_ADDRESSES6[:2] if kernel.has_ipv6() else [],
                       "single6": planning.SERVER_ADDRESSES6[2] if kernel.has_ipv6() else None},
            "networks": [describe_network(network) for network in planning.homes_of(self.networks)],
            "hosts": [asdict(host) for host in self.plan.hosts],
            "nodes": self.namespaces,
        }

    def hold(self, lifeline: int) -> None:
        """Until killed, or until whoever holds the other end of the lifeline has gone without having let us go."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans of ended commands: reaped by the kernel
        poll = select.poll()
        for descriptor in (lifeline, *self.routers):
            poll.register(descriptor, select.POLLIN)
        while True:
            for ready, _ in poll.poll():
                poll.unregister(ready)
                if ready == lifeline:
                    if os.read(lifeline, 1) != LET_GO:
                        return
                    continue
                content = state.read_file(self.name)
                content["broken"] = f"the router of {self.routers[ready]} has ended; see {self.name}.log"
                state.write(self.name, content)


def describe_network(network: Network) -> dict:
    milliseconds = 1000.0
    return {"name": network.name, "type": network.kind.name, "via": network.via, "inbound": network.inbound if network.kind.takes_inbound else None,
            "mapping": network.outer_kind.mapping and expectations.mapping_of(network), "filtering": expectations.filtering_of(network), "carrier": network.carrier.name if network.carrier else None,
            "delay_ms": network.delay_s * milliseconds, "jitter_ms": network.jitter_s * milliseconds, "loss": network.loss,
            "duplicate": network.duplicate, "reorder": network.reorder, "ipv6": network.ipv6, "hosts": network.host_names}


def prepare(node: planning.Node) -> None:
    """Settings that interfaces inherit when they are born, so before there are any."""
    settings = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
                "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0,
                "net.ipv4.icmp_ratelimit": 0, "net.ipv6.icmp.ratelimit": 0,  # a lab answers alike every time
                "net.ipv6.conf.default.accept_dad": 0, "net.ipv6.conf.default.accept_ra": 0,
                # Where Docker has loaded br_netfilter, a home's firewall would come between the hosts of its LAN.
                "net.bridge.bridge-nf-call-iptables": 0, "net.bridge.bridge-nf-call-ip6tables": 0}
    if node.forwards:
        settings |= {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    if not node.ipv6:
        settings |= {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
    for name, value in settings.items():
        kernel.set_sysctl(name, value)


def no_link_local(node: planning.Node, plan: planning.Plan) -> list[str]:
    """Both ends of a point-to-point link have one MAC address, so they must not derive addresses from it."""
    if not kernel.has_ipv6() or not node.ipv6:
        return []
    return [f"link set dev {interface} addrgenmode none" for link in plan.links if link.point_to_point
            for name, interface in link.ends if name == node.name]


def enter_new_namespaces() -> None:
    """Its own PID, mount and network namespaces; a user namespace first where we may not make them otherwise."""
    try:
        if not kernel.may_make_namespaces():
            become_root_of_a_user_namespace()
        kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS | kernel.CLONE_NEWNET)
    except OSError as fault:
        raise LabError("namespaces-forbidden", f"the system does not let you make namespaces ({fault})", kernel.namespace_advice(),
                       Exit.REFUSED) from None


def become_root_of_a_user_namespace() -> None:
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", file).write_text(text)


def mount_own_proc() -> None:
    """So that /proc shows the PIDs of the lab; tools and sanitizers look themselves up there."""
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_SLAVE)
    with contextlib.suppress(OSError):  # in a container whose /proc is masked: do without
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def redirect_stdio(log: Path) -> None:
    nothing = os.open("/dev/null", os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)


def keeper_main(name: str, networks: list[Network], report: int, lifeline: int) -> None:
    """PID 1 of the lab. Reports once: the state when everything answers, or the error."""
    outer_pid = int(os.readlink("/proc/self"))  # read before /proc shows our own PID namespace
    try:
        mount_own_proc()
        keeper = Keeper(name, networks)
        keeper.build()
        content = keeper.describe(outer_pid)
        state.write(name, content)
    except (LabError, OSError) as fault:
        known = fault if isinstance(fault, LabError) else LabError("setup-failed", str(fault), kernel.namespace_advice(), Exit.REFUSED)
        os.write(report, json.dumps({"error": known.as_json()}).encode())
        return
    os.write(report, json.dumps({"state": content}).encode())
    os.close(report)
    keeper.hold(lifeline)


def spawn(name: str, networks: list[Network], report: int, lifeline: int) -> None:
    """In a child of `natlab up`: leaves its session, makes the namespaces, forks PID 1, and ends."""
    os.setsid()
    redirect_stdio(state.directory() / f"{name}.log")
    os.chdir("/")
    try:
        enter_new_namespaces()
    except LabError as fault:
        os.write(report, json.dumps({"error": fault.as_json()}).encode())
        return
    if os.fork() == 0:
        keeper_main(name, networks, report, lifeline)


def start(name: str, networks: list[Network]) -> tuple[dict, int]:
    """Raises a lab; returns its state when all of it is ready, and its lifeline: the lab ends when that is closed, so when
    the caller ends, however that happens; unless `let_go` comes first."""
    check_tools(networks)
    lock = state.acquire(name)   # the keeper inherits it
    report_in, report_out = os.pipe()
    lifeline_in, lifeline_out = os.pipe()
    child = os.fork()
    if child == 0:
        status = Exit.DEFECT
        try:
            os.close(report_in)
            os.close(lifeline_out)
            spawn(name, networks, report_out, lifeline_in)
            status = Exit.OK
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    for descriptor in (report_out, lock, lifeline_in):
        os.close(descriptor)
    os.waitpid(child, 0)
    try:
        return receive_report(name, report_in), lifeline_out
    except LabError:
        os.close(lifeline_out)
        await_end(name)
        state.remove(name)
        raise


def await_end(name: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while state.is_up(name) and time.monotonic() < deadline:
        time.sleep(0.01)


def let_go(lifeline: int) -> None:
    """The lab stays up until `stop`."""
    os.write(lifeline, LET_GO)
    os.close(lifeline)


def check_tools(networks: list[Network]) -> None:
    """Says what is missing before anything is built."""
    tools.find_program("ip")
    if any(network.kind.name != "public" for network in networks):
        tools.find_program("nft")
    if any(network.needs_wire for network in networks):
        tools.find_router()
    if any(network.ipv6 for network in networks) and not kernel.has_ipv6():
        raise LabError("no-ipv6", "this kernel has no IPv6", "leave the option ipv6 out")


def receive_report(name: str, pipe: int) -> dict:
    received = b""
    with open(pipe, "rb", buffering=0) as file:
        while select.select([file], [], [], READY_SECONDS)[0]:
            part = file.read(65536)
            if not part:
                break
            received += part
    if not received:
        log = state.directory() / f"{name}.log"
        raise LabError("keeper-lost", f"the lab's keeper said nothing: {log.read_text()[-600:].strip()}", "this is a defect of natlab", Exit.DEFECT)
    report = json.loads(received)
    if "error" in report:
        raise LabError.from_json(report["error"])
    return report["state"]


def stop(name: str) -> None:
    """Ends the lab and every process in it; returns when they are gone."""
    content = state.read(name)
    if os.stat("/proc/self/ns/pid").st_ino == content["pid_namespace"]:
        raise LabError("inside-the-lab", "a lab cannot be ended from inside", "leave 'natlab exec' first", Exit.USAGE)
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(content["keeper"])
        try:
            if state.is_up(name):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                select.select([pidfd], [], [], READY_SECONDS)
        finally:
            os.close(pidfd)
    state.remove(name)
