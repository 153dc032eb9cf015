"""What the scenarios share: running athanor, made channels, nginx, and an origin that misbehaves.

Every server binds 127.0.0.1 on a free port and is stopped by its own handle. Nothing sleeps: what has to
be waited for is waited for by reading a pipe or by polling a condition with a deadline.
"""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ.get("ATHANOR_BIN", "build/dev/bin")).resolve()
SOURCE = pathlib.Path(os.environ.get("ATHANOR_SOURCE", ".")).resolve()
DATA = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA", SOURCE / "../shared/data")).resolve()
SKIPPED = 125  # what ctest counts as skipped


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=60):
    """The condition's first true value; fails the test after a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"after {seconds} s still not: {what}")


class Outcome:
    """A finished athanor process."""

    def __init__(self, process, stdout, stderr):
        self.code, self.stdout, self.stderr = process.returncode, stdout, stderr

    @property
    def json(self):
        return json.loads(self.stdout)

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Scenario(unittest.TestCase):
    """A test with a scratch folder, its own home, and programs that are stopped at the end."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = self.folder / "store"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"),
                            "XDG_STATE_HOME": str(self.folder / "state"), "LC_ALL": "C.UTF-8",
                            "TMPDIR": str(self.folder / "tmp")}
        for folder in ("home", "state", "tmp"):
            (self.folder / folder).mkdir()
        # Sanitizers must still be told how to behave.
        self.environment.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})

    def start(self, *arguments, **options):
        process = subprocess.Popen([BIN / "athanor", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, env=dict(self.environment, **options.pop("env", {})),
                                   start_new_session=True, **options)
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def finish(self, process, timeout=300):
        stdout, stderr = process.communicate(timeout=timeout)
        return Outcome(process, stdout, stderr)

    def athanor(self, *arguments, expect=None, **options):
        outcome = self.finish(self.start(*arguments, **options))
        if expect is not None:
            self.assertEqual(outcome.code, expect, outcome)
        return outcome

    def run_json(self, *arguments, expect=None, **options):
        return self.athanor("run", *arguments, "--store", self.store, "--json", expect=expect, **options)

    def make_channel(self, name, *arguments):
        folder = self.folder / "www" / name
        folder.parent.mkdir(exist_ok=True)
        subprocess.run([SOURCE / "scripts/make-channel", folder, *map(str, arguments)], check=True,
                       stdout=subprocess.DEVNULL)
        return folder

    def objects(self, below=""):
        """Every object of the store: key → bytes. What is ours alone (.athanor) isn't part of it."""
        return {str(path.relative_to(self.store)): path.read_bytes()
                for path in sorted((self.store / below).rglob("*"))
                if path.is_file() and ".athanor" not in path.relative_to(self.store).parts}

    def assert_store_is_whole(self, killed=False):
        """No slot has two hash folders, every object's bytes have the hash that its key names, every
        description names only objects that are there, and nothing half-written is left (except by writers
        that were killed: that is swept away later)."""
        slots = {}
        for key, data in self.objects().items():
            parts = key.split("/")
            if parts[0] == "packages":
                hasher = hashlib.md5 if parts[1] == "conda" else hashlib.sha256
                self.assertEqual(hasher(data).hexdigest(), parts[-2], key)
                slots.setdefault("/".join(parts[:-2]), set()).add(parts[-2])
            if parts[-1] == "env":
                for package in json.loads(data)["packages"]:
                    for cached in package["cache_info"].values():
                        self.assertTrue((self.store / cached["url"]).is_file(), cached["url"])
        for slot, hashes in slots.items():
            self.assertEqual(len(hashes), 1, f"{slot} has {hashes}")
        if killed:
            return
        temporary = self.store / ".athanor" / "tmp"
        left = [path.name for path in temporary.iterdir()] if temporary.exists() else []
        self.assertEqual([name for name in left if name != "lock"], [])


class Nginx:
    """Debian's nginx serving a folder, with a log of every request."""

    def __init__(self, scenario, root, extra="", http="", logged="$status"):
        self.port, self.folder = free_port(), scenario.folder / f"nginx-{free_port()}"
        self.folder.mkdir()
        self.log = self.folder / "access.log"
        (self.folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 512; }}
http {{
  log_format requests '$request_method $uri {logged}';
  access_log {self.log} requests;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
  uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  keepalive_requests 100000; {http}
  server {{ listen 127.0.0.1:{self.port}; root {root}; {extra} }}
}}
""")
        if os.geteuid() == 0:
            conf = self.folder / "nginx.conf"
            conf.write_text("user root;\n" + conf.read_text())
        self.process = subprocess.Popen(["nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        scenario.addCleanup(self.stop)
        wait_for(self.answers, "nginx answers")
        self.url = f"http://127.0.0.1:{self.port}"

    def unthrottle(self):
        """From now on as fast as it can."""
        conf = self.folder / "nginx.conf"
        conf.write_text(re.sub(r"limit_rate \w+;", "", conf.read_text()))
        self.process.send_signal(signal.SIGHUP)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def requests(self):
        """[(method, path, status)] so far."""
        return [tuple(line.split()) for line in self.log.read_text().splitlines()] if self.log.exists() else []


class Origin:
    """An HTTP origin that misbehaves as told: `rules` maps a path's suffix to a function of the handler,
    or to a list of them, used up one per request (then the file is served)."""

    def __init__(self, scenario, root):
        origin = self
        self.root, self.rules, self.seen, self.lock = pathlib.Path(root), {}, [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with origin.lock:
                    origin.seen.append(self.path)
                    rule = next((r for suffix, r in origin.rules.items() if self.path.endswith(suffix)), None)
                    if isinstance(rule, list):
                        rule = rule.pop(0) if rule else None
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    rule(self) if rule else origin.serve(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scenario.addCleanup(self.server.server_close)
        scenario.addCleanup(self.server.shutdown)

    def bytes_of(self, handler):
        return (self.root / handler.path.lstrip("/")).read_bytes()

    def serve(self, handler, data=None, status=200, headers=()):
        path = self.root / handler.path.lstrip("/")
        if data is None and not path.is_file():
            status, data = 404, b"not here\n"
        data = path.read_bytes() if data is None else data
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    # What an origin may do wrong, as rules.

    def status(self, code, **headers):
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return lambda handler: self.serve(handler, b"no\n", code, pairs)

    def truncated(self, handler):
        data = self.bytes_of(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2])
        handler.close_connection = True

    def altered(self, handler):
        data = bytearray(self.bytes_of(handler))
        data[len(data) // 2] ^= 1
        self.serve(handler, bytes(data))

    @staticmethod
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(1 << 16))

    def circle(self, handler):
        self.serve(handler, b"", 302, [("Location", handler.path)])


def main():
    """Runs the module's tests; a run in which every test was skipped says so to ctest."""
    program = unittest.main(module="__main__", exit=False)
    result = program.result
    if result.wasSuccessful() and result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)
