#!/usr/bin/env python3
"""What meshctl says that it sent and received, by kind of path, is what went there."""
import loopback
from loopback import check, until

LINE = "x" * 4000
LINES = 20


def received(member: loopback.Member, of: str) -> int:
    return member.members()[of]["traffic"]["direct"]["received_bytes"]


with loopback.session("anna", "ben") as members:
    if len(members) == 2:
        anna, ben = members
        before = received(ben, "anna")
        for _ in range(LINES):
            anna.ask("send", LINE)
        check(until(lambda: len(ben.find("message")) == LINES), "all lines arrive")
        grown = received(ben, "anna") - before
        check(LINES * len(LINE) <= grown <= 2 * LINES * len(LINE), f"{LINES * len(LINE)} bytes of lines are {grown} bytes received by the direct path")
        status = anna.status()
        sent = status["members"][1]["traffic"]
        check(sent["direct"]["sent_bytes"] >= LINES * len(LINE), "who sent them counts them as sent")
        check(sent["routed"] == sent["relayed"] == {"sent_bytes": 0, "received_bytes": 0}, "nothing went by another kind of path")
        check(status["traffic"]["direct"]["sent_bytes"] >= sent["direct"]["sent_bytes"], "the total has it too")
        check(status["members"][0]["traffic"] is None, "with itself nobody talks")
        check("traffic  direct " in anna.ask("status", form="").stdout, "people are told as well")
loopback.finish()
