"""kill -9 in the middle, Ctrl-C, a second Ctrl-C: nothing is lost, nothing half-written stays, and a second
run continues without repeating a finished package."""

import collections
import os
import pathlib
import signal

import support


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


class Crashes(support.Scenario):
    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        # A slow link: a run is long enough to be hit in its middle, whatever the machine.
        self.nginx = support.Nginx(self, self.folder / "www", "limit_rate 400k;")
        channel = self.make_channel("c", "--packages", 60, "--bytes", 300_000, "--base-url", f"{self.nginx.url}/c")
        self.lock = channel / "locks" / "linux-64.explicit.txt"
        self.wanted = {line.split("#")[0] for line in self.lock.read_text().splitlines() if "://" in line}

    def start_run(self):
        return self.start("run", self.lock, "--store", self.store, "--workers", 2, "--output", "jsonl")

    def finished(self):
        """Sources whose every format is published."""
        keys = self.objects("packages") if self.store.exists() else {}
        formats = collections.Counter(key.split("/")[-4] for key in keys)
        return {name for name, count in formats.items()
                if count == (1 if name.endswith(".conda") else 2)}

    def in_the_middle(self, process):
        return support.wait_for(lambda: len(self.finished()) >= 4 or process.poll() is not None, "some are done")

    def completes(self):
        before = self.finished()
        requests = len(self.nginx.requests())
        self.assertLess(len(before), len(self.wanted))
        self.athanor("run", self.lock, "--store", self.store, expect=0)
        again = {path.rsplit("/", 1)[1] for _, path, _ in self.nginx.requests()[requests:]}
        self.assertFalse(again & before, "a finished package was fetched again")
        self.assert_store_is_whole()
        self.assertEqual(len(self.finished()), len(self.wanted))

    def test_a_killed_worker_costs_an_attempt_and_nothing_else(self):
        process = self.start_run()
        self.in_the_middle(process)
        workers = children_of(process.pid)
        self.assertEqual(len(workers), 2)
        os.kill(workers[0], signal.SIGKILL)
        outcome = self.finish(process)
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_store_is_whole()
        self.assertEqual(len(self.finished()), len(self.wanted))

    def test_a_killed_run_continues_where_it_was(self):
        process = self.start_run()
        self.in_the_middle(process)
        workers = children_of(process.pid)
        process.kill()
        process.wait()
        # Workers don't outlive the run that started them.
        support.wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers), "workers are gone")
        self.completes()

    def test_ctrl_c_drains_and_a_second_run_completes(self):
        process = self.start_run()
        self.in_the_middle(process)
        process.send_signal(signal.SIGINT)
        outcome = self.finish(process, timeout=60)
        self.assertEqual(outcome.code, 130, outcome)
        self.assert_store_is_whole()
        self.completes()

    def test_ctrl_c_twice_stops_at_once(self):
        process = self.start_run()
        self.in_the_middle(process)
        workers = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        outcome = self.finish(process, timeout=20)
        self.assertIn(outcome.code, (130, 143), outcome)
        support.wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers), "workers are gone")
        self.assertEqual([path for path in (self.folder / "tmp").rglob("*")
                          if path.is_file() and path.name != "sweep.lock"], [])
        self.completes()

    def test_sigterm_drains(self):
        process = self.start_run()
        self.in_the_middle(process)
        process.terminate()
        self.assertEqual(self.finish(process, timeout=60).code, 143)
        self.completes()

    def test_a_second_run_on_the_same_store_says_who_is_there(self):
        process = self.start_run()
        self.in_the_middle(process)
        outcome = self.athanor("run", self.lock, "--store", self.store, expect=75)
        self.assertIn(str(process.pid), outcome.stderr)
        self.assertEqual(self.finish(process).code, 0)


if __name__ == "__main__":
    support.main()
