#!/usr/bin/env python3
"""punch remembers for a day that there was no direct path to a peer, says so the next time and goes by the relay sooner; and it
forgets where that is not so any more.

anna and ben are behind NATs that take a new port for each destination, nora's network lets no UDP out, and carl and dora reach
each other unless their packets are dropped on the way. Times are compared, not measured: a busy machine is no defect.
"""
import contextlib
import json
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

HOMES = {"anna": "apdm-apdf", "ben": "apdm-apdf", "nora": "udp-blocked", "carl": "eim-apdf", "dora": "eim-apdf"}
DELAY = "delay=12.5ms"
DAY_S = 24 * 3600
LONG, SHORT = "2500ms", "300ms"   # of looking for a direct path; 1.8 s are needed to say that there is none
CUT = ("add table ip cut; add chain ip cut forward { type filter hook forward priority 0; }; "
       "add rule ip cut forward ip saddr 203.0.113.0/24 ip daddr 203.0.113.0/24 drop")
SAID = "no direct path was found here to this peer"


class Cache:
    """What one host remembers, and its runs; the other side remembers nothing."""

    def __init__(self, folder: str, host: str, other: str):
        self.folder, self.host, self.other = Path(folder) / "natkit", host, other
        self.file = self.folder / "peers.json"

    def meet(self, *options: str, room: str = "blue-whale", seconds: str = SHORT) -> punching.Punch:
        """The other side waits when this one comes; only this one has a cache."""
        common = ("pair", room, "--for", seconds, "--map", "never")
        waiting = punching.Punch(self.other, *common)
        assert waiting.until(lambda: any(one.event["kind"].startswith("relay") for one in waiting.find("candidate")), 20), waiting.story()
        mine = punching.Punch(self.host, *common, *options, XDG_CACHE_HOME=str(self.folder.parent))
        assert mine.wait() == 0 and waiting.wait() == 0, f"{mine.story()}\n{waiting.story()}"
        return mine

    def read(self, room: str = "blue-whale") -> tuple[str, str]:
        """What a person sees of a run: the answer, and what -v says."""
        waiting = punching.Punch(self.other, "pair", room, "--for", SHORT, "--map", "never")
        command = programs.inside(self.host, programs.own("punch"), "-v", "pair", room, "--for", SHORT, "--map", "never", "--server", punching.SERVER)
        done = subprocess.run(["env", f"XDG_CACHE_HOME={self.folder.parent}", f"XDG_STATE_HOME={punching.state_folder(self.host)}", *command],
                              capture_output=True, text=True, timeout=40)
        assert done.returncode == 0 and waiting.wait() == 0, f"{done}\n{waiting.story()}"
        return done.stdout, done.stderr

    def peers(self) -> list[dict]:
        return json.loads(self.file.read_text())["peers"]

    def date(self, at: float) -> None:
        """What is remembered of the only peer is of then."""
        text = json.loads(self.file.read_text())
        text["peers"][0]["at_s"] = int(at)
        self.file.write_text(json.dumps(text))


def nft(script: str) -> None:
    subprocess.run(programs.inside("core", "nft", script), check=True)


def remembered(run: punching.Punch) -> dict | None:
    return run.find("connected")[0].event["remembered"]


def is_relayed(run: punching.Punch) -> bool:
    return run.path["kind"] == "relayed"


def wait_ms(run: punching.Punch) -> float:
    """From the server's knowing this host to the first path."""
    registered, connected = run.find("registered")[0], run.find("connected")[0]
    return (connected.at - registered.at) * 1000


