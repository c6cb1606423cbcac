"""The command line of natlab."""
import argparse
import json
import os
import sys

from . import __version__, state
from .errors import Exit, LabError

TEXT = """\
Raise small internets on this machine: hosts behind NATs of every kind, with delay and loss, as network namespaces.
Nothing outside them is touched, and nothing is left behind.

  natlab run home=port-restricted,delay=25ms work=symmetric -- ./my-test.sh
  natlab up home=full-cone friend=cgn,ipv6 --json
  natlab exec home -- ping -c1 198.51.100.1
  natlab down
"""

SPEC_HELP = """\
SPEC, one per network:  NAME=TYPE[,option=value…]      home=eim-apdf,inbound=accept,delay=25ms,jitter=5ms,loss=1%,ipv6
  TYPE           'natlab types' lists them: nine mapping-filtering pairs (eim-eif … apdm-apdf; full-cone, restricted-cone,
                 port-restricted and symmetric are names for four of them), sequential, block, cgn, public, firewall,
                 ipv6-only, udp-blocked, same-lan
  via=           kernel (nftables) or router (natlab_router, in user space). Default: the kernel where it can
  inbound=       what the NAT does with packets nobody inside asked for: drop (default), reject (ICMP error), or accept,
                 which takes the port away from whoever inside sends there later, as many Linux routers do
  delay=25ms     each way between this network and the internet: 50 ms round trip to the server, and between two such
                 networks 100 ms. jitter=5ms: each packet takes 0 to 5 ms more. loss=1%, duplicate=1%, reorder=1% (held
                 back by 10 ms): each way
  homes=2        cgn: how many homes behind the one carrier, alike to the private address, one host each
  hosts=2        how many hosts (same-lan: 2). One host is called NAME; several NAME1, NAME2 …
  ipv6           global IPv6 addresses too, behind a stateful firewall (open where the type is public);
                 =npt: private ones whose prefix the box exchanges, =nat66: whose hosts share the box's
  mtu=1492       what the uplink takes in one piece; senders of larger packets are told so (ICMP)
  lan=CIDR       the private network, default 192.168.N.0/24 for the N-th SPEC
  carrier=TYPE   cgn: the carrier's NAT, default eim-apdf. via= and inbound= speak of it (inbound= of both)
  ports=, lifetime=30s, hairpin=yes, pool=4, pooling=       via=router only: how outside ports are chosen (preserving,
                 overloading, sequential, block, random, parity), how long a mapping lives unused, whether hosts reach each
                 other by their outside addresses, number of outside addresses and whether a host keeps to one (paired) or
                 not (arbitrary)
  The server's own link: server=delay=12.5ms,loss=1%: with delay=12.5ms for every network too, all round trips, to the
                 server and between networks, take 50 ms
"""

ADDRESSES_HELP = """\
Names and addresses (N-th SPEC):
  server         198.51.100.1 and .2 (for RFC 5780), .3 to be used alone; 2001:db8:ffff::1, ::2, ::3
  NAME           192.168.N.2, .3 …, seen outside as 203.0.113.<10 N>;  2001:db8:N::2, ::3 …
                 public, firewall: 203.0.113.<10 N>, +1 … themselves
  NAME.router    the box with LAN and uplink; NAME.carrier its second NAT (cgn, 100.64.N.1); NAME.isp and core, routers:
                 all of them can be entered with exec, as can the server
  A host's packet with TTL 1 dies in its own router, untranslated; with TTL 2 it passes the NAT and dies at the ISP, with 3
  at the core, with 4 at the other network's ISP; with 5 it reaches the other NAT (from a cgn: one more each).

Environment of commands started by run and exec: NATLAB_SERVER (198.51.100.1:3478), NATLAB_SERVER_ADDRESSES (both),
  NATLAB_SERVER_SINGLE (the third), the same with 6 at the end of SERVER or ADDRESSES or SINGLE for IPv6, NATLAB_HOSTS,
  NATLAB_<HOST>_ADDRESS, _ADDRESS6, _PUBLIC, NATLAB_NAME (so that natlab inside means this lab), NATLAB (this program);
  exec adds NATLAB_HOST, NATLAB_ADDRESS, NATLAB_ADDRESS6.
"""

