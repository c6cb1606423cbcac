#!/usr/bin/env python3
"""rendezvousd's directory over HTTP, asked with curl: MasterServer2's calls as games make them, sessions, metrics. On loopback.
"""
import json
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

CURL = programs.foreign("curl", "curl")
PATIENCE = 10.0


class Directory(unittest.TestCase):
    def setUp(self):
        self.program = programs.Program(programs.own("rendezvousd"), "--log", "json", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                        "--min-row-timeout", "1s")
        self.addCleanup(self.program.end)
        ready = json.loads(self.program.wait_for('"event":"ready"').string)
        self.url = f"http://{ready['http'][0]}"

    def ask(self, method: str, path: str, body: str | dict | None = None, token: str | None = None) -> tuple[int, dict | str]:
        command = [CURL, "--silent", "--show-error", "--max-time", str(PATIENCE), "--request", method, "--write-out", "\n%{http_code}"]
        if body is not None:
            command += ["--data-binary", body if isinstance(body, str) else json.dumps(body)]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        done = subprocess.run([*command, self.url + path], capture_output=True, text=True, timeout=2 * PATIENCE, check=True)
        text, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(text) if text.startswith("{") else text

    def rows(self, game: str) -> list[dict]:
        status, answer = self.ask("GET", f"/testServer?__gameId={game}")
        self.assertEqual(status, 200)
        return answer["GET"]

    def test_master_server_2(self):
        # In single quotes and as plain text, as RakNet's sample sends it.
        status, made = self.ask("POST", "/testServer", "{'__gameId': 'pc', '__clientReqId': '7', '__timeoutSec': '30', '__rowPW': 'secret', 'gameName': 'den', 'routerIsOpen': 1}")
        self.assertEqual(status, 200)
        self.assertEqual(made["POST"]["__clientReqId"], "7")
        row = made["POST"]["__rowId"]
        listed = self.rows("pc")
        self.assertEqual([(r["__rowId"], r["__addr"], r["gameName"], r["__timeoutSec"]) for r in listed], [(row, "127.0.0.1", "den", 30)])
        self.assertEqual(self.rows("other"), [])
        update = {"__gameId": "pc", "__rowId": row, "gameName": "lair"}
        self.assertEqual(self.ask("POST", "/testServer", {**update, "__rowPW": "guess"})[0], 401)
        self.assertEqual(self.ask("POST", "/testServer", update)[0], 401)
        self.assertEqual(self.ask("POST", "/testServer", {**update, "__rowPW": "secret"})[0], 200)
        self.assertEqual([r["gameName"] for r in self.rows("pc")], ["lair"])
        place = f"/testServer?__gameId=pc&__rowId={row}"
        self.assertEqual(self.ask("DELETE", place)[0], 401)
        self.assertEqual(self.ask("DELETE", place + "&__rowPW=secret")[0], 200)
        self.assertEqual(self.rows("pc"), [])

    def test_a_row_that_nobody_posts_again_is_gone(self):
        made = time.monotonic()
        self.assertEqual(self.ask("POST", "/testServer", {"__gameId": "pc", "__timeoutSec": 2})[0], 200)
        self.assertEqual(len(self.rows("pc")), 1)
        while self.rows("pc"):
            self.assertLess(time.monotonic() - made, 6)
            time.sleep(0.2)
        self.assertGreater(time.monotonic() - made, 1.9)

    def test_sessions(self):
        self.assertEqual(self.ask("GET", "/v1/sessions")[1]["sessions"], [])
        status, made = self.ask("POST", "/v1/sessions", {"name": "den", "game": "chess", "epoch": 1})
        self.assertEqual(status, 201)
        place, token = f"/v1/sessions/{made['session']}", made["token"]
        self.assertEqual(self.ask("PUT", place, {"name": "den", "game": "chess", "epoch": 2}, token)[1]["how"], "taken-over")
        status, stale = self.ask("PUT", place, {"name": "den", "game": "chess", "epoch": 1}, token)
        self.assertEqual((status, stale["error"]["reason"]), (409, "stale-epoch"))
        self.assertEqual(self.ask("DELETE", place, token="guess")[0], 401)
        self.assertEqual([row["epoch"] for row in self.ask("GET", "/v1/sessions?game=chess")[1]["sessions"]], [2])
        self.assertEqual(self.ask("DELETE", place, token=token)[0], 204)
        self.assertEqual(self.ask("GET", place)[0], 404)

    def test_metrics_and_health(self):
        self.assertEqual(self.ask("GET", "/healthz"), (200, "ok\n"))
        self.ask("POST", "/v1/sessions", {})
        status, text = self.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        counts = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(counts["natkit_directory_sessions"], "1")
        self.assertEqual(counts["natkit_signalling_clients"], "0")

    def test_too_many_questions_of_one_address(self):
        statuses = [self.ask("GET", "/v1/sessions")[0] for _ in range(10)]
        self.assertEqual(set(statuses), {200})
        urls = [self.url + "/v1/sessions"] * 100
        done = subprocess.run([CURL, "--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}\n", *urls[:1],
                               *[word for url in urls[1:] for word in ("--output", "/dev/null", url)]],
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertIn("429", done.stdout.split())
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main()
