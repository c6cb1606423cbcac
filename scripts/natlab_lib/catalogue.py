"""The kinds of network a lab can have, and what each must look like from outside.

Mapping and filtering are the behaviours of RFC 4787 (sections 4.1 and 5): eim/adm/apdm and eif/adf/apdf stand for
endpoint-independent, address-dependent, and address-and-port-dependent mapping and filtering.
"""
from dataclasses import dataclass

EI, AD, APD = "endpoint-independent", "address-dependent", "address-and-port-dependent"
KERNEL, ROUTER = "kernel", "router"


@dataclass(frozen=True)
class Kind:
    name: str
    sentence: str
    mapping: str | None = None        # None: nothing is translated (or nothing comes through)
    filtering: str | None = None      # None: nothing comes through at all
    vias: tuple[str, ...] = (KERNEL,)  # who can do it; the first is the default
    allocation: str = "preserving"    # of external ports; the router's names
    default_hosts: int = 1
    public_hosts: bool = False        # the hosts themselves have public addresses
    has_ipv4: bool = True
    takes_inbound: bool = True        # whether inbound= means anything


def _pairs() -> list[Kind]:
    mappings = {"eim": (EI, "one outside port for all destinations"),
                "adm": (AD, "another outside port for every destination address"),
                "apdm": (APD, "another outside port for every destination")}
    filters = {"eif": (EI, "anybody may answer"),
               "adf": (AD, "only addresses that were sent to may answer"),
               "apdf": (APD, "only address and port that were sent to may answer")}
    kernel = {"eim-eif", "eim-adf", "eim-apdf", "apdm-apdf"}
    kinds = []
    for m, (mapping, m_text) in mappings.items():
        for f, (filtering, f_text) in filters.items():
            name = f"{m}-{f}"
            vias = (KERNEL, ROUTER) if name in kernel else (ROUTER,)
            kinds.append(Kind(name, f"{m_text}; {f_text}", mapping, filtering, vias,
                              allocation="preserving" if m == "eim" else "random"))
    return kinds


KINDS: dict[str, Kind] = {kind.name: kind for kind in [
    *_pairs(),
    Kind("sequential", "as apdm-apdf, and the outside ports count upwards, so the next one can be guessed",
         APD, APD, (KERNEL, ROUTER), allocation="sequential"),
    Kind("block", "as apdm-apdf, and the outside ports of a host come from one small block",
         APD, APD, (ROUTER,), allocation="block"),
    Kind("cgn", "two NATs in a row: a home router (eim-apdf) behind a carrier's NAT, 100.64.0.0/10 in between",
         EI, APD, (KERNEL, ROUTER)),
    Kind("public", "public addresses, nothing translated, nothing filtered", None, EI, (KERNEL,), public_hosts=True,
         takes_inbound=False),
    Kind("firewall", "public addresses behind a stateful firewall", None, APD, (KERNEL,), public_hosts=True),
    Kind("ipv6-only", "IPv6 addresses only, behind a stateful firewall", None, APD, (KERNEL,), has_ipv4=False),
    Kind("udp-blocked", "as eim-apdf, but no UDP leaves or enters; TCP works", None, None, (KERNEL,)),
    Kind("same-lan", "two hosts behind one eim-apdf NAT, who also reach each other directly", EI, APD, (KERNEL, ROUTER),
         default_hosts=2),
]}

ALIASES = {
    "full-cone": "eim-eif",
    "restricted-cone": "eim-adf",
    "port-restricted": "eim-apdf",
    "port-restricted-cone": "eim-apdf",
    "symmetric": "apdm-apdf",
    "nat": "eim-apdf",
    "double-nat": "cgn",
}


def find(name: str) -> Kind | None:
    return KINDS.get(ALIASES.get(name, name))