REQUIREMENTS_HELP = """\
Requirements: Linux, Python 3.11, iproute2, nftables. Without root, user namespaces must be allowed; Ubuntu 24.04 forbids
  them: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0. In a container: docker run --privileged. Delay, jitter,
  loss and via=router need natlab_router, which is built with natkit (or named by NATLAB_ROUTER).

Exit status: 0 done; 1 selftest found a row wrong; 2 usage, something missing; 3 no such lab or host; 4 namespaces forbidden,
  or a lab of that name is up; 70 a defect; 130, 143 interrupted. run and exec end with the status of the command.
"""


def add_common(parser, json_too: bool) -> None:
    parser.add_argument("--name", metavar="LAB", default=None,
                        help=f"which lab (default: $NATLAB_NAME, else '{state.DEFAULT_NAME}'); several can be up at once")
    if json_too:
        parser.add_argument("--json", action="store_true", help="print one JSON object")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="natlab", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="\n".join((SPEC_HELP, ADDRESSES_HELP, REQUIREMENTS_HELP)))
    parser.add_argument("--version", action="version", version=f"natlab {__version__}")
    commands = parser.add_subparsers(dest="do", metavar="COMMAND", required=True)

    def command(name: str, text: str, epilog: str = "", json_too: bool = False):
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
        add_common(made, json_too)
        return made

    command("up", "raise a lab; returns when everything in it answers", SPEC_HELP, json_too=True).add_argument(
        "specs", nargs="+", metavar="SPEC")
    command("exec", "run a command in a host: natlab exec HOST -- CMD…", ADDRESSES_HELP).add_argument("host", metavar="HOST")
    command("down", "end a lab and everything running in it").add_argument("--all", action="store_true", help="all labs of this user")
    command("run", "raise a lab, run a command beside it, end the lab: natlab run SPEC… -- CMD…",
            "CMD runs outside the lab and enters it with 'natlab exec HOST -- …'.\n\n" + SPEC_HELP + "\n" + ADDRESSES_HELP).add_argument(
        "specs", nargs="+", metavar="SPEC")
    command("status", "show the labs that are up", json_too=True)
    command("types", "list the types of network", json_too=True)
    proof = command("selftest", "prove with a prober of its own that each type behaves as its label says", json_too=True)
    proof.add_argument("--quick", action="store_true", help="one row per type, in the default way")
    proof.add_argument("--only", metavar="TYPE", action="append", help="only rows of this type (repeatable)")
    return parser


def parse(argv: list[str]):
    """Everything after the first -- is the command to run."""
    at = argv.index("--") if "--" in argv else len(argv)
    options = make_parser().parse_args(argv[:at])
    options.command = argv[at + 1:]
    if at < len(argv) and options.do not in ("exec", "run"):
        raise LabError("stray-command", f"'{options.do}' takes no command after --", "natlab run SPEC… -- CMD…")
    options.name_given = options.name is not None
    options.name = options.name or os.environ.get("NATLAB_NAME") or state.DEFAULT_NAME
    return options


def report(fault: LabError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"schema": "natkit/natlab/1",
                          "error": {"reason": fault.reason, "detail": fault.detail, "advice": fault.advice or None}}))
    print(f"error: {fault.detail}", file=sys.stderr)
    if fault.advice:
        print(f"hint: {fault.advice}", file=sys.stderr)


def find_handler(command: str):
    """Imports what the command needs, and no more: scripts call `exec` thousands of times."""
    if command == "exec":
        from . import enter
        return enter.exec_command
    from . import commands
    return getattr(commands, command)


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
        return int(find_handler(options.do)(options))
    except LabError as fault:
        report(fault, "--json" in argv[:argv.index("--")] if "--" in argv else "--json" in argv)
        return int(fault.code)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        return int(Exit.OK)
    except Exception:
        import traceback
        traceback.print_exc()
        return int(Exit.DEFECT)
