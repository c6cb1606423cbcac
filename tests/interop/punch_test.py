#!/usr/bin/env python3
"""The tool punch as scripts use it, both sides on loopback: events and exit codes, bytes carried, the port handed over,
descriptions carried by hand, and ends of every kind. Nothing but loopback is used; every wait has a bound.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

SCHEMA = "natkit/punch/1"
PATH_KEYS = ["kind", "transport", "local", "remote", "rtt_ms"]
MEGABYTE = 1_000_000
LEAVE_SECONDS = 4.0   # to say goodbye; after 5 s of no answer to it a channel is given up, which this must not come to


def events_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def names_of(events: list[dict]) -> list[str]:
    """In order, without those whose number depends on the machine: its addresses, and changes to a path as good."""
    return [event["event"] for event in events if event["event"] not in ("candidate", "upgraded")]


def error_of(events: list[dict]) -> dict:
    found = [event["error"] for event in events if event["event"] == "error"]
    return found[-1] if found else {}


def fill(pipe: int) -> int:
    """Writes until nothing more is taken for a second: how many bytes that was."""
    os.set_blocking(pipe, False)
    written, at = 0, time.monotonic()
    while time.monotonic() - at < 1 and written < 100 * MEGABYTE:
        try:
            written += os.write(pipe, bytes(65536))
            at = time.monotonic()
        except BlockingIOError:
            time.sleep(0.02)
    return written


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, udp = programs.serve("--listen", "127.0.0.1:0")
        cls.address = udp[0]
        cls.addClassCleanup(cls.server.end)

    def setUp(self):
        self.folder = Path(self.enter(tempfile.TemporaryDirectory()))

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def line(self, command: str, *arguments: str) -> list[str]:
        """A command line; its room is this test's own, and so is its server. Since that is on loopback, nothing else is used,
        and this user's journal of ports is left alone."""
        room = () if command == "manual" else (self.id(),)
        return [programs.own("punch"), command, *room, "--server", self.address, "--map", "never", *arguments]

    def start(self, command: str, *arguments: str, **how) -> programs.Program:
        return self.enter(programs.Program(*self.line(command, *arguments), **how))

    def started(self, command: str, *arguments: str, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) -> subprocess.Popen:
        """For what carries bytes, so that these and the events are kept apart."""
        process = subprocess.Popen(self.line(command, *arguments), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        self.enter(process)   # which closes what is open of its pipes, and waits
        self.addCleanup(process.kill)
        return process

    def ended(self, program: programs.Program) -> tuple[int, list[dict]]:
        return program.wait(), events_of(program.output())

    def both(self, *arguments: str, other: tuple[str, ...] | None = None, commands=("pair", "pair")) -> list[tuple[int, list[dict]]]:
        """Runs both sides with --json: exit status and events of each."""
        sides = [self.start(commands[0], "--json", *arguments), self.start(commands[1], "--json", *(arguments if other is None else other))]
        return [self.ended(side) for side in sides]


class Report(Case):
    def test_two_in_one_room_are_told_everything_in_the_order_of_the_contract(self):
        sides = self.both("--for", "300ms")
        for exit_code, events in sides:
            self.assertEqual(exit_code, 0, events)
            self.assertEqual(names_of(events), ["registered", "peer-found", "path", "connected", "secured", "report", "closed"])
            for event in events:
                self.assertEqual(list(event)[:2], ["schema", "event"])
                self.assertEqual(event["schema"], SCHEMA)
        (_, ours), (_, theirs) = [(code, {event["event"]: event for event in events}) for code, events in sides]
        self.assertEqual({ours["peer-found"]["role"], theirs["peer-found"]["role"]}, {"controlling", "controlled"})
        self.assertNotEqual(ours["peer-found"]["peer"], theirs["peer-found"]["peer"])
        self.assertRegex(ours["peer-found"]["peer"], "^sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$")
        self.assertEqual(ours["secured"]["peer"], ours["peer-found"]["peer"])
        for side in (ours, theirs):
            self.assertEqual(side["registered"]["server"], self.address)
            self.assertEqual([key for key in side["path"] if key in PATH_KEYS], PATH_KEYS)
            connected = side["connected"]
            self.assertEqual(list(connected["path"]), PATH_KEYS)
            self.assertEqual((connected["direct"], connected["path"]["kind"], connected["path"]["transport"]), (True, "host", "udp"))
            self.assertGreater(connected["elapsed_ms"], 0)
            report = side["report"]
            self.assertEqual((report["answered"], report["loss"]), (report["sent"], 0))
            self.assertIn(report["sent"], range(2, 7))   # one each 50 ms, or later where the machine is busy
            self.assertLessEqual(report["least_rtt_ms"], report["rtt_ms"])
            self.assertLessEqual(report["rtt_ms"], report["most_rtt_ms"])
            self.assertGreaterEqual(report["jitter_ms"], 0)

    def test_without_udp_the_path_is_direct_over_tcp(self):
        for exit_code, events in self.both("--transport", "tcp", "--relay", "never", "--expect", "direct", "--for", "300ms"):
            self.assertEqual(exit_code, 0, events)
            told = [event["transport"] for event in events if event["event"] == "candidate"]
            used = [event["path"]["transport"] for event in events if event["event"] in ("connected", "upgraded", "report")]
            self.assertEqual((set(told), set(used)), ({"tcp"}, {"tcp"}))

    def test_who_measures_for_longer_is_waited_for(self):
        (first, ours), (second, theirs) = self.both("--for", "200ms", other=("--for", "1500ms"))
        self.assertEqual((first, second), (0, 0))
        self.assertLess([e for e in ours if e["event"] == "report"][0]["sent"], 10)
        # It went on when the other side had finished.
        self.assertGreater([e for e in theirs if e["event"] == "report"][0]["answered"], 10)

    def test_one_listens_and_the_other_connects(self):
        for exit_code, events in self.both("--for", "200ms", commands=("listen", "connect")):
            self.assertEqual(exit_code, 0, events)
            self.assertIn("report", names_of(events))

    def test_who_connects_before_anybody_listens_waits_as_long_as_was_said(self):
        early = self.start("connect", "--json", "--wait", "20s", "--for", "200ms")
        begin = time.monotonic()
        nobodys = [programs.own("punch"), "connect", "nobody", "--server", self.address, "--map", "never", "--json", "--wait", "3s"]
        exit_code, events = self.ended(self.enter(programs.Program(*nobodys)))
        self.assertEqual((exit_code, error_of(events).get("reason")), (5, "target-not-connected"))
        self.assertGreaterEqual(time.monotonic() - begin, 3)
        for side in (self.start("listen", "--json", "--for", "200ms"), early):
            exit_code, events = self.ended(side)
            self.assertEqual(exit_code, 0, events)

    def test_text_says_the_same_in_sentences(self):
        sides = [self.start("pair", "--for", "200ms"), self.start("pair", "--for", "200ms", "-v")]
        for side in sides:
            self.assertEqual(side.wait(), 0)
            self.assertRegex(side.output(), r"(?s)peer .*connected directly, address to address \(udp .*measured  round trip ")
        self.assertIn("a packet that goes out makes this side's NAT or firewall expect an answer", sides[1].output())

    def test_the_path_is_judged_as_expect_demands(self):
        (first, ours), (second, _) = self.both("--for", "100ms", "--expect", "relayed", other=("--for", "100ms", "--expect", "direct"))
        self.assertEqual((first, second), (1, 0))
        self.assertEqual(error_of(ours)["reason"], "expectation-not-met")


class Pipe(Case):
    def carried(self, ours: bytes, theirs: bytes, *arguments: str) -> None:
        sides = []
        for name, data in (("ours", ours), ("theirs", theirs)):
            source = self.enter(open(self.file(name, data), "rb"))
            sink = self.enter(open(self.folder / (name + ".heard"), "wb+"))
            sides.append(self.started("pair", "--then", "pipe", "--json", *arguments, stdin=source, stdout=sink))
        for side in sides:
            said = side.communicate(timeout=programs.RUN_SECONDS)[1].decode()
            self.assertEqual(side.returncode, 0, said)
            self.assertEqual(names_of(events_of(said)), ["registered", "peer-found", "path", "connected", "secured", "closed"])
        # Too long to be shown where they differ.
        self.assertTrue((self.folder / "ours.heard").read_bytes() == theirs)
        self.assertTrue((self.folder / "theirs.heard").read_bytes() == ours)

    def test_twenty_megabytes_both_ways_arrive_byte_for_byte(self):
        self.carried(os.urandom(20 * MEGABYTE), os.urandom(20 * MEGABYTE))

    def test_nothing_at_all_can_be_carried(self):
        self.carried(b"", b"")

    def test_one_way_ends_long_before_the_other(self):
        self.carried(b"a question\n", os.urandom(MEGABYTE))

    def test_a_secret_that_both_share_does_not_stand_in_the_way(self):
        self.carried(b"one", b"two", "--secret-file", self.file("secret", "correct horse\n"))

    def test_who_stops_reading_ends_it_on_both_sides(self):
        source = self.enter(open(self.file("data", os.urandom(5 * MEGABYTE)), "rb"))
        writer = self.started("pair", "--then", "pipe", "--json", stdin=source)
        reader = self.started("pair", "--then", "pipe", "--json")
        self.assertEqual(len(os.read(reader.stdout.fileno(), 1)), 1)
        reader.stdout.close()
        ends = [events_of(reader.stderr.read().decode()), events_of(writer.communicate(timeout=programs.RUN_SECONDS)[1].decode())]
        self.assertEqual((reader.wait(programs.RUN_SECONDS), writer.returncode), (2, 5))
        self.assertEqual([error_of(events).get("reason") for events in ends], ["output-failed", "connection-to-target-lost"])

    def test_who_is_interrupted_ends_soon_though_nobody_reads_what_it_was_sent(self):
        writer = self.started("pair", "--then", "pipe", "--json", stdin=subprocess.PIPE)
        reader = self.started("pair", "--then", "pipe", "--json")
        os.write(writer.stdin.fileno(), b"x")
        self.assertEqual(os.read(reader.stdout.fileno(), 1), b"x")
        self.assertGreater(fill(writer.stdin.fileno()), MEGABYTE)
        at = time.monotonic()
        reader.send_signal(signal.SIGINT)
        self.assertEqual(reader.wait(programs.RUN_SECONDS), -signal.SIGINT)
        self.assertLess(time.monotonic() - at, LEAVE_SECONDS)
        self.assertEqual(error_of(events_of(writer.communicate(timeout=programs.RUN_SECONDS)[1].decode())).get("reason"),
                         "connection-to-target-lost")

    def test_a_full_disk_has_a_reason(self):
        full = self.enter(open("/dev/full", "wb"))
        source = self.enter(open(self.file("data", b"x" * MEGABYTE), "rb"))
        writer = self.started("pair", "--then", "pipe", "--json", stdin=source)
        reader = self.started("pair", "--then", "pipe", "--json", stdout=full)
        said = events_of(reader.communicate(timeout=programs.RUN_SECONDS)[1].decode())
        self.assertEqual(reader.returncode, 2)
        self.assertEqual(error_of(said).get("reason"), "output-failed")
        writer.communicate(timeout=programs.RUN_SECONDS)
        self.assertEqual(writer.returncode, 5)


class Exec(Case):
    def test_two_programs_get_the_port_and_talk_on_it(self):
        sides = [self.started("pair", "--then", "exec", "--", sys.executable, "-c", punching.TAKER) for _ in range(2)]
        said = [side.communicate(timeout=programs.RUN_SECONDS)[0].decode() for side in sides]
        self.assertEqual([side.returncode for side in sides], [7, 7], said)
        lines = {text.splitlines()[-1] for text in said}
        self.assertEqual(lines, {"controlling heard: I am controlled", "controlled heard: I am controlling"})

    def test_a_program_that_is_not_there_is_told_before_anything_is_begun(self):
        run = subprocess.run(self.line("pair", "--json", "--then", "exec", "--", "/no/such/program"), capture_output=True, text=True,
                             timeout=programs.RUN_SECONDS)
        self.assertEqual((run.returncode, names_of(events_of(run.stdout))), (2, ["error"]))
        self.assertEqual(error_of(events_of(run.stdout))["reason"], "cannot-run")


class Manual(Case):
    def described(self, side: programs.Program, is_sdp: bool) -> str:
        if not is_sdp:
            return side.wait_for("^natkit:").string + "\n"
        lines = [side.wait_for("^a=").string]
        while lines[-1] != "a=end-of-candidates":
            lines.append(side.wait_for("^a=").string)
        return "\n".join(lines) + "\n"

    def introduced(self, *arguments: str) -> list[programs.Program]:
        sides = [self.start("manual", *arguments, spoken_to=True) for _ in range(2)]
        texts = [self.described(side, "--sdp" in arguments) for side in sides]
        for side, text in zip(sides, reversed(texts)):
            side.process.stdin.write("so sagte er:\n" + text)
            side.process.stdin.flush()
        return sides

    def test_two_people_carry_a_line_each(self):
        for arguments in ((), ("--sdp",)):
            with self.subTest(arguments):
                for side in self.introduced("--for", "200ms", *arguments):
                    self.assertEqual(side.wait(), 0)
                    self.assertRegex(side.output(), "measured  round trip ")

    def test_what_follows_the_description_is_the_peers(self):
        sides = self.introduced("--then", "pipe")
        for side, word in zip(sides, ("ping", "pong")):
            side.process.stdin.write(word + "\n")
            side.process.stdin.close()
        for side, word in zip(sides, ("pong", "ping")):
            self.assertEqual(side.wait(), 0)
            self.assertIn(word, side.output().splitlines())

    def test_its_description_is_an_event_too(self):
        sides = [self.start("manual", "--json", "--for", "200ms", spoken_to=True) for _ in range(2)]
        texts = [json.loads(side.wait_for('"event":"description"').string)["text"] for side in sides]
        for side, text in zip(sides, reversed(texts)):
            side.process.stdin.write(text + "\n")
            side.process.stdin.flush()
        for side in sides:
            exit_code, events = self.ended(side)
            self.assertEqual(exit_code, 0, events)
            self.assertEqual(names_of(events), ["description", "peer-found", "path", "connected", "secured", "report", "closed"])

    def test_a_mistake_in_pasting_can_be_made_good(self):
        sides = [self.start("manual", "--for", "200ms", spoken_to=True) for _ in range(2)]
        texts = [self.described(side, False) for side in sides]
        for side, (own, theirs) in zip(sides, (texts, reversed(texts))):
            side.process.stdin.write("natkit:AA!\n")                # damaged
            side.process.stdin.write(own + theirs[:40] + "\n")      # the wrong one; a part
            side.process.stdin.write(theirs)
            side.process.stdin.flush()
        for side in sides:
            self.assertEqual(side.wait(), 0)
            self.assertRegex(side.output(), "(?s)cannot be used.*it is the one that was printed here.*measured ")

    def test_nothing_pasted_has_a_reason(self):
        for how, stdin, exit_code, reason in (("the input ends", subprocess.DEVNULL, 2, "bad-description"),
                                              ("time is over", subprocess.PIPE, 5, "target-not-connected")):
            with self.subTest(how):
                side = self.started("manual", "--json", "--wait", "300ms", stdin=stdin)
                events = events_of(side.stdout.read().decode())
                self.assertEqual((side.wait(programs.RUN_SECONDS), error_of(events).get("reason")), (exit_code, reason))
                if side.stdin:
                    side.stdin.close()


class Ends(Case):
    def test_another_secret_is_refused_on_both_sides(self):
        secrets = [("--secret-file", self.file(name, name)) for name in ("right", "wrong")]
        for ours, theirs in (secrets, (secrets[0], ())):
            for exit_code, events in self.both(*ours, other=theirs):
                self.assertEqual((exit_code, error_of(events).get("reason")), (4, "authentication-failed"))
                self.assertNotIn("path", names_of(events))

    def test_a_stranger_without_the_secret_does_not_end_a_listener(self):
        secret = ("--secret-file", self.file("secret", "swordfish"))
        listener = self.start("listen", "--json", "--for", "100ms", *secret)
        listener.wait_for('"event":"registered"')
        exit_code, events = self.ended(self.start("connect", "--json"))
        self.assertEqual((exit_code, error_of(events).get("reason")), (4, "authentication-failed"))
        self.assertEqual(self.ended(self.start("connect", "--json", "--for", "100ms", *secret))[0], 0)
        exit_code, events = self.ended(listener)
        self.assertEqual((exit_code, [e["reason"] for e in events if e["event"] == "trouble"]), (0, ["authentication-failed"]))

    def test_two_that_want_different_things_are_told_so(self):
        for exit_code, events in self.both("--then", "report", other=("--then", "exec", "--", "true")):
            self.assertEqual((exit_code, error_of(events).get("reason")), (4, "rejected"))
            self.assertIn("--then", error_of(events)["detail"])

    def test_a_peer_that_never_says_what_it_wants_is_not_waited_for_without_end(self):
        for task in (("forward", "--permit", "localhost:80"), ("exec", "--", "true")):
            with self.subTest(task[0]):
                ours = self.start("pair", "--json", "--timeout", "2s", "--then", *task)
                theirs = self.enter(programs.Program(os.environ["SILENT_PEER"], self.address, self.id()))
                theirs.wait_for("^secured$")
                secured = time.monotonic()
                exit_code, events = self.ended(ours)
                self.assertEqual((exit_code, error_of(events).get("reason")), (5, "target-unresponsive"), events)
                self.assertIn("secured", names_of(events))
                self.assertGreater(time.monotonic() - secured, 1.5)
                self.assertLess(time.monotonic() - secured, 10)

    def test_nobody_else_comes(self):
        for command in ("pair", "listen", "connect"):
            with self.subTest(command):
                exit_code, events = self.ended(self.start(command, "--json", "--wait", "300ms"))
                self.assertEqual((exit_code, error_of(events).get("reason")), (5, "target-not-connected"))

    def test_no_server_is_there(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))   # and does not listen
            run = self.enter(programs.Program(programs.own("punch"), "pair", "den", "--json", "--server", "127.0.0.1:%d" % closed.getsockname()[1]))
            exit_code, events = self.ended(run)
        self.assertEqual((exit_code, error_of(events).get("reason")), (3, "server-unreachable"))

    def test_a_signal_while_waiting_leaves_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                waiting = self.start("pair", "--json")
                waiting.wait_for('"event":"registered"')
                port = int(re.search(r'"candidate".*127\.0\.0\.1:(\d+)"', "\n".join(waiting.said))[1])
                waiting.process.send_signal(number)
                exit_code, events = self.ended(waiting)
                self.assertEqual((exit_code, error_of(events).get("reason")), (-number, "interrupted"))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                    udp.bind(("127.0.0.1", port))
                # Whoever comes next does not meet a ghost.
                self.assertEqual(self.ended(self.start("pair", "--json", "--wait", "300ms"))[0], 5)

    def test_a_peer_that_is_ended_is_missed(self):
        sides = [self.start("pair", "--json", "--for", "20s") for _ in range(2)]
        for side in sides:
            side.wait_for('"event":"secured"')
        sides[0].process.send_signal(signal.SIGINT)
        exit_code, events = self.ended(sides[1])
        self.assertEqual((exit_code, error_of(events).get("reason")), (5, "connection-to-target-lost"), events)

    def test_an_answer_that_cannot_be_written_is_no_success(self):
        sides = [self.started("pair", "--for", "100ms"), self.started("pair", "--for", "100ms", stdout=self.enter(open("/dev/full", "wb")))]
        codes = []
        for side in sides:
            said = side.communicate(timeout=programs.RUN_SECONDS)[1].decode()
            codes.append(side.returncode)
        self.assertEqual(codes, [0, 2])
        self.assertIn("cannot write the answer to standard output: No space left on device", said)

    def test_an_answer_that_nobody_reads_to_the_end_is_no_success(self):
        other = self.start("pair", "--json", "--for", "300ms")
        side = self.started("pair", "--json", "--for", "300ms")
        self.assertEqual(os.read(side.stdout.fileno(), 1), b"{")
        side.stdout.close()
        self.assertIn("Broken pipe", side.stderr.read().decode())
        self.assertEqual((side.wait(programs.RUN_SECONDS), self.ended(other)[0]), (2, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
