#!/usr/bin/env python3
"""A command of the host's orders who leads next; where it fails or dawdles the policy does, and the session notices nothing."""
import json
import tempfile
from pathlib import Path

import loopback
from loopback import check, until


def order(member: loopback.Member) -> list[str]:
    ranked = [one for one in member.members().values() if one["rank"]]
    return [one["name"] for one in sorted(ranked, key=lambda one: one["rank"])]


with tempfile.TemporaryDirectory(prefix="policy-") as folder:
    asked, wish = Path(folder, "asked"), Path(folder, "wish")
    wish.write_text("dora\ncarl\nnobody of that name\n")
    # Atomically: it is read while it is written anew.
    command = f"cat > {asked}.new && mv {asked}.new {asked}; [ -e {folder}/dawdle ] && sleep 60; cat {wish}"
    with loopback.session("anna", "ben", "carl", "dora", create=("--policy-cmd", command)) as members:
        if len(members) == 4:
            anna, ben, *others = members
            check(until(lambda: order(ben) == ["dora", "carl", "ben"]), f"all see the order that the host's command wished: {order(ben)}")
            told = json.loads(asked.read_text())
            check(told["event"] == "status" and {one["name"] for one in told["members"]} == {"anna", "ben", "carl", "dora"}
                  and all(0 <= one["score"] <= 1 and one["fitness"]["reach"] for one in told["members"]), "it was told the members with their scores")
            epoch = ben.status()["epoch"]
            wish.unlink()   # so that it fails
            extra = loopback.Member(anna.place, "emil", "join")
            members.append(extra)
            check(extra.wait_for("joined", loopback.SECONDS) and until(lambda: order(ben) == ["ben", "carl", "dora", "emil"]),
                  f"where it fails the policy orders: {order(ben)}")
            wish.write_text("carl\n")
            Path(folder, "dawdle").touch()
            asked.unlink()
            extra.end()
            check(until(asked.exists), "it is asked again when somebody leaves")
            check(anna.ask("send", "still here").returncode == 0 and until(lambda: ben.find("message")), "while it dawdles the session goes on")
            Path(folder, "dawdle").unlink()
            check(until(lambda: order(ben) == ["carl", "ben", "dora"], 25), f"and once it answers in time it is heard again: {order(ben)}")
            check(ben.status()["epoch"] == epoch and ben.status()["host"] == anna.id, "nobody else leads for all that")
            anna.end()
            check(anna.story().count("--policy-cmd named nobody") == 1, "that it failed was told once, however often it did")
loopback.finish()
