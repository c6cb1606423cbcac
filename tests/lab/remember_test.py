#!/usr/bin/env python3
"""nat-probe says again what an earlier run on the same network has found out, and only there.

Two homes whose routers have the same address: one NAT hairpins, the other does not.
"""
import contextlib
import json
import stat
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

SERVER = "198.51.100.1"
HOMES = {"anna": "eim-apdf,via=router,hairpin=yes,delay=5ms", "ben": "eim-apdf,via=router,hairpin=no,delay=5ms"}
WEEK_S = 7 * 24 * 3600


class Cache:
    """A cache folder, and the runs that use it."""

    def __init__(self, folder: str):
        self.folder = Path(folder) / "natkit"
        self.file = self.folder / "networks.json"

    def probe(self, *options: str, host: str = "anna") -> programs.Probed:
        probed = programs.nat_probe(*options, SERVER, host=host, cache=str(self.folder.parent))
        assert probed.exit == 0, probed
        return probed

    def memories(self) -> dict:
        return json.loads(self.file.read_text())

    def change(self, **members) -> None:
        """What is remembered of hairpinning in the only network, falsified."""
        memories = self.memories()
        memories["networks"][0]["hairpin"] |= members
        self.file.write_text(json.dumps(memories))


def said(probed: programs.Probed) -> list[str]:
    """The values that the run has not measured."""
    return [item["about"] for item in probed.answer["remembered"]]


def hairpin(probed: programs.Probed) -> bool | None:
    return probed.value("ipv4.hairpin")


@contextlib.contextmanager
def informed():
    """A cache that knows of the first home."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        assert hairpin(cache.probe("--hairpin")) is True
        yield cache


def test_what_was_asked_for_is_said_again():
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        first = cache.probe()
        assert hairpin(first) is None and said(first) == [] and not cache.folder.exists(), first
        asked = cache.probe("--hairpin")
        assert hairpin(asked) is True and said(asked) == [], asked
        again = cache.probe()
        assert hairpin(again) is True and said(again) == ["ipv4.hairpin"], again
        assert again.reasons("ipv4.hairpin") == ["remembered"], again
        assert 0 <= again.answer["remembered"][0]["age_ms"] < 60_000, again
        assert cache.probe("--expect", "ipv4.hairpin=true").exit == 0
        assert "hairpin" in cache.probe("-v").stderr


def test_the_file_is_the_users_own_and_holds_no_address():
    with informed() as cache:
        assert stat.S_IMODE(cache.file.stat().st_mode) == 0o600 and stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
        text = cache.file.read_text()
        assert "192.168" not in text and "203.0.113" not in text and SERVER not in text, text
        assert [path.name for path in cache.folder.iterdir()] == ["networks.json"]


def test_fresh_says_what_it_measures_and_keeps_it():
    with informed() as cache:
        fresh = cache.probe("--fresh")
        assert hairpin(fresh) is None and said(fresh) == [], fresh
        assert hairpin(cache.probe()) is True
        cache.file.unlink()
        assert hairpin(cache.probe("--fresh", "--hairpin")) is True
        assert said(cache.probe()) == ["ipv4.hairpin"]


def test_another_network_with_the_same_addresses_is_another_one():
    with informed() as cache:
        assert hairpin(cache.probe(host="ben")) is None
        assert hairpin(cache.probe("--hairpin", host="ben")) is False
        assert hairpin(cache.probe(host="ben")) is False and hairpin(cache.probe()) is True
        assert len(cache.memories()["networks"]) == 2


def test_a_nat_that_behaves_otherwise_is_forgotten():
    with informed() as cache:
        cache.change(filtering=["endpoint-independent"])
        changed = cache.probe()
        assert hairpin(changed) is None and said(changed) == [], changed
        assert cache.memories()["networks"] == []


def test_what_is_too_old_or_of_tomorrow_is_not_said():
    with informed() as cache:
        for at in (time.time() - WEEK_S - 60, time.time() + 3600):
            cache.change(at_s=int(at))
            assert hairpin(cache.probe()) is None
        cache.change(at_s=int(time.time() - WEEK_S + 3600))
        assert hairpin(cache.probe()) is True


def test_lifetimes_are_remembered_with_their_range():
    with informed() as cache:
        memories = cache.memories()
        network = memories["networks"][0]
        network["mapping_lifetime"] = network["hairpin"] | {"shortest_ms": 120_000, "longest_ms": 125_000, "refresh": "outbound"}
        cache.file.write_text(json.dumps(memories))
        again = cache.probe()
        assert said(again) == ["ipv4.hairpin", "ipv4.mapping_lifetime_ms"], again
        assert again.value("ipv4.mapping_lifetime_ms") == 122_500 and again.value("ipv4.mapping_refresh") == "outbound", again
        assert again.value("ipv4.mapping_lifetime_range_ms") == [120_000, 125_000], again


def test_whatever_the_file_holds_the_run_goes_on_and_replaces_it():
    with informed() as cache:
        whole = cache.file.read_text()
        for text, why in ((whole[:-20], "cut short"), ("[" * 65536, "cut short"), (" " * 65537, "too large"),
                          (whole.replace("networks/1", "networks/2"), "another version"), ("{}", "another kind")):
            cache.file.write_text(text)
            quiet, told = cache.probe(), cache.probe("-v")
            assert hairpin(quiet) is None and quiet.stderr == "", quiet
            assert why in told.stderr and told.stderr.count("nothing is remembered") == 1, told
            cache.probe("--hairpin")
            assert hairpin(cache.probe()) is True


def test_where_nothing_can_be_kept_the_answer_is_the_same():
    for options in ((), ("-v",)):
        probed = programs.nat_probe("--hairpin", *options, SERVER, host="anna", cache="/dev/null")
        assert probed.exit == 0 and hairpin(probed) is True, probed
        assert ("is not remembered" in probed.stderr) == bool(options), probed


def test_a_trace_holds_what_was_measured():
    with informed() as cache:
        trace = str(cache.folder / "trace.json")
        recorded = cache.probe("--record", trace)
        assert hairpin(recorded) is None and said(recorded) == [], recorded
        replayed = programs.nat_probe("--replay", trace, host="anna", cache=str(cache.folder.parent))
        assert hairpin(replayed) is None and said(replayed) == [], replayed
        assert replayed.stdout == recorded.stdout, (replayed, recorded)


def test_growing_older_is_no_change():
    with informed() as cache:
        watched = cache.probe("--watch", "5s", "--count", "2")
        assert watched.value("event") == "report" and hairpin(watched) is True and watched.stdout.count("\n") == 1, watched


TESTS = {name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")}


def main() -> int:
    programs.beside_a_lab(*(f"{name}={spec}" for name, spec in HOMES.items()))
    with programs.serve(host="server")[0]:
        for name, test in TESTS.items():
            test()
            print(f"ok: {name.replace('_', ' ')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
