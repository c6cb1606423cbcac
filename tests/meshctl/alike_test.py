#!/usr/bin/env python3
"""Whoever asks the process of a session, or reads its events, need not know whether it leads: the same lines, and answers of one form."""
import json

import loopback
from loopback import check, until

# In this order on both; `unlock` undoes `lock`. A member may not do what the host may, and says so in the form of an error.
FREE = [["status"], ["members"], ["invite"], ["send", "hello"], ["ready"], ["kick", "nobody"]]
FOR_THE_HOST = [["lock"], ["unlock"]]


def form(value: object) -> object:
    """Keys and kinds: what a script has to know."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def answer(member: loopback.Member, words: list[str]) -> tuple[int, object]:
    done = member.ask(*words)
    return done.returncode, form(json.loads(done.stdout)) if done.stdout else None


def keys(member: loopback.Member, event: str) -> object:
    found = member.find(event)
    return sorted(found[0].event) if found else f"no {event}"


def settled(members: list[loopback.Member]) -> bool:
    """Round trips are measured, and all votes are given: what is not known yet is null, which is of another kind."""
    return all(len(each.status().get("members", [])) == len(members) and all(one["voter"] for one in each.status()["members"]) for each in members)


with loopback.session("anna", "ben", "carl") as members:
    if len(members) == 3:
        anna, ben, carl = members
        check(until(lambda: settled(members)), "the session stands")
        for words in FREE:
            of_host, of_member = answer(anna, words), answer(ben, words)
            if words[0] in ("status", "members"):   # a path to oneself and links that come later differ in what is null
                of_host, of_member = ((code, sorted(told) if isinstance(told, dict) else told) for code, told in (of_host, of_member))
            check(of_host == of_member, f"{words[0]}: host and member answer alike: {of_host[0]}{'' if of_host == of_member else f' {of_host} {of_member}'}")
        for words in FOR_THE_HOST:
            code, told = answer(ben, words)
            check(code == 4 and isinstance(told, dict) and "error" in told and ben.status()["host"] == anna.id,
                  f"{words[0]}: a member refuses, and its status names who may: exit {code}")
            check(answer(anna, words)[0] == 0, f"{words[0]}: the host does it")
        # --- the other way: what the program behind it hears
        check(ben.ask("send", "from ben").returncode == 0 and anna.ask("send", "from anna").returncode == 0, "both say something")
        check(until(lambda: len(carl.find("message")) >= 4), "a third one hears both")
        said = [one.event for one in carl.find("message")]
        check(len({tuple(sorted(one)) for one in said}) == 1, "nothing in it tells the host's word from a member's but the name")
        check(keys(anna, "joined") == keys(ben, "joined") == keys(carl, "joined"), f"`joined` has one form: {keys(anna, 'joined')}")
        # --- and when another one leads
        before = ben.status()
        check(anna.ask("handover", "ben").returncode == 0 and until(lambda: ben.status()["host"] == ben.id), "ben leads")
        after = ben.status()
        check(sorted(before) == sorted(after) and sorted(before["members"][0]) == sorted(after["members"][0]), "his status keeps its form")
        check(answer(ben, ["lock"])[0] == 0 and answer(anna, ["lock"])[0] == 4, "and the same lines do what they did at the old host")
        check(keys(anna, "host-changed") == keys(carl, "host-changed") == keys(ben, "host-changed"), "all are told of it in one form")
loopback.finish()
