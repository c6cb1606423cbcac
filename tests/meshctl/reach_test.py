#!/usr/bin/env python3
"""Where all are on one host nothing is asked about a network, nothing is said of it, and what is not known is null with its reason."""
from pathlib import Path

import loopback
from loopback import check, until

with loopback.session("anna", "ben") as members:
    if len(members) == 2:
        anna, ben = members
        reach = anna.status().get("reach") or {}
        check((reach["reach"], reach["can_host"], reach["reason"]) == (None, None, "not-measured"), f"what nobody outside can measure is null: {reach['reason']}")
        check(reach["port"]["state"] == "not-asked" and reach["forward"] is None, "no router is asked, and nothing is to be forwarded")
        check(not list(Path(anna.folder.name).rglob("port-mappings*")), "… nor is anything written down for it")
        pairs = lambda member: [(pair["predicted"], pair["achieved"]) for pair in member.status().get("pairs", [])]
        for member in members:
            check(until(lambda: pairs(member) == [("direct", "direct")]), f"{member.name} sees that neighbours need nothing, and have it: {pairs(member)}")
        text = anna.ask("status", form="").stdout
        check("can host unknown" in text and "\npairs " in text, "people are told as well")
        for member in members:
            member.end()
            check(not member.find("reach") and not member.other_lines, f"{member.name} is told of no reach, and warned of nothing: {member.other_lines}")
loopback.finish()
