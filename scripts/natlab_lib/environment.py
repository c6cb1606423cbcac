"""What a command learns about its lab from environment variables."""
import sys
from pathlib import Path

from . import state


def joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def variable(name: str) -> str:
    return name.upper().replace("-", "_")


def of_lab(lab: dict) -> dict[str, str]:
    """For every command of `run` and `exec`."""
    server = lab["server"]
    hosts = [host for host in lab["hosts"] if host["network"]]
    found = {
        "NATLAB": str(Path(sys.argv[0]).resolve()),
        "NATLAB_NAME": lab["name"],
        "NATLAB_STATE": str(state.directory()),
        "NATLAB_HOSTS": " ".join(host["name"] for host in hosts),
        "NATLAB_SERVER": joined(server["addresses"][0], server["port"]),
        "NATLAB_SERVER_ADDRESSES": " ".join(server["addresses"]),
        "NATLAB_SERVER_SINGLE": server["single"],
    }
    if server["addresses6"]:
        found |= {"NATLAB_SERVER6": joined(server["addresses6"][0], server["port"]),
                  "NATLAB_SERVER_ADDRESSES6": " ".join(server["addresses6"]),
                  "NATLAB_SERVER_SINGLE6": server["single6"]}
    for host in hosts:
        for key, suffix in (("address", "ADDRESS"), ("address6", "ADDRESS6"), ("public", "PUBLIC")):
            if host[key]:
                found[f"NATLAB_{variable(host['name'])}_{suffix}"] = host[key]
    return found


def of_host(lab: dict, node: str) -> dict[str, str]:
    """For a command inside one host (or router): its own name and addresses too."""
    found = of_lab(lab) | {"NATLAB_HOST": node}
    for host in lab["hosts"]:
        if host["name"] == node:
            found |= {name: host[key] for name, key in (("NATLAB_ADDRESS", "address"), ("NATLAB_ADDRESS6", "address6")) if host[key]}
    return found
