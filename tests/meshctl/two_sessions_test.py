#!/usr/bin/env python3
"""One user hosts two sessions at once on one machine, under one key, and each is its own."""
import json
import tempfile

import loopback
import programs
import punching
from loopback import SECONDS, check, until
from players import home_of, run


class Process(punching.Talker):
    def __init__(self, home: str, *words: str):
        super().__init__(" ".join(words[:2]), [programs.own("meshctl"), *words, "--json"], **home_of(home))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.wait(SECONDS)


server, udp = programs.serve("--listen", "127.0.0.1:0")
here, there, elsewhere = (tempfile.TemporaryDirectory(prefix="two-") for _ in range(3))
processes: list[Process] = []


def status(home: str, session: str) -> dict:
    done = run("status", session, "--json", folder=home)
    return json.loads(done.stdout) if done.returncode == 0 else {}


try:
    key = f"{here.name}/me.pem"
    processes += [Process(here.name, "create", name, "--server", udp[0], "--identity", key) for name in ("den", "nest")]   # at once
    if check(all(each.wait_for("joined", SECONDS) for each in processes), "two sessions are begun at the same time on one machine"):
        den, nest = (each.find("joined")[0].event for each in processes)
        check(den["member"] == nest["member"] == den["host"] == nest["host"] and den["session"] != nest["session"], "under one key, led by the same host")
        listed = json.loads(run("list", "--server", udp[0], "--json", folder=elsewhere.name).stdout)["sessions"]
        check({one["name"] for one in listed} == {"den", "nest"}, "both are listed")
        guests = [Process(there.name, "join", name, "--server", udp[0], "--name", "guest") for name in ("den", "nest")]
        processes += guests
        check(all(each.wait_for("joined", SECONDS) for each in guests), "another user joins both at once")
        check(until(lambda: all(len(status(here.name, name).get("members", [])) == 2 for name in ("den", "nest"))), "each has two members")
        unnamed = run("status", "--json", folder=here.name)
        check(unnamed.returncode == 2 or unnamed.returncode == 3, f"which of the two is meant has to be said: exit {unnamed.returncode}")
        check(run("send", "den", "only here", folder=here.name).returncode == 0 and until(lambda: guests[0].find("message")), "what is said in one")
        check(not guests[1].find("message"), "is not heard in the other")
        check(run("end", "den", folder=here.name).returncode == 0, "one is ended")
        guests[0].wait(SECONDS)
        check(guests[0].find("ended") and status(there.name, "nest").get("host") == nest["member"], "and the other one goes on")
finally:
    for each in processes:
        each.end()
    server.end()
    if loopback.complaints:
        for each in processes:
            print(each.story())
    here.cleanup()
    there.cleanup()
    elsewhere.cleanup()
loopback.finish()
