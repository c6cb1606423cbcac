#!/usr/bin/env python3
"""nat-probe asks coturn's turnserver and rendezvousd in turn, behind the same networks: both must be told the same, which is
also the truth. coturn gives no receipts, so this is nat-probe as it meets other people's servers.
"""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import coturn
import programs

EI, AD, APD = "endpoint-independent", "address-dependent", "address-and-port-dependent"
DELAY = "delay=10ms"    # so that answers take a while, as they do
NETWORKS = {   # (nat, mapping, filtering); None: UDP is blocked
    "public": (False, EI, EI),
    "firewall": (False, EI, APD),
    "eim-eif": (True, EI, EI),
    "eim-adf": (True, EI, AD),
    "eim-apdf": (True, EI, APD),
    "eim-apdf,inbound=accept": (True, EI, APD),
    "adm-adf": (True, AD, AD),
    "apdm-eif": (True, APD, EI),
    "apdm-apdf": (True, APD, APD),
    "cgn": (True, EI, APD),
    "udp-blocked": None,
}
KEYS = ("udp", "ipv4.nat", "ipv4.mapping", "ipv4.filtering")
AT_ONCE = 2


def truth(found: tuple | None) -> list:
    return ["ok", *found] if found else ["blocked", None, None, None]


def compare(item: tuple[int, str]) -> bool:
    index, spec = item
    verdicts = {}
    for name, port in (("rendezvousd", coturn.OUR_PORT), ("turnserver", coturn.THEIR_PORT)):
        probed = programs.nat_probe(f"{coturn.ADDRESSES[0]}:{port}", host=f"n{index}")
        verdicts[name] = [probed.value(key) for key in (*KEYS, "labels.rfc3489")]
        right = probed.exit == 0 and verdicts[name][:len(KEYS)] == truth(NETWORKS[spec])
        print(f"{spec:<24} {name:<12} {probed.value('ipv4.mapping')} / {probed.value('ipv4.filtering')}, {probed.value('labels.rfc3489')}, "
              f"{probed.value('elapsed_ms')} ms" + ("" if right else f"   WRONG: {probed}"), flush=True)
        if not right:
            return False
    return verdicts["rendezvousd"] == verdicts["turnserver"]


def main() -> int:
    programs.foreign("turnserver", coturn.PACKAGE)
    networks = list(enumerate(NETWORKS, start=1))
    programs.beside_a_lab(*(f"n{index}={spec},{DELAY}" for index, spec in networks))
    with coturn.both_servers(), ThreadPoolExecutor(AT_ONCE) as pool:
        agreed = list(pool.map(compare, networks))
    print(f"{sum(agreed)} of {len(agreed)} networks: the same from both")
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
