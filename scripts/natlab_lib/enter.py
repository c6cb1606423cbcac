"""Runs a command inside one of a lab's namespaces.

    natlab exec ──fork──> the command, in the lab's PID namespace
    (stays outside)       network of HOST, own /proc, same files and terminal

The command ends with the lab (it is in its PID namespace) and with `natlab exec` (parent-death signal); signals sent to
`natlab exec` are handed on, so in a script `natlab exec HOST -- CMD & kill $!` does what it looks like.
"""
import contextlib
import os
import signal
import sys

from . import environment, kernel, state
from .errors import Exit, LabError

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def keeper_pid(lab: dict) -> int:
    """As seen from here: inside the lab, the keeper is PID 1."""
    return 1 if os.stat("/proc/self/ns/pid").st_ino == lab["pid_namespace"] else lab["keeper"]


def open_namespaces(lab: dict, node: str) -> list[tuple[int, int]]:
    """Descriptors to enter, in this order; those we are in already are left out."""
    base = f"/proc/{keeper_pid(lab)}"
    wanted = [(f"{base}/ns/user", "user", kernel.CLONE_NEWUSER), (f"{base}/ns/pid", "pid", kernel.CLONE_NEWPID),
              (f"{base}/ns/mnt", "mnt", kernel.CLONE_NEWNS), (f"{base}/fd/{lab['nodes'][node]}", "net", kernel.CLONE_NEWNET)]
    try:
        return [(os.open(path, os.O_RDONLY | os.O_CLOEXEC), kind) for path, own, kind in wanted
                if os.stat(path).st_ino != os.stat(f"/proc/self/ns/{own}").st_ino]
    except OSError as fault:
        raise LabError("lab-gone", f"the lab '{lab['name']}' cannot be entered ({fault})", "was it raised by another user?", Exit.REFUSED) from None


def enter(namespaces: list[tuple[int, int]]) -> None:
    """A PID namespace is entered by children only, so a fork must follow."""
    directory = os.getcwd()
    for descriptor, kind in namespaces:
        kernel.setns(descriptor, kind)
        os.close(descriptor)
    os.chdir(directory)  # a mount namespace puts us at its root


def check_node(lab: dict, node: str) -> None:
    if node not in lab["nodes"]:
        hosts = [host["name"] for host in lab["hosts"]]
        others = [name for name in lab["nodes"] if name not in hosts]
        raise LabError("no-such-host", f"the lab '{lab['name']}' has no host '{node}'",
                       f"hosts: {', '.join(hosts)}; also to be entered: {', '.join(others)}", Exit.NOBODY)


def become(command: list[str], variables: dict[str, str]) -> None:
    """In the child: turns into the command, or ends as a shell would."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        os.execvpe(command[0], command, os.environ | variables)
    except FileNotFoundError:
        print(f"natlab: {command[0]}: not found", file=sys.stderr)
        os._exit(127)
    except BaseException as fault:
        print(f"natlab: {command[0]}: {fault}", file=sys.stderr)
        os._exit(126)


def exit_like(status: int) -> int:
    """The command's exit code; its signal as 128 + number, as shells do."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def terminal_told_it(number: int) -> bool:
    """Ctrl-C reaches the whole foreground group by itself; twice would be rude."""
    if number not in (signal.SIGINT, signal.SIGQUIT):
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def hand_on_signals(child: int) -> None:
    def hand_on(number, _frame) -> None:
        if not terminal_told_it(number):
            with contextlib.suppress(ProcessLookupError):  # it had just ended, by the same signal to our group
                os.kill(child, number)

    for number in FORWARDED:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, hand_on)


def run(lab: dict, node: str, command: list[str]) -> int:
    """Runs it to its end; returns its exit code."""
    check_node(lab, node)
    enter(open_namespaces(lab, node))
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # from the fork on, each signal is the child's
    child = os.fork()
    if child == 0:
        become(command, environment.of_host(lab, node))
    hand_on_signals(child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    return exit_like(os.waitpid(child, 0)[1])


def need_command(options, form: str) -> None:
    if not options.command:
        raise LabError("no-command", "there is no command after --", form)


def exec_command(options) -> int:
    need_command(options, "natlab exec HOST -- CMD…")
    return run(state.read(state.check_name(options.name)), options.host, options.command)
