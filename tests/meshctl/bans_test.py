#!/usr/bin/env python3
"""Whom the server's operator bans gets in nowhere, also when the ban comes later; and a server that keeps its key is known by it."""
import json
import re
import signal
import tempfile
from pathlib import Path

import loopback
import programs
from loopback import SECONDS, check, until
from players import Player, run

players: list = []
with tempfile.TemporaryDirectory(prefix="bans-") as folder:
    bans, key, home = Path(folder, "bans"), f"{folder}/server.pem", f"{folder}/anna"
    Path(home).mkdir()
    bans.write_text("# nobody yet\n")

    def serve() -> tuple[programs.Program, str]:
        started = programs.Program(programs.own("rendezvousd"), "--log", "json", "--listen", "127.0.0.1:0", "--ban-file", str(bans), "--identity", key)
        return started, json.loads(started.wait_for(r'"event":\s*"ready"').string)["udp"][0]

    def refusal(*words: str) -> tuple[int, str]:
        done = run(*words, "--server", place, "--json", folder=home)
        last = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
        return done.returncode, last.get("error", {}).get("reason", "none")

    server, place = serve()
    try:
        players += [Player(place, "anna", "--players", "2", folder=home), Player(place, "ben", "--players", "2")]
        if not check(all(each.wait_for("joined", SECONDS) for each in players), "two are matched"):
            raise SystemExit(1)
        anna, ben = players
        cheat, signer = anna.event("joined")["member"], anna.event("matched")["decision"]["signed_by"]
        host = loopback.Member(place, "carl", "create")
        players.append(host)
        check(host.wait_for("joined", SECONDS), "a third one begins a session")
        # --- the ban comes
        bans.write_text(f"# sees through walls\n{cheat}\n")
        server.process.send_signal(signal.SIGHUP)
        check(server.wait_for(r"1 banned") is not None, "the file is read again")
        check(until(lambda: any("banned" in json.dumps(said.event) for said in anna.find("trouble") + anna.find("error"))), "who is on it is told so")
        check(host.status()["server"] == place, "nobody else is dismissed")
        anna.end()
        ben.end()
        check(refusal("match", "--players", "2") == (4, "banned"), f"no match for it: {refusal('match', '--players', '2')}")
        kept = ("--identity", f"{home}/natkit/identity.pem")
        check(refusal("create", "nest", *kept) == (4, "banned"), f"nor a session: {refusal('create', 'nest', *kept)}")
        check(refusal("report", "1" * 32, "b" * 64, "--reason", "abuse") == (4, "banned"), "nor a say")
        # --- a list that is wrong changes nothing
        bans.write_text("# somebody has edited it\n\nwho?\n")
        server.process.send_signal(signal.SIGHUP)
        check(re.search(r"line 3 ", server.wait_for(r"the old bans stay").string) is not None, "a wrong list is refused with its line")
        check(refusal("match", "--players", "2") == (4, "banned"), "and the old bans stay")
        # --- the same server again
        bans.write_text("")
        host.end()
        server.end()
        server, place = serve()
        again = [Player(place, name, "--players", "2") for name in ("dora", "emil")]
        players += again
        if check(all(each.wait_for("matched", SECONDS) for each in again), "after a restart others are matched"):
            decisions = [each.event("matched")["decision"] for each in again]
            check(decisions[0] == decisions[1] and decisions[0]["signed_by"] == signer, "and the server signs with the key that it had")
            check(Path(key).stat().st_mode & 0o777 == 0o600, "which nobody else can read")
    finally:
        for each in players:
            each.end()
        server.end()
        if loopback.complaints:
            for each in players:
                print(each.story())
loopback.finish()
