"""coturn's turnserver on the lab's server, beside ours: the same two addresses, other ports. What both share is tested in
coturn_test.py and foreign_clients_test.py.
"""
import contextlib
import subprocess
import tempfile
from collections.abc import Iterator

import programs

ADDRESSES = ("198.51.100.1", "198.51.100.2")
ADDRESSES6 = ("2001:db8:ffff::1", "2001:db8:ffff::2") if programs.HAS_IPV6 else ()
OUR_PORT, THEIR_PORT = 3478, 4478    # and each the next one
PACKAGE = "coturn"


def command(folder: str) -> list[str]:
    program = programs.foreign("turnserver", PACKAGE)
    listening = [word for address in (*ADDRESSES, *ADDRESSES6) for word in ("-L", address)]
    # RFC 5780 is on by default up to 4.6, and since then has to be asked for (coturn/coturn#1726).
    known = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=programs.RUN_SECONDS)
    discovery = ["--rfc5780"] if " --rfc5780" in known.stdout + known.stderr else []
    return [program, "-n", "-S", "-z", "-v", *listening, "-p", str(THEIR_PORT), "--alt-listening-port", str(THEIR_PORT + 1), *discovery,
            "--no-cli", "--no-tls", "--no-dtls", "--simple-log", "--log-file", "stdout", "--pidfile", f"{folder}/pid",
            "--db", f"{folder}/db"]


@contextlib.contextmanager
def both_servers() -> Iterator[None]:
    """Theirs and ours, both serving; inside a lab."""
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        theirs = running.enter_context(programs.Program(*programs.inside("server", *command(folder))))
        pairs = [ADDRESSES, [f"[{address}]" for address in ADDRESSES6]]
        ours, _ = programs.serve(*(word for a, b in filter(None, pairs) for word in ("--listen", a, "--alternate", b)), host="server")
        running.enter_context(ours)
        theirs.wait_for("Total General servers")   # said after the last listener has been opened
        yield
