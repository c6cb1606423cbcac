"""The commands: what each does, and what it prints. stdout carries the answer, stderr everything else."""
import contextlib
import json
import os
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
        lines.append(f"  {network['name']:<12} {network['type']} via {network['via']}, inbound {network['inbound']}{link}")
        for host in lab["hosts"]:
            if host["network"] == network["name"]:
                lines.append(f"    {host['name']:<10} {host['address']:<15} seen as {host['public']}  {host['address6'] or ''}".rstrip())
    return "\n".join(lines)


def up(options) -> int:
    lab, lifeline = keeper.start(state.check_name(options.name), spec.parse_all(options.specs))
    keeper.let_go(lifeline)
    print_json(public_view(lab)) if options.json else print(describe(lab))
    if not options.json:
        name = "" if lab["name"] == state.DEFAULT_NAME else f" --name {lab['name']}"
        print(f"natlab exec{name} {lab['hosts'][1]['name']} -- ping -c1 {lab['server']['addresses'][0]}", file=sys.stderr)
    return Exit.OK


def down(options) -> int:
    names = state.names() if options.all else [state.check_name(options.name)]
    for name in names:
        if options.all and not state.is_up(name):
            state.remove(name)
            continue
        keeper.stop(name)
    return Exit.OK


def exec_command(options) -> int:
    need_command(options, "natlab exec HOST -- CMD…")
    return enter.run(state.read(state.check_name(options.name)), options.host, options.command)


def need_command(options, form: str) -> None:
    if not options.command:
        raise LabError("no-command", "there is no command after --", form)


def run(options) -> int:
    """The lab lives exactly as long as this process, even if that is killed: the keeper watches the lifeline."""
    need_command(options, "natlab run SPEC… -- CMD…")
    name = state.check_name(options.name if options.name != state.DEFAULT_NAME or options.name_given else f"run-{os.getpid()}")
    stopped: list[int] = []
    with interruptible(stopped):
        lab, _lifeline = keeper.start(name, spec.parse_all(options.specs))
        try:
            code = supervise(options.command, os.environ | environment.of_lab(lab), stopped)
        finally:
            keeper.stop(name)
    return 128 + stopped[0] if stopped else code


@contextlib.contextmanager
def interruptible(stopped: list[int]):
    """SIGINT, SIGTERM and SIGHUP end the run in order; the first one decides the exit code."""
    def note(number, _frame) -> None:
        stopped.append(number)
        raise InterruptedError
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except InterruptedError:
        if not stopped:
            raise
        sys.exit(128 + stopped[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def supervise(command: list[str], variables: dict[str, str], stopped: list[int]) -> int:
    try:
        child = subprocess.Popen(command, env=variables)
    except OSError as fault:
        print(f"natlab: {command[0]}: {fault.strerror}", file=sys.stderr)
        return 127 if isinstance(fault, FileNotFoundError) else 126
    try:
        code = child.wait()
    except InterruptedError:
        if not enter.terminal_told_it(stopped[0]):
            child.send_signal(stopped[0])
        try:
            code = child.wait(STOP_SECONDS)
        except (InterruptedError, subprocess.TimeoutExpired):
            child.kill()
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
