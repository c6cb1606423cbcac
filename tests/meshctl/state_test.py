#!/usr/bin/env python3
"""The host is killed, and who leads next takes in the state that the host's program had exported last."""
import tempfile
from pathlib import Path

import loopback
from loopback import check, until

EVERY = "200ms"

with tempfile.TemporaryDirectory(prefix="state-") as folder:
    state, taken, led = Path(folder, "state"), Path(folder, "taken"), Path(folder, "led")
    commands = ("--export-every", EVERY, "--export-cmd", f"cat {state}",
                "--import-cmd", f"echo $NATKIT_EPOCH $NATKIT_STATE_AGE_MS > {taken}.age; cat > {taken}.new; sleep 0.3; mv {taken}.new {taken}",
                "--on-host-cmd", f"if [ -e {taken} ]; then echo $NATKIT_EPOCH after > {led}; else echo before > {led}; fi")
    state.write_text("round 1\n")
    with loopback.session("anna", "ben", "carl", both=commands) as members:
        if len(members) < 3:
            loopback.finish()
        anna, *others = members
        check(until(lambda: led.exists() and led.read_text() == "before\n"), "the founder's command for hosts is run")
        led.unlink(missing_ok=True)
        check(until(lambda: all(one["voter"] for one in anna.status()["members"])), "all vote")
        state.write_text("round 2, the dragon sleeps\n")
        # Nobody can see that a state has arrived; it is exported five times a second.
        until(lambda: False, 1.5)
        exported = state.read_text()
        state.unlink()   # so that what comes next can only be what was given before
        anna.kill()
        check(until(taken.exists), "who leads now takes a state in")
        check(taken.exists() and taken.read_text() == exported, "it is what the dead host had exported last")
        # It is there before anything is written to it.
        check(until(lambda: led.exists() and led.read_text() == "2 after\n"), "only then the command for hosts is run")
        leaders = [one for one in others if one.find("became-host")]
        check(len(leaders) == 1, "one of the others leads")
        told = leaders[0].find("state-inherited") if leaders else []
        check(len(told) == 1 and told[0].event["state_bytes"] == len(exported) and 0 <= told[0].event["age_ms"] < 15000,
              f"it says so: {told[0].event if told else None}")
        epoch, age = Path(f"{taken}.age").read_text().split()
        check(epoch == "2" and float(age) >= 0, "its command knows the epoch, and how old the state is")
        loser = next(one for one in others if one not in leaders)
        check(not loser.find("state-inherited"), "the other one takes nothing in")
loopback.finish()
