#!/usr/bin/env python3
"""What meshctl says of how fit each member is to host, to scripts and to people."""
import loopback
from loopback import check, until

PARTS = {"reach": 4, "rtt_ms": 3, "loss": 2, "age_ms": 1, "failures": 2, "strain": 2}


def parts_of(member: loopback.Member, name: str) -> dict:
    return member.members().get(name, {}).get("fitness") or {}


def is_measured(member: loopback.Member, name: str, *parts: str) -> bool:
    fitness = parts_of(member, name)
    return all(fitness.get(part, {}).get("value") is not None for part in parts)


with loopback.session("anna", "ben", "carl", create=("--host-policy", "score")) as members:
    if len(members) == 3:
        anna, ben, carl = members
        for member in members:
            for name in ("anna", "ben", "carl"):
                check(until(lambda: is_measured(member, name, "rtt_ms", "loss", "age_ms", "strain")),
                      f"{member.name} knows round trip, loss, age and load of {name}")
        check(until(lambda: is_measured(anna, "ben", "failures")), "the host knows by the server who failed to host")
        fitness = parts_of(anna, "ben")
        check({part: fitness[part]["weight"] for part in PARTS} == PARTS, "every part has its weight")
        mean = sum(fitness[part]["points"] * weight for part, weight in PARTS.items()) / sum(PARTS.values())
        check(abs(mean - fitness["score"]) < 1e-9, f"the score is the weighted mean of its parts: {mean:.3f}")
        check(fitness["heard_by"] == 2, "ben is heard by two")
        check(fitness["loss"]["value"] < 0.3, f"loopback loses little: {fitness['loss']['value']}")
        check(fitness["failures"]["value"] == 0, "ben has failed nobody")
        for member in (ben, carl):
            check(parts_of(member, "ben")["failures"]["value"] is None, f"{member.name} has not asked the server, and says that it does not know")
        check("fit to host" in ben.ask("status", form="").stdout and "unknown" in ben.ask("status", form="").stdout, "people are told as well")
loopback.finish()
