#!/usr/bin/env python3
"""A dead directory is told from an empty one; who is blocked is not met; what is said of players is compared."""
import json
import time
import tempfile
import urllib.request

import loopback
import programs
from loopback import SECONDS, check, until
from players import Player, run

KEY = "b" * 64

players: list = []
folder = tempfile.TemporaryDirectory(prefix="conduct-")
home = folder.name
server = programs.Program(programs.own("rendezvousd"), "--log", "json", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
try:
    ready = json.loads(server.wait_for(r'"event":\s*"ready"').string)
    place, url = ready["udp"][0], f"http://{ready['http'][0]}"

    def said_of(member: str) -> dict:
        with urllib.request.urlopen(f"{url}/v1/members/{member}", timeout=SECONDS) as answer:
            return json.load(answer)["reports"]

    def names(*options: str) -> list[str]:
        return [row["name"] for row in json.loads(run("list", "--server", place, "--json", *options, folder=home).stdout)["sessions"]]

    empty = run("list", "--server", place, "--json", folder=home)
    check(empty.returncode == 0 and json.loads(empty.stdout)["sessions"] == [], "an empty directory is an answer")

    # --- blocks
    anna = Player(place, "anna", "--players", "2", "--game", "first")
    ben = Player(place, "ben", "--players", "2", "--game", "first")
    players += [anna, ben]
    host = loopback.Member(place, "dora", "create", "--identity", f"{home}/dora.pem")
    players.append(host)
    check(all(each.wait_for("joined", SECONDS) for each in (anna, ben, host)), "two are matched, and a session is listed")
    check(until(lambda: names() == ["den"]), "the list shows that session")
    check(run("block", host.id, folder=home).returncode == 0 and names() == [], "but not to who has blocked its host")
    check(json.loads(run("block", "--json", folder=home).stdout)["blocked"] == [{"member": host.id, "name": None}], "who sees whom he has blocked")
    check(run("block", "--remove", host.id[:6], folder=home).returncode == 0 and names() == ["den"], "until the block is taken back")
    ids = {each.name: each.event("joined")["member"] for each in (anna, ben)}
    check(until(lambda: "ben" in run("members", folder=anna.folder).stdout), "each knows the other's name")
    done = run("block", "ben", folder=anna.folder)
    listed = run("block", folder=anna.folder)
    check(done.returncode == 0 and listed.stdout == f"{ids['ben']}  ben\n", f"by name it is whom the session knows: {done.stderr}{listed.stdout}")
    nobody = run("block", "nobody", "--json", folder=anna.folder)
    check(nobody.returncode == 3 and json.loads(nobody.stdout)["error"]["reason"] == "no-such-member", "a name that nobody has is an error")

    # --- reports
    session = anna.event("matched")["session"]
    ben.end()
    check(until(lambda: time.sleep(0.5) or said_of(ids["ben"])["agreed"] > 1.4, 5), f"who leaves a match before its end is reported by both sides, who show the same of the session: {said_of(ids['ben'])}")
    check(said_of(ids["ben"])["disputed"] == 0 and said_of(ids["anna"]) == {"agreed": 0, "disputed": 0}, "and nobody else is")
    told = run("report", anna.event("matched")["name"], "ben", "--reason", "cheating", "--text", "sees through walls", "--server", place, "--json",
               folder=anna.folder)
    report = json.loads(told.stdout)
    check(told.returncode == 0 and (report.get("standing"), report.get("member"), report.get("session")) == ("one-sided", ids["ben"], session),
          f"one who has left can still be named: {told.stdout}")
    alone = json.loads(run("report", "1" * 32, KEY, "--reason", "abuse", "--server", place, "--json", folder=anna.folder).stdout)
    check(alone.get("standing") == "one-sided", f"by whole ids no process is asked; and one voice is one-sided: {alone}")
    other = json.loads(run("report", "1" * 32, KEY, "--reason", "abuse", "--server", place, "--json", folder=home).stdout)
    check(other.get("standing") == "one-sided", "two at one address are one voice")
    anna.end()

    again = [Player(place, "anna", "--players", "2", "--timeout", "8s", folder=anna.folder), Player(place, "ben", "--players", "2", "--timeout", "8s", folder=ben.folder)]
    players += again
    for each in again:
        each.wait(SECONDS)
    check(all(each.process.returncode == 3 and not each.find("matched") for each in again), "who was blocked is not met, though nobody else comes")

    # --- a dead directory
    check(names() == ["den"], "the list shows the session as before")
    host.process.kill()
    server.end()
    dead = run("list", "--server", place, "--json", folder=home)
    answer = json.loads(dead.stdout)
    check(dead.returncode == 3 and answer["error"]["reason"] == "server-unreachable", "a dead directory is an error")
    check(answer.get("stale") is True and answer["stale_ms"] >= 0 and [row["name"] for row in answer["sessions"]] == ["den"], "with the last list, marked stale")
    words = run("list", "--server", place, folder=home)
    check(words.returncode == 3 and words.stdout.startswith("stale: ") and "den" in words.stdout and words.stderr.startswith("error: "), "for people too")
    unasked = json.loads(run("list", "--server", place, "--game", "chess", "--json", folder=home).stdout)
    check("sessions" not in unasked and unasked["error"]["reason"] == "server-unreachable", "of what was never asked nothing is shown")
finally:
    for each in players:
        each.end()
    server.end()
    folder.cleanup()
    if loopback.complaints:
        for each in players:
            print(each.story())
loopback.finish()
