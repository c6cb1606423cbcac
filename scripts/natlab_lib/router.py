"""Starts the user-space router (tests/lab/natlab_router.cpp) on one wire."""
import select
import subprocess

from . import catalogue
from .errors import Exit, LabError
from .plan import Wire

READY_SECONDS = 10.0


def arguments(wire: Wire) -> list[str]:
    network = wire.network
    words = ["--inside", wire.inside, "--outside", wire.outside]
    for option, seconds in (("--delay-us", network.delay_s), ("--jitter-us", network.jitter_s)):
        if seconds:
            words += [option, str(round(seconds * 1e6))]
    for option, share in (("--loss", network.loss), ("--duplicate", network.duplicate), ("--reorder", network.reorder)):
        if share:
            words += [option, f"{share:.6f}"]
    if network.via != catalogue.ROUTER:
        return words
    kind = network.outer_kind
    words += ["--nat", ",".join(wire.public), "--mapping", kind.mapping, "--filtering", kind.filtering,
              "--allocation", network.router.get("allocation", kind.allocation), "--inbound", network.inbound]
    if len(wire.public) > 1:
        words += ["--pooling", network.router.get("pooling", "paired")]
    for key in ("hairpin", "lifetime"):
        if key in network.router:
            words += [f"--{key}", network.router[key]]
    return words


def start(program: str, wire: Wire) -> subprocess.Popen:
    """In the current network namespace. Its messages go where ours go: the lab's log."""
    return subprocess.Popen([program, *arguments(wire)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def await_ready(process: subprocess.Popen, wire: Wire) -> None:
    """It prints one line when both of its ends are open, so nothing sent from then on is lost."""
    ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    if not ready or process.stdout.readline().strip() != b"ready":
        raise LabError("router-failed", f"the router of {wire.network.name} did not start", "see the lab's log; is natlab_router up to date?",
                       Exit.DEFECT)
