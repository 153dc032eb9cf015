#!/usr/bin/python3
"""Drives the built `athanor` over a channel on loopback: what it prints, publishes and ends with.

ATHANOR_BIN names the folder of the programs, ATHANOR_SOURCE the project's. Everything else is made here:
a channel (scripts/make-channel), an HTTP origin that counts requests and misbehaves on demand, stores.
"""

import collections
import fcntl
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["ATHANOR_BIN"])
SOURCE = pathlib.Path(os.environ["ATHANOR_SOURCE"])
TIMEOUT = 120


class Origin:
    """A channel over HTTP. `faults` maps the end of a path to a function of the handler and the bytes."""

    def __init__(self, root):
        self.requests = collections.Counter()
        self.faults = {}
        self.gate = None
        origin = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=root)

            def do_GET(self):
                origin.requests[self.path] += 1
                if origin.gate is not None:
                    origin.gate.wait(TIMEOUT)
                for end, fault in origin.faults.items():
                    if self.path.endswith(end):
                        return fault(self)
                try:
                    return super().do_GET()
                except (BrokenPipeError, ConnectionResetError):
                    return None  # a worker that was ended doesn't wait for its answer

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def answer(status, body=b"", headers=()):
    def fault(handler):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except BrokenPipeError:
            pass  # the reader may leave as soon as it has seen the status
    return fault


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="athanor-test-")
        cls.root = pathlib.Path(cls.folder.name)
        channel = cls.root / "channel"
        channel.mkdir()
        cls.origin = Origin(str(cls.root))
        subprocess.run([SOURCE / "scripts/make-channel", channel, "--packages", "16", "--bytes", "4000",
                        "--subdirs", "linux-64,noarch", "--base-url", cls.origin.url + "/channel"],
                       check=True, stdout=subprocess.DEVNULL)
        cls.lock = channel / "locks/pixi.lock"
        cls.files = sorted(path.name for path in channel.rglob("*")
                           if path.suffix in (".conda", ".bz2") and path.parent.name != "locks")

    @classmethod
    def tearDownClass(cls):
        cls.origin.close()
        cls.folder.cleanup()

    def setUp(self):
        self.origin.faults.clear()
        self.origin.requests.clear()
        self.origin.gate = None
        self.here = tempfile.TemporaryDirectory(prefix="athanor-case-")
        self.addCleanup(self.here.cleanup)
        self.work = pathlib.Path(self.here.name)
        self.store = self.work / "store"

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.work), "LANG": "C.UTF-8",
                "ATHANOR_STORE": str(self.store), "ATHANOR_WORKERS": "1"}

    def athanor(self, *arguments, **variables):
        return subprocess.run([BIN / "athanor", *map(str, arguments)], cwd=self.work, text=True,
                              env=self.environment() | variables, capture_output=True, timeout=TIMEOUT,
                              check=False)

    def start(self, *arguments):
        process = subprocess.Popen([BIN / "athanor", *map(str, arguments)], cwd=self.work, text=True,
                                   env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def wait_for_request(self):
        deadline = time.monotonic() + TIMEOUT
        while not self.origin.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(self.origin.requests)

    def objects(self):
        return sorted(str(path.relative_to(self.store)) for path in self.store.rglob("*") if path.is_file())

    def test_a_run_fills_the_store_and_a_second_one_does_nothing(self):
        first = self.athanor("run", self.lock, "--alias", "team/etl:v1")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertRegex(first.stdout, r"^athanor: 1 of 1 environment ready; packages: 16 new, 0 had, 0 failed")
        self.assertEqual(set(self.origin.requests.values()), {1})
        self.assertEqual(len(self.origin.requests), 16)
        before = self.objects()
        self.assertTrue(any(key.endswith("/env") for key in before))
        self.assertIn("envs/aliases/generic/team/etl/v1", before)

        check = self.athanor("check", self.lock, "--alias", "team/etl:v1")
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        self.assertEqual(self.athanor("check", "--all").returncode, 0)

        self.origin.requests.clear()
        second = self.athanor("run", self.lock, "--alias", "team/etl:v1",
                              ATHANOR_WORKER_PROGRAM="/nonexistent")
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertIn("packages: 0 new, 16 had, 0 failed", second.stdout)
        self.assertEqual(len(self.origin.requests), 0)
        self.assertEqual(self.objects(), before)

    def test_a_check_says_what_is_missing(self):
        self.assertEqual(self.athanor("run", self.lock).returncode, 0)
        (victim,) = [path for path in self.store.rglob(self.files[0]) if path.is_file()]
        victim.unlink()
        for arguments in (["check", self.lock], ["check", "--all"]):
            check = self.athanor(*arguments)
            self.assertEqual(check.returncode, 1, check.stderr)
            self.assertIn(self.files[0], check.stdout)
            self.assertEqual(json.loads(self.athanor(*arguments, "--json").stdout)["ready"], 0)
        self.assertEqual(self.athanor("check").returncode, 2)

    def test_a_plan_changes_nothing_and_says_whether_there_is_work(self):
        self.assertEqual(self.athanor("plan", self.lock).returncode, 0)
        planned = self.athanor("plan", self.lock, "--detailed-exitcode", "--json")
        self.assertEqual(planned.returncode, 10, planned.stderr)
        self.assertEqual(json.loads(planned.stdout)["totals"]["to_fetch"], 16)
        dry = self.athanor("run", self.lock, "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertFalse(self.store.exists())
        self.assertEqual(len(self.origin.requests), 0)
        self.assertEqual(self.athanor("run", self.lock).returncode, 0)
        self.assertEqual(self.athanor("plan", self.lock, "--detailed-exitcode").returncode, 0)

    def test_altered_bytes_are_refused_and_the_rest_is_done(self):
        victim = self.files[3]
        self.origin.faults[victim] = answer(200, b"not the package")
        ran = self.athanor("run", self.lock, "--json")
        self.assertEqual(ran.returncode, 3, ran.stderr)
        verdict = json.loads(ran.stdout)
        self.assertEqual(verdict["packages"]["new"], 15)
        self.assertEqual([failure["kind"] for failure in verdict["failures"]], ["corrupt"])
        self.assertIn(victim, verdict["failures"][0]["source"])
        self.assertFalse(any(victim in key or key.endswith("/env") for key in self.objects()))
        self.origin.faults.clear()
        again = self.athanor("run", self.lock)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("1 new, 15 had", again.stdout)

    def test_a_missing_package_is_partial_and_a_throttled_one_is_for_later(self):
        self.origin.faults[self.files[0]] = answer(404)
        missing = self.athanor("run", self.lock)
        self.assertEqual(missing.returncode, 1, missing.stderr)
        self.assertIn("0 of 1 environment ready", missing.stdout)
        self.assertIn(self.files[0], missing.stderr)

        self.origin.faults[self.files[0]] = answer(503, headers=[("Retry-After", "0")])
        down = self.athanor("run", self.lock)
        self.assertEqual(down.returncode, 75, down.stderr)

    def test_the_event_stream_ends_with_the_verdict(self):
        ran = self.athanor("run", self.lock, "--output", "jsonl")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        events = [json.loads(line) for line in ran.stdout.splitlines()]
        counts = collections.Counter(event["event"] for event in events)
        self.assertEqual(counts["job_done"], 16)
        self.assertEqual(counts["environment_ready"], 1)
        self.assertEqual(events[-1]["event"], "verdict")
        self.assertEqual(events[-1]["exit_code"], 0)

    def test_quiet_says_only_the_verdict_and_more_quiet_nothing(self):
        quiet = self.athanor("run", self.lock, "-q", "--requirements", self.requirements())
        self.assertEqual((quiet.returncode, quiet.stderr), (0, ""))
        self.assertEqual(len(quiet.stdout.splitlines()), 1)
        silent = self.athanor("run", self.lock, "-qq")
        self.assertEqual((silent.returncode, silent.stdout, silent.stderr), (0, "", ""))

    def requirements(self):
        path = self.work / "requirements.yml"
        path.write_text("channels:\n- conda-forge\ndependencies:\n- alembic\n")
        return path

    def test_a_signal_drains_and_the_next_run_goes_on(self):
        self.origin.gate = threading.Event()
        process = self.start("run", self.lock, "--jobs", "2")
        self.wait_for_request()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.origin.gate.set()
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("run again to go on", out)
        self.assertFalse([key for key in self.objects() if ".tmp" in key])
        done = int(re.search(r"packages: (\d+) new", out)[1])
        again = self.athanor("run", self.lock)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(f"packages: {16 - done} new, {done} had", again.stdout)

    def test_two_signals_end_it_at_once(self):
        self.origin.gate = threading.Event()
        process = self.start("run", self.lock)
        self.wait_for_request()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=30)
        self.origin.gate.set()
        self.assertEqual(process.returncode, 143, err)

    def test_a_second_run_on_the_same_state_is_told_who_has_it(self):
        state = self.work / "state"
        state.mkdir()
        with open(state / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (state / "pid").write_text("4711\n")
            refused = self.athanor("run", self.lock, "--state-dir", state)
        self.assertEqual(refused.returncode, 75, refused.stderr)
        self.assertIn("another run (pid 4711)", refused.stderr)

    def test_what_is_wrong_with_a_command_line_is_said_and_is_two(self):
        for arguments, said in [
                (["run"], "missing argument INPUT"),
                (["run", "nowhere.lock"], "nowhere.lock"),
                (["run", self.lock, "--wrokers", "2"], "did you mean '--workers'?"),
                (["run", self.lock, "--format", "zip"], "none of default, source"),
                (["run", self.lock, "--origin", "x=file:///y"], "origins.map"),
                (["run", self.lock, "--alias", "Bad Name"], "--alias"),
                (["run", self.lock, "--resolved-on", "yesterday"], "2026-01-31T01:02:03"),
                (["run", self.lock, "--platform", "amiga"], "amiga"),
                (["rnu"], "did you mean 'run'?")]:
            with self.subTest(arguments=arguments):
                ran = self.athanor(*arguments)
                self.assertEqual(ran.returncode, 2, ran.stderr)
                self.assertIn(said, ran.stderr)
                self.assertEqual(ran.stdout, "")
        self.assertFalse(self.store.exists())

    def test_local_files_are_read_only_where_that_was_allowed(self):
        lock = self.work / "local.lock"
        lock.write_text(self.lock.read_text().replace(self.origin.url, self.root.as_uri()))
        refused = self.athanor("run", lock)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn("local.lock:", refused.stderr)
        allowed = self.athanor("run", lock, "--allow-file-urls")
        self.assertEqual(allowed.returncode, 0, allowed.stderr)

    def test_a_mirror_is_used_and_the_keys_keep_the_source(self):
        lock = self.work / "elsewhere.lock"
        lock.write_text(self.lock.read_text().replace(self.origin.url, "https://conda.example.org"))
        ran = self.athanor("run", lock, "--origin", f"https://conda.example.org={self.origin.url}")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        packages = [key for key in self.objects() if key.startswith("packages/")]
        self.assertTrue(packages)
        self.assertTrue(all(key.startswith("packages/conda/conda.example.org/") for key in packages))

    def test_credentials_appear_nowhere(self):
        lock = self.work / "secret.lock"
        lock.write_text(self.lock.read_text().replace("http://", "http://user:swordfish@"))
        ran = self.athanor("run", lock, "-vv", "--state-dir", self.work / "state")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertNotIn("swordfish", ran.stdout + ran.stderr)
        for folder in (self.store, self.work / "state"):
            for path in folder.rglob("*"):
                self.assertNotIn("swordfish", str(path))
                if path.is_file():
                    self.assertNotIn(b"swordfish", path.read_bytes(), path)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
