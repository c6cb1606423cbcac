#!/usr/bin/env python3
"""Players who do not know each other are matched by a rendezvousd on this host, and end up in one session that nobody else sees."""
import hashlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

import loopback
import programs
from loopback import SECONDS, check, until
from players import Player, run


def holds(decision: dict) -> bool:
    """For a program that nobody here wrote."""
    openssl = programs.foreign("openssl", "openssl")
    with tempfile.TemporaryDirectory() as folder:
        certificate, key, text, signature = (Path(folder, name) for name in ("certificate", "key", "text", "signature"))
        certificate.write_bytes(bytes.fromhex(decision["certificate"]))
        signature.write_bytes(bytes.fromhex(decision["signature"]))
        text.write_bytes(b"natkit match\n" + decision["text"].encode())
        subprocess.run([openssl, "x509", "-inform", "DER", "-in", certificate, "-pubkey", "-noout", "-out", key], check=True, timeout=SECONDS)
        return subprocess.run([openssl, "dgst", "-sha256", "-verify", key, "-signature", signature, text], capture_output=True, check=False,
                              timeout=SECONDS).returncode == 0


server, udp = programs.serve("--listen", "127.0.0.1:0")
players: list[Player] = []
try:
    players = [Player(udp[0], name, "--players", "3", "--game", "chess", "--tag", "map=hill") for name in ("anna", "ben", "carl")]
    elsewhere = Player(udp[0], "dora", "--players", "3", "--game", "go", "--timeout", "4s")
    players.append(elsewhere)
    three = players[:3]
    if check(all(each.wait_for("matched", SECONDS) for each in three), "three who want the same are matched"):
        told = [each.event("matched") for each in three]
        check(len({one["session"] for one in told}) == 1 and len({one["host"] for one in told}) == 1, "all hear of one session and one host")
        check([one["member"] for one in told[0]["players"]] == [one["member"] for one in told[1]["players"]], "and of the same players")
        decision = told[0]["decision"]
        check(all(one["decision"] == decision for one in told), "and have the same word of the server")
        said = json.loads(decision["text"])
        check([one["member"] for one in said["players"]] == [one["member"] for one in told[0]["players"]] and said["session"] == told[0]["session"]
              and abs(said["decided"] - time.time()) < 60 and decision["decided_unix_ms"] == 1000 * said["decided"], "which says who plays and hosts, and when that was decided")
        check(hashlib.sha256(bytes.fromhex(decision["certificate"])).hexdigest() == decision["signed_by"], "by the key that it named")
        check(holds(decision), "and OpenSSL finds the signature right")
        check(not holds({**decision, "text": decision["text"].replace('"chess"', '"go"')}), "but not over anything else")
        check(told[0]["reasons"] and "score" in told[0]["reasons"][-1], f"and why that one hosts: {told[0]['reasons']}")
        check(all(sum(player["self"] for player in one["players"]) == 1 for one in told), "each finds itself among them")
        check(all(each.wait_for("joined", SECONDS) for each in three), "all are members of the session")
        check(all(each.event("joined")["session"] == told[0]["session"] for each in three), "of that very one")
        check(all(each.event("joined")["host"] == told[0]["host"] for each in three), "under the host that was named")
        check(until(lambda: len(three[0].find("member-joined")) + len(three[0].event("joined")["members"]) >= 3), "three of them")
        check({one["member"] for one in told[0]["players"]} >= {each.event("joined")["member"] for each in three}, "by the keys they were matched by")
        name = told[0]["name"]
        with tempfile.TemporaryDirectory() as other:
            listed = run("list", "--server", udp[0], "--json", folder=other)
            check(json.loads(listed.stdout)["sessions"] == [], "the list does not show it")
            stranger = run("join", name, "--server", udp[0], "--json", folder=other)
            refusal = json.loads(stranger.stdout.splitlines()[-1])
            check(stranger.returncode == 4, f"who knows its name does not get in: exit {stranger.returncode}, {refusal}")
        key = Path(three[0].folder) / "natkit" / "identity.pem"
        check(key.exists() and key.stat().st_mode & 0o777 == 0o600, "the key is kept, for its owner alone")
        mine = three[0].event("joined")["member"]
        for each in three:
            each.end()
        check(all(each.process.returncode == -15 for each in three), "SIGTERM ends each in order")
        again = Player(udp[0], "anna", "--players", "2", "--timeout", "1s", folder=three[0].folder)
        players.append(again)
        mate = Player(udp[0], "emil", "--players", "2")
        players.append(mate)
        if check(mate.wait_for("matched", SECONDS), "a second match comes about"):
            check(mine in [one["member"] for one in mate.event("matched")["players"]], "in which the same key plays")
    elsewhere.wait(SECONDS)
    error = elsewhere.find("error")[0].event["error"] if elsewhere.find("error") else {}
    check(elsewhere.process.returncode == 3 and error.get("reason") == "no-match", f"who finds nobody is told so in time: {error}")
    waiting = Player(udp[0], "finn", "--players", "2", "--game", "alone")
    players.append(waiting)
    if check(waiting.wait_for("seeking", SECONDS), "who waits is told how many do"):
        begin = time.monotonic()
        waiting.process.send_signal(2)
        waiting.wait(SECONDS)
        check(waiting.process.returncode == -2 and time.monotonic() - begin < SECONDS / 2, "Ctrl-C ends the waiting")
finally:
    for each in players:
        each.end()
    server.end()
    if loopback.complaints:
        for each in players:
            print(each.story())
loopback.finish()
