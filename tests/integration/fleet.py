"""A coordinator that workers reach over tcp, and workers that are processes of their own: what the tests of
peers, storms and partitions share."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import support


class FleetScenario(support.Scenario):
    """`athanor run --listen` with a journal, and workers that the test starts, stops and kills."""

    packages, package_bytes, throttle = 40, 2000, ""

    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        self.nginx = support.Nginx(self, self.folder / "www", self.throttle)
        channel = self.make_channel("c", "--packages", self.packages, "--bytes", self.package_bytes, "--subdirs",
                                    "linux-64", "--base-url", f"{self.nginx.url}/c")
        self.lock = channel / "locks" / "linux-64.explicit.txt"
        self.urls = [line.split("#")[0] for line in self.lock.read_text().splitlines() if "://" in line]
        self.port = support.free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.workers = []

    def make_keys(self, *names):
        """Key pairs in a folder; the workers among them are let in by the list."""
        keys = self.folder / "keys"
        for name in names:
            self.athanor("keys", "new", name, "--directory", keys, expect=0)
        return keys

    def allow(self, *names):
        lines = [self.athanor("keys", "show", name, "--as", "worker", "--directory", self.folder / "keys",
                              expect=0).stdout for name in names]
        temporary = self.folder / "allowed.new"
        temporary.write_text("".join(lines))
        temporary.chmod(0o600)
        temporary.rename(self.folder / "allowed")

    def start_coordinator(self, *arguments, security=("--insecure",), store=None, lock=None):
        """One local worker with one slot, so that most is done by those that come over tcp."""
        out, err = (open(self.folder / f"coordinator.{end}", "ab") for end in ("out", "err"))
        self.addCleanup(out.close)
        self.addCleanup(err.close)
        process = subprocess.Popen([str(word) for word in (
            support.BIN / "athanor", "run", lock or self.lock, "--store", store or self.store, "--workers", 1, "--jobs", 1,
            "--listen", self.endpoint, *security, "--output", "jsonl", "--no-progress", *arguments)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder, env=self.environment, start_new_session=True)
        self.addCleanup(self.stop, process)
        return process

    def talk(self):
        return (self.folder / "coordinator.err").read_text()

    def events(self, kind):
        """What all coordinators of this test have told so far, of one kind; a killed one may have told half a line."""
        found = []
        for line in (self.folder / "coordinator.out").read_text().splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event.get("event") == kind:
                    found.append(event)
        return found

    def start_worker(self, *arguments, endpoint=None, security=("--insecure",), name=None, prefix=()):
        """A worker of its own; its words are in worker-N.log."""
        number = len(self.workers)
        log = open(self.folder / f"worker-{number}.log", "wb")
        self.addCleanup(log.close)
        worker = subprocess.Popen([*prefix, support.BIN / "athanor-worker", "--connect", endpoint or self.endpoint,
                                   "--name", name or f"w{number}", "--jobs", "4", *map(str, security),
                                   *map(str, arguments)],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                                  start_new_session=True)
        self.addCleanup(self.stop, worker)
        self.workers.append(worker)
        return worker

    def words_of(self, number):
        return (self.folder / f"worker-{number}.log").read_text()

    def listens(self, process):
        return support.wait_for(lambda: self.is_listening() or process.poll() is not None, "the coordinator listens")

    def is_listening(self):
        hexport = f":{self.port:04X} 00000000:0000 0A"
        return hexport in pathlib.Path("/proc/net/tcp").read_text()

    def published(self):
        """How many slots of packages have a hash folder already."""
        root = self.store / "packages"
        return sum(1 for _ in root.rglob("*.conda")) if root.exists() else 0

    def published_reaches(self, count, process=None):
        support.wait_for(lambda: self.published() >= count or (process and process.poll() is not None),
                         f"{count} packages are published", 120)

    @staticmethod
    def signal(process, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)

    def stop_all_workers(self):
        for worker in self.workers:
            if worker.poll() is None:
                self.signal(worker, signal.SIGCONT)
                self.signal(worker, signal.SIGKILL)
                worker.wait()

    def undisturbed(self):
        """The same lock file into another store, with nothing in the way: {key: bytes}."""
        self.nginx.unthrottle()
        calm, self.store = self.store, self.folder / "calm"
        try:
            self.athanor("run", self.lock, "--store", self.store, expect=0)
            return self.objects("packages")
        finally:
            self.store = calm

    def assert_equals(self, undisturbed, killed=False):
        """Object by object. Who makes a .conda first decides its bytes nowhere: conversion is deterministic."""
        stormy = self.objects("packages")
        self.assertEqual(sorted(stormy), sorted(undisturbed))
        for key, data in undisturbed.items():
            self.assertEqual(stormy[key], data, key)
        self.assert_store_is_whole(killed)


def memory_of(pid):
    """Resident bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
