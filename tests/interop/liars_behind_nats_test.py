#!/usr/bin/env python3
"""Servers that promise what they do not do, asked from behind NATs. Other tools call a symmetric NAT endpoint-independent
there, or a restricted cone full; nat-probe must leave open what such a server cannot tell, and be right about the rest.
"""
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import fake_server as fake
import programs

EI, AD, APD = "endpoint-independent", "address-dependent", "address-and-port-dependent"
A, B = "198.51.100.1", "198.51.100.2"
DELAY = "delay=10ms"
AT_ONCE = 2
NETWORKS = {"eim-eif": (EI, EI), "eim-adf": (EI, AD), "eim-apdf": (EI, APD), "adm-adf": (AD, AD), "apdm-eif": (APD, EI),
            "apdm-apdf": (APD, APD)}

# What may be said, by the truth; None: nothing.
NOTHING = {EI: None, AD: None, APD: None}
BY_PORT = {EI: [EI, AD], AD: [EI, AD], APD: APD}         # two ports of one address: whether ports matter
BY_BOTH = {EI: EI, AD: [AD, APD], APD: [AD, APD]}        # A:P1 and B:P2 only: whether anything matters

SERVERS = {   # rule: (addresses, mapping, filtering)
    fake.ignore_change_request: ((A, B), BY_BOTH, NOTHING),
    fake.name_itself: ((A,), NOTHING, NOTHING),
    fake.name_own_other_port: ((A, A), BY_PORT, BY_PORT),
    fake.name_a_dead_address: ((A, B), NOTHING, NOTHING),
}


def start(rule) -> tuple[programs.Program, str]:
    program = programs.Program(*programs.inside("server", sys.executable, fake.__file__, rule.__name__, *SERVERS[rule][0]))
    try:
        return program, program.wait_for(r"^ready (\S+)")[1]
    except BaseException:
        program.end()
        raise


def ask(item) -> bool:
    rule, server, index, spec = item
    _, by_mapping, by_filtering = SERVERS[rule]
    mapping, filtering = NETWORKS[spec]
    wanted = (True, by_mapping[mapping], by_filtering[filtering])
    probed = programs.nat_probe(server, host=f"n{index}")
    found = tuple(probed.value(f"ipv4.{key}") for key in ("nat", "mapping", "filtering"))
    right = found == wanted and probed.exit == 0 and probed.value("servers")[0]["behaviour_discovery"] is False
    remark = "right" if right else f"WRONG, it should be {wanted[1:]}: {probed}"
    print(f"{rule.__name__:<22} {spec:<10} {found[1]} / {found[2]}  {remark}", flush=True)
    return right


def main() -> int:
    networks = list(enumerate(NETWORKS, start=1))
    programs.beside_a_lab(*(f"n{index}={spec},{DELAY}" for index, spec in networks))
    with contextlib.ExitStack() as running, ThreadPoolExecutor(AT_ONCE) as pool:
        servers = {}
        for rule in SERVERS:
            program, servers[rule] = start(rule)
            running.enter_context(program)
        right = list(pool.map(ask, [(rule, servers[rule], *network) for rule in SERVERS for network in networks]))
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
