"""The Linux calls that Python 3.11 does not offer: namespaces, mounts, offloads. Thin; faults come back as OSError."""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_REC, MS_SLAVE = 0x4000, 0x80000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
PR_SET_PDEATHSIG = 1
# linux/ethtool.h; the settings by which a driver would leave checksums and segmentation to hardware
SIOCETHTOOL = 0x8946
ETHTOOL_SETTINGS = {"tx checksums": 0x17, "scatter-gather": 0x19, "tso": 0x1F, "gso": 0x24}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, None), f"mount {target}")


def die_with_parent(signal_number: int) -> None:
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def new_network() -> int:
    """A fresh network namespace, as a descriptor that keeps it alive. The caller's own stays as it was."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(CLONE_NEWNET)
        return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        setns(own, CLONE_NEWNET)
        os.close(own)


@contextlib.contextmanager
def inside(network: int):
    """Runs the body in that network namespace; children started in it stay there."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    setns(network, CLONE_NEWNET)
    try:
        yield
    finally:
        setns(own, CLONE_NEWNET)
        os.close(own)


def set_sysctl(name: str, value: int | str) -> bool:
    """Of the current namespace; False where this kernel has no such setting."""
    try:
        with open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))
        return True
    except FileNotFoundError:
        return False


def switch_off_offloads(interface: str) -> None:
    """Makes the kernel finish checksums and cut segments before it hands packets to this interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in ETHTOOL_SETTINGS.values():
            value = ctypes.create_string_buffer(struct.pack("II", command, 0), 8)
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):  # what a driver cannot switch, it does not have
                fcntl.ioctl(control, SIOCETHTOOL, request.ljust(40, b"\0"))


def has_ipv6() -> bool:
    return os.path.exists("/proc/sys/net/ipv6/conf/all/forwarding")


def capabilities() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))


def may_make_namespaces() -> bool:
    """CAP_SYS_ADMIN and CAP_NET_ADMIN: then no user namespace is needed."""
    return all(capabilities() >> bit & 1 for bit in (21, 12))


def rootless_here() -> bool:
    """Whether root in this namespace is somebody else outside."""
    with open("/proc/self/uid_map") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def namespace_advice() -> str:
    """Which switch forbids unprivileged namespaces, as far as it can be read."""
    switches = {"kernel/unprivileged_userns_clone": "0", "kernel/apparmor_restrict_unprivileged_userns": "1", "user/max_user_namespaces": "0"}
    for switch, forbidding in switches.items():
        with contextlib.suppress(OSError), open("/proc/sys/" + switch) as file:
            if file.read().strip() == forbidding:
                return f"run as root, or change it: sudo sysctl {switch.replace('/', '.')}={'10000' if 'max' in switch else 1 - int(forbidding)}"
    return "run as root; in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run --privileged)"
