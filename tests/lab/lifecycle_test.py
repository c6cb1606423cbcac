"""That a lab comes up, is entered, ends, and leaves nothing behind, however it ends. Needs namespaces: exits 77 where the
system forbids them to everybody (and says which switch does)."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

NATLAB = str(Path(__file__).resolve().parents[2] / "scripts" / "natlab")
KNOCK = ["python3", str(Path(NATLAB).parent / "natlab_lib" / "prober.py"), "knock"]  # an answer proves the way there and back
SKIPPED = 77
NOBODY = 65534   # the user for the tests without rights, when we are root
PATIENCE = 10.0


def natlab(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([NATLAB, *words], capture_output=True, text=True, timeout=120, **options)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"  # a zombie holds nothing
    except FileNotFoundError:
        return False


def eventually(condition) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class LifeCycle(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        os.environ["NATLAB_STATE"] = self.state = self.place.name + "/natlab"
        os.environ.pop("NATLAB_NAME", None)

    def tearDown(self):
        natlab("down", "--all")
        self.place.cleanup()

    def up(self, *specs: str) -> dict:
        done = natlab("up", *specs, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def leftovers(self) -> list[str]:
        return os.listdir(self.state)

    def test_a_lab_is_described_in_json_entered_and_ended(self):
        lab = self.up("home=nat,hosts=2", "work=public,ipv6")
        self.assertEqual(lab["schema"], "natkit/natlab/1")
        self.assertEqual([host["name"] for host in lab["hosts"]], ["server", "home1", "home2", "work"])
        seen = natlab("exec", "work", "--", "ip", "-br", "addr", "show", "eth0")
        self.assertIn(lab["hosts"][3]["address"], seen.stdout)
        self.assertIn(lab["hosts"][3]["address6"], seen.stdout)
        self.assertIn("true", natlab("exec", "home2", "--", *KNOCK, "198.51.100.3").stdout)
        self.assertEqual(json.loads(natlab("status", "--json").stdout)["labs"][0]["name"], "default")
        self.assertEqual(natlab("down").returncode, 0)
        self.assertFalse(is_alive(lab["keeper"]))
        self.assertEqual(self.leftovers(), [])

    def test_a_second_lab_of_the_name_is_refused_and_the_first_stays(self):
        self.up("a=nat")
        again = natlab("up", "a=nat", "--json")
        self.assertEqual(again.returncode, 4)
        self.assertEqual(json.loads(again.stdout)["error"]["reason"], "lab-exists")
        self.assertIn("--name", again.stderr)
        self.assertEqual(natlab("exec", "a", "--", "true").returncode, 0)
        self.assertEqual(natlab("up", "a=nat", "--name", "other").returncode, 0)

    def test_a_command_says_how_it_ended(self):
        self.up("a=nat")
        for command, code in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["no-such-program"], 127), (["/dev/null"], 126)):
            with self.subTest(command):
                self.assertEqual(natlab("exec", "a", "--", *command).returncode, code)
        self.assertEqual(natlab("exec", "nobody", "--", "true").returncode, 3)
        self.assertEqual(natlab("exec", "a").returncode, 2)

    def test_signals_reach_the_command_inside(self):
        self.up("a=nat")
        trap = subprocess.Popen([NATLAB, "exec", "a", "--", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"],
                                stdout=subprocess.PIPE)
        self.assertEqual(trap.stdout.readline(), b"ready\n")
        trap.terminate()
        self.assertEqual(trap.wait(PATIENCE), 5)
        trap.stdout.close()

    def test_commands_end_with_the_lab_and_with_the_exec_that_started_them(self):
        self.up("a=nat")
        for end in (lambda process: process.kill(), lambda _: natlab("down")):
            sleeper = subprocess.Popen([NATLAB, "exec", "a", "--", "sh", "-c", "readlink /proc/self/ns/net; exec sleep 1000"], stdout=subprocess.PIPE)
            network = sleeper.stdout.readline().strip().decode()
            self.assertTrue(processes_in(network))
            end(sleeper)
            sleeper.wait(PATIENCE)
            sleeper.stdout.close()
            self.assertTrue(eventually(lambda network=network: sleepers_in(network) == 0))

    def test_run_hands_on_the_exit_code_and_the_environment(self):
        script = 'test "$NATLAB_SERVER" = 198.51.100.1:3478 && test $($NATLAB exec my-home -- printenv NATLAB_ADDRESS) = "$NATLAB_MY_HOME_ADDRESS" && exit 9'
        done = natlab("run", "my-home=nat", "--", "sh", "-c", script)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertEqual(self.leftovers(), [])

    def test_nothing_is_left_when_run_is_interrupted_terminated_or_killed(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
            with self.subTest(number):
                run = subprocess.Popen([NATLAB, "run", "a=nat", "b=public", "--", "sh", "-c",
                                        "$NATLAB exec a -- sh -c 'readlink /proc/self/ns/net; exec sleep 1000'"],
                                       stdout=subprocess.PIPE, start_new_session=True)
                network = run.stdout.readline().strip().decode()
                run.send_signal(number)
                self.assertEqual(run.wait(PATIENCE), code)
                run.stdout.close()
                self.assertTrue(eventually(lambda network=network: not processes_in(network)), f"left: {processes_in(network)}")
        self.assertEqual(natlab("status").stdout.strip(), "no lab is up")
        self.assertEqual(self.leftovers(), [])

    def test_a_killed_keeper_takes_everything_with_it(self):
        lab = self.up("a=nat")
        sleeper = subprocess.Popen([NATLAB, "exec", "a", "--", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE)
        self.assertEqual(sleeper.stdout.readline(), b"ready\n")
        os.kill(lab["keeper"], signal.SIGKILL)
        self.assertEqual(sleeper.wait(PATIENCE), 137)
        sleeper.stdout.close()
        self.assertEqual(natlab("exec", "a", "--", "true").returncode, 3)
        self.up("a=nat")

    def test_a_lab_that_cannot_be_built_leaves_nothing_and_says_why(self):
        missing = natlab("up", "a=nat,delay=1ms", env=os.environ | {"NATLAB_ROUTER": "/nonexistent"})
        self.assertEqual(missing.returncode, 2)
        self.assertIn("NATLAB_ROUTER", missing.stderr)
        broken = natlab("up", "a=nat,delay=1ms", env=os.environ | {"NATLAB_ROUTER": "/bin/false"})
        self.assertEqual(broken.returncode, 70)
        self.assertEqual(natlab("status").stdout.strip(), "no lab is up")
        self.assertEqual(self.leftovers(), [])

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "root gives its rights away for this test")
    def test_a_user_without_rights_raises_a_lab_too(self):
        os.chmod(self.place.name, 0o755)
        state = self.place.name + "/theirs"
        os.mkdir(state, 0o700)
        os.chown(state, NOBODY, NOBODY)
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", NATLAB, "run", "a=full-cone,ipv6", "b=cgn", "--",
                               "sh", "-c", f"for host in a b; do $NATLAB exec $host -- {' '.join(KNOCK)} 198.51.100.1; done"],
                              env=os.environ | {"NATLAB_STATE": state}, cwd="/", capture_output=True, text=True, timeout=60)
        if "namespaces" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.stdout.count("true"), 2, done.stderr)
        self.assertEqual(os.listdir(state), [])


def processes_in(network: str) -> list[str]:
    """Command lines of processes whose network namespace it is (net:[NUMBER])."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "ns" / "net") == network:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def sleepers_in(network: str) -> int:
    return sum(line.startswith("sleep ") for line in processes_in(network))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        tried = natlab("run", "a=public", "--", "true", env=os.environ | {"NATLAB_STATE": place + "/natlab"})
    if tried.returncode == 4:
        print("skipped:", tried.stderr)
        sys.exit(SKIPPED)
    unittest.main()
