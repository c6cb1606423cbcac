"""The commands: what each does, and what it prints. stdout carries the answer, stderr everything else."""
import contextlib
import json
import os
import select
import signal
import subprocess
import sys

from . import catalogue, enter, environment, keeper, spec, state
from .errors import Exit, LabError

STOP_SECONDS = 5.0   # how long a command of `run` may take to end after it was told to


def print_json(value: dict) -> None:
    print(json.dumps(value))


def public_view(lab: dict) -> dict:
    """The state without what only natlab itself needs."""
    shown = {key: value for key, value in lab.items() if key not in ("nodes", "pid_namespace")}
    return shown | {"nodes": list(lab["nodes"]), "environment": environment.of_lab(lab)}


def describe(lab: dict) -> str:
    server = lab["server"]
    lines = [f"lab '{lab['name']}'" + (f"   BROKEN: {lab['broken']}" if "broken" in lab else ""),
             f"  {'server':<12} {' '.join([*server['addresses'], server['single']])}"]
    for network in lab["networks"]:
        link = "".join(f", {key} {network[key + '_ms']:g} ms" for key in ("delay", "jitter") if network[key + "_ms"])
        link += f", loss {network['loss']:.1%}" if network["loss"] else ""
        inbound = f", inbound {network['inbound']}" if network["inbound"] else ""
        lines.append(f"  {network['name']:<12} {network['type']} via {network['via']}{inbound}{link}")
        for host in lab["hosts"]:
            if host["network"] == network["name"]:
                lines.append(f"    {host['name']:<10} {host['address'] or '-':<15} seen as {host['public'] or '-'}  {host['address6'] or ''}".rstrip())
    return "\n".join(lines)


def up(options) -> int:
    networks = spec.parse_all(options.specs)
    with Stop() as stop:
        lab, lifeline = keeper.start(state.check_name(options.name), networks)
        if stop.number:
            keeper.stop(lab["name"])
            return 128 + stop.number
        keeper.let_go(lifeline)
    if options.json:
        print_json(public_view(lab))
        return Exit.OK
    print(describe(lab))
    name = "" if lab["name"] == state.DEFAULT_NAME else f" --name {lab['name']}"
    print(f"try: natlab exec{name} {lab['hosts'][1]['name']} -- ping -c1 {lab['server']['addresses'][0]}", file=sys.stderr)
    return Exit.OK


def down(options) -> int:
    names = state.names() if options.all else [state.check_name(options.name)]
    for name in names:
        if options.all and not state.is_up(name):
            state.remove(name)
            continue
        keeper.stop(name)
    return Exit.OK


def run(options) -> int:
    """The lab lives exactly as long as this process, even if that is killed: the keeper watches the lifeline."""
    enter.need_command(options, "natlab run SPEC… -- CMD…")
    networks = spec.parse_all(options.specs)
    name = state.check_name(options.name if options.name_given else f"run-{os.getpid()}")
    with Stop() as stop:
        lab, _lifeline = keeper.start(name, networks)
        try:
            code = 0 if stop.number else supervise(options.command, os.environ | environment.of_lab(lab), stop)
        finally:
            keeper.stop(name)
        return 128 + stop.number if stop.number else code


class Stop:
    """Notes SIGINT, SIGTERM and SIGHUP instead of being torn out of what is being done. The first decides the exit code."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> "Stop":
        self.number = 0
        self.pipe, self.wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.before = {number: signal.signal(number, self.note) for number in self.SIGNALS}
        signal.set_wakeup_fd(self.wake)  # makes a select on `pipe` return
        return self

    def __exit__(self, *_fault) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self.before.items():
            signal.signal(number, handler)
        os.close(self.pipe)
        os.close(self.wake)

    def note(self, number, _frame) -> None:
        self.number = self.number or number


def supervise(command: list[str], variables: dict[str, str], stop: Stop) -> int:
    """Runs a command to its end; hands signals on, and kills it when it does not end in time after that."""
    try:
        child = subprocess.Popen(command, env=variables)
    except OSError as fault:
        print(f"natlab: {command[0]}: {fault.strerror}", file=sys.stderr)
        return 127 if isinstance(fault, FileNotFoundError) else 126
    pidfd = os.pidfd_open(child.pid)
    while pidfd not in (ready := select.select([pidfd, stop.pipe], [], [], STOP_SECONDS if stop.number else None)[0]):
        for number in os.read(stop.pipe, 64) if ready else [signal.SIGKILL]:
            if not enter.terminal_told_it(number):
                child.send_signal(number)
    os.close(pidfd)
    code = child.wait()
    return code if code >= 0 else 128 - code


def status(options) -> int:
    labs = []
    for name in state.names():
        if state.is_up(name):
            with contextlib.suppress(LabError):
                labs.append(state.read(name))
        else:
            state.remove(name)
    if options.json:
        print_json({"schema": "natkit/natlab/1", "labs": [public_view(lab) for lab in labs]})
    else:
        print("\n".join(describe(lab) for lab in labs) if labs else "no lab is up")
    return Exit.OK


def types(options) -> int:
    if options.json:
        print_json({"schema": "natkit/natlab/1", "types": [
            {"type": kind.name, "sentence": kind.sentence, "mapping": kind.mapping, "filtering": kind.filtering, "via": list(kind.vias),
             "aliases": [alias for alias, name in catalogue.ALIASES.items() if name == kind.name]} for kind in catalogue.KINDS.values()]})
        return Exit.OK
    for kind in catalogue.KINDS.values():
        aliases = [alias for alias, name in catalogue.ALIASES.items() if name == kind.name]
        print(f"{kind.name:<12} {' '.join(kind.vias):<14} {kind.sentence}" + (f" (also: {', '.join(aliases)})" if aliases else ""))
    return Exit.OK


def selftest(options) -> int:
    from . import selftest as proof
    return proof.run(options)