@contextlib.contextmanager
def informed(host: str, other: str):
    """A cache that knows that these two have no direct path, and the run that found it out."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder, host, other)
        first = cache.meet(seconds=LONG)
        assert is_relayed(first) and remembered(first) is None and len(cache.peers()) == 1, first.story()
        yield cache, first


def test_the_second_run_between_symmetric_nats_says_it_and_is_relayed_at_once():
    with informed("anna", "ben") as (cache, first):
        second = cache.meet()
        assert is_relayed(second) and remembered(second)["direct"] is False, second.story()
        assert 0 <= remembered(second)["age_ms"] < 120_000, second.story()
        print(f"   symmetric NATs: {wait_ms(first):.0f} ms, then {wait_ms(second):.0f} ms from registration to a path", flush=True)
        answer, steps = cache.read()
        assert SAID in answer and "a direct one is still tried" in answer, answer
        assert "by a relay only" in steps, steps


def test_where_no_udp_gets_out_the_second_run_is_relayed_sooner():
    with informed("nora", "ben") as (cache, first):
        second = cache.meet()
        assert is_relayed(second) and remembered(second), second.story()
        print(f"   UDP blocked: {wait_ms(first):.0f} ms, then {wait_ms(second):.0f} ms from registration to a path", flush=True)
        assert wait_ms(second) < wait_ms(first), f"{first.story()}\n{second.story()}"


def test_the_file_is_the_users_own_and_holds_no_address_and_no_name():
    with informed("anna", "ben") as (cache, _):
        assert stat.S_IMODE(cache.file.stat().st_mode) == 0o600 and stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
        text = cache.file.read_text()
        assert not any(part in text for part in ("192.168", "203.0.113", "cb0071", punching.SERVER, "whale")), text
        assert [path.name for path in cache.folder.iterdir()] == ["peers.json"]


def test_it_is_of_this_name_and_of_this_peer_only():
    with informed("anna", "ben") as (cache, _):
        assert remembered(cache.meet(room="red-whale")) is None
        cache.other = "nora"
        assert remembered(cache.meet()) is None


def test_what_is_older_than_a_day_or_of_tomorrow_is_forgotten():
    with informed("anna", "ben") as (cache, _):
        for at in (time.time() - DAY_S - 60, time.time() + 3600):
            cache.date(at)
            assert remembered(cache.meet()) is None
        cache.date(time.time() - DAY_S + 600)
        assert remembered(cache.meet())["age_ms"] > 23 * 3600 * 1000
        assert SAID + " 23 h ago" in cache.read()[0]


def test_fresh_says_nothing_and_stores():
    with informed("anna", "ben") as (cache, _):
        cache.date(time.time() - 3600)
        assert remembered(cache.meet("--fresh", seconds=LONG)) is None
        assert 0 <= remembered(cache.meet())["age_ms"] < 120_000


def test_who_did_not_look_for_long_or_at_everything_learns_nothing():
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder, "anna", "ben")
        for options, seconds in (((), SHORT), (("--relay", "only"), LONG), (("--transport", "udp"), LONG)):
            assert is_relayed(cache.meet(*options, seconds=seconds)) and not cache.folder.exists(), options


def test_a_direct_path_is_found_all_the_same_and_drops_the_memory():
    nft(CUT)
    with contextlib.ExitStack() as mending:
        mending.callback(nft, "delete table ip cut")
        cache, _ = mending.enter_context(informed("carl", "dora"))
        nft("flush chain ip cut forward")
        direct = cache.meet(seconds="1s")
        assert remembered(direct) and not is_relayed(direct), direct.story()
        assert cache.peers() == []
        again = cache.meet()
        assert remembered(again) is None and not is_relayed(again), again.story()


def test_whatever_the_file_holds_the_run_goes_on_and_replaces_it():
    with informed("anna", "ben") as (cache, _):
        whole = cache.file.read_text()
        for text, why in ((whole[:-20], "cut short"), ("[" * 32768, "cut short"), (whole.replace("peers/1", "peers/2"), "another version")):
            cache.file.write_text(text)
            assert remembered(cache.meet()) is None
            answer, steps = cache.read()
            assert SAID not in answer and why in steps and steps.count("nothing is remembered") == 1, steps
        cache.meet(seconds=LONG)
        assert remembered(cache.meet())


def test_where_nothing_can_be_kept_the_run_is_the_same():
    cache = Cache("/dev/null", "anna", "ben")
    run = cache.meet(seconds=LONG)
    assert is_relayed(run) and remembered(run) is None and not run.other_lines, run.story()
    loud = cache.meet("-v", seconds=LONG)
    assert any("is not remembered" in line for line in loud.other_lines), loud.story()


TESTS = {name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")}


def main() -> int:
    programs.beside_a_lab("server=" + DELAY, *(f"{name}={spec},{DELAY}" for name, spec in HOMES.items()))
    with programs.serve("--listen", punching.SERVER, "--relay", "on", host="server")[0]:
        for name, test in TESTS.items():
            if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
                continue
            test()
            print(f"ok: {name.replace('_', ' ')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
