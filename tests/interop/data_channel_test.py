#!/usr/bin/env python3
"""Our data channel to node-datachannel's (libdatachannel: OpenSSL or GnuTLS and usrsctp, put together by other people), on
two hosts of one network: streams opened from both sides, text and binary both ways, an end in order.

    data_channel_test.py PEER client|server      our peer's program, and its role in DTLS
"""
import hashlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

SCRIPT = Path(__file__).resolve().parent / "data_channel/peer.mjs"
MODULES = programs.ROOT / ".cache/npm"    # scripts/setup puts them there
BINARY = (b"natkit" * 16_667)[:100_000]    # as peer.mjs makes it
DESCRIBED = f"binary {len(BINARY)} {hashlib.sha256(BINARY).hexdigest()}"
OURS = {"secured", "opened theirs", "text hello from node", DESCRIBED, "text echo hello from natkit", "text close"}
THEIRS = {"state connected", "opened ours echo", "text hello from natkit", "text hello from node", DESCRIBED}


class Talker(programs.Program):
    """A program that is also spoken to."""

    def __init__(self, *command: str):
        super().__init__(*command, spoken_to=True)

    def tell(self, text: str) -> None:
        self.process.stdin.write(text)
        self.process.stdin.flush()


def missing(wanted: set[str], said: str) -> list[str]:
    return sorted(wanted - set(said.splitlines()))


def main() -> int:
    peer, role = sys.argv[1:]
    node = programs.foreign("node", "nodejs")
    if not (MODULES / "node_modules/node-datachannel").is_dir():
        programs.skip("node-datachannel is not installed (scripts/setup test)")
    programs.beside_a_lab("lan=same-lan")
    their_address, our_address = (os.environ[f"NATLAB_LAN{i}_ADDRESS"] for i in (1, 2))
    with (Talker(*programs.inside("lan1", node, str(SCRIPT), their_address, str(MODULES))) as theirs,
          Talker(*programs.inside("lan2", peer, our_address, role)) as ours):
        offer = json.loads(theirs.wait_for(r'^\{"').string)
        ours.tell(offer["sdp"].replace("\r\n", "\n").strip() + "\n\n")
        answer = [ours.wait_for("^v=0").string]
        while answer[-1]:
            answer.append(ours.wait_for("").string)
        theirs.tell(json.dumps({"type": "answer", "sdp": "\r\n".join(answer)}) + "\n")
        ending = ours.wait_for("^closed").string
        theirs.wait_for("^state (closed|disconnected)")
        left = missing(OURS, "\n".join(ours.said)), missing(THEIRS, "\n".join(theirs.said))
    print(f"ours, DTLS {role}: {ending}; not seen: {left[0]}\ntheirs: not seen: {left[1]}")
    return 0 if ending.startswith("closed closed-here") and left == ([], []) else 1


if __name__ == "__main__":
    sys.exit(main())
