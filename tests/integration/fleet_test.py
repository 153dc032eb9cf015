"""A coordinator that serves, workers that come and go, and clients: real processes on this machine."""

import collections
import contextlib
import os
import signal
import subprocess
import threading

import support


class Fleet(support.Scenario):
    def setUp(self):
        super().setUp()
        self.channel = self.make_channel("team", "--packages", 24, "--base-url", "http://127.0.0.1:1/team")
        self.origin = support.Origin(self, self.folder / "www")
        self.locks = sorted((self.channel / "locks").glob("team-*.conda-lock.yml"))
        for lock in self.locks:
            lock.write_text(lock.read_text().replace("http://127.0.0.1:1", self.origin.url))

    def serve(self, *arguments):
        """A coordinator whose talk is read by a thread; returns it once it says where clients connect."""
        process = self.start("serve", "--store", self.store, *arguments)
        process.lines, ready = [], threading.Event()

        def read():
            for line in process.stderr:
                process.lines.append(line.rstrip())
                if line.startswith("clients:"):
                    ready.set()
            ready.set()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.stop, process)
        ready.wait(60)
        self.assertIsNone(process.poll(), process.lines)
        return process

    def work(self, name):
        """A worker that waits for its coordinator for ever."""
        sockets = next((self.folder / "state" / "athanor").glob("*/workers.sock"))
        process = subprocess.Popen([support.BIN / "athanor-worker", "--connect", f"ipc://{sockets}", "--name", name,
                                    "--on-coordinator-lost", "wait", "--log-level", "error"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, env=self.environment, start_new_session=True)
        self.addCleanup(self.stop, process)
        return process

    def ask(self, *arguments, expect=0):
        return self.athanor(*arguments, "--json", expect=expect).json

    def submit(self, *arguments):
        return self.ask("submit", *arguments, "--detach")["batch"]

    def fetched(self):
        with self.origin.lock:
            return collections.Counter(path for path in self.origin.seen)

    def test_two_batches_share_their_packages_and_a_third_finds_them_done(self):
        server = self.serve()
        self.work("ant"), self.work("bee")
        first, second = self.submit(self.locks[0]), self.submit(*self.locks[1:], "--priority", "100")
        for batch in (first, second):
            verdict = self.ask("batch", "wait", batch)
            self.assertEqual(verdict["environments"]["ready"], verdict["environments"]["total"], verdict)
        self.assertEqual(set(self.fetched().values()), {1}, "each package is fetched once, whoever wants it")
        self.assert_store_is_whole()

        requests = sum(self.fetched().values())
        again = self.athanor("submit", *self.locks, "--wait", "--json", expect=0).json
        self.assertEqual((again["packages"]["new"], again["packages"]["failed"]), (0, 0))
        self.assertGreater(again["packages"]["had"], 0)
        self.assertEqual(sum(self.fetched().values()), requests)

        listed = self.ask("batch", "list")["batches"]
        self.assertEqual([(batch["batch"], batch["state"]) for batch in listed],
                         [(first, "ready"), (second, "ready"), (3, "ready")])
        shown = self.ask("batch", "show", first)
        self.assertTrue(all(environment["keys"] for environment in shown["environments_list"]), shown)
        self.assertEqual({worker["name"] for worker in self.ask("worker", "list")["workers"]}, {"ant", "bee"})

        # Whoever may be asked for by a part of its URL tells its story.
        package = next(iter(self.fetched())).rsplit("/", 1)[1]
        job = self.ask("explain", package)["jobs"][0]
        self.assertEqual(job["state"], "done")
        self.assertEqual(job["result"]["from"], "origin")
        self.assertIn(job["result"]["worker"], ("ant", "bee", ""))
        by_number = self.ask("explain", job["job"])["jobs"][0]
        by_key = self.ask("explain", job["result"]["formats"][0]["key"])["jobs"][0]
        self.assertEqual({by_number["source"], by_key["source"]}, {job["source"]})
        self.athanor("explain", "no-such-package", expect=2)

        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0, server.lines)
        self.assertEqual(self.athanor("batch", "list").code, 2, "no coordinator is there any more")

    def test_a_drained_worker_leaves_and_a_second_coordinator_is_refused(self):
        self.serve()
        ant = self.work("ant")
        bee = self.work("bee")
        names = lambda: {worker["name"] for worker in self.ask("worker", "list")["workers"]}
        support.wait_for(lambda: names() == {"ant", "bee"}, "both workers are there")
        self.assertTrue(self.ask("worker", "drain", "--match", "a*")["workers"][0]["done"])
        self.assertEqual(ant.wait(60), 0)
        support.wait_for(lambda: names() == {"bee"}, "the drained worker has left")
        self.athanor("worker", "drain", "nobody", expect=2)
        self.assertIsNone(bee.poll())

        refused = self.athanor("serve", "--store", self.store, expect=75)
        self.assertIn("is at work on this store", refused.stderr)
        self.assertIn("submit", refused.stderr)

    def test_killed_in_the_middle_it_goes_on_and_fetches_nothing_again(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        last = sorted(path.name for path in self.channel.rglob("*.tar.bz2"))[0]

        def held(handler):
            hold.wait(60)
            self.origin.serve(handler)

        self.origin.rules[last] = held
        server = self.serve()
        workers = [self.work("ant"), self.work("bee")]
        batch = self.submit(*self.locks)
        waiting = self.start("batch", "wait", batch, "--json")
        done = lambda: self.ask("batch", "show", batch)["packages"]["new"]
        support.wait_for(lambda: done() >= 10, "ten packages are done")
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        before = self.fetched()

        server = self.serve()
        support.wait_for(lambda: any("open batches" in line for line in server.lines), "it tells what it goes on with")
        hold.set()
        verdict = self.finish(waiting, timeout=120)
        self.assertEqual(verdict.code, 0, verdict)
        self.assertEqual(verdict.json["environments"]["ready"], verdict.json["environments"]["total"])
        self.assertIn("the coordinator is away", verdict.stderr)
        after = self.fetched()
        repeated = {path: count for path, count in after.items() if count > 1}
        self.assertEqual(repeated, {}, "what was fetched before isn't fetched again")
        self.assertGreaterEqual(len(after), len(before))
        for process in (server, *workers):
            process.terminate()
            process.wait(60)
        # What the killed process was writing is cleared away by whoever opens the store alone.
        self.run_json(*self.locks, expect=0)
        self.assertEqual(sum(self.fetched().values()), sum(after.values()))
        self.assert_store_is_whole()

    def test_canceling_a_batch_leaves_the_others_alone(self):
        hold = threading.Event()
        self.addCleanup(hold.set)

        def held(handler):
            hold.wait(60)
            self.origin.serve(handler)

        self.origin.rules["bz2"] = held
        self.origin.rules["conda"] = held
        self.serve("--workers", 1)
        kept, given_up = self.submit(self.locks[0]), self.submit(*self.locks)
        support.wait_for(lambda: self.ask("batch", "show", given_up)["state"] == "working", "it is planned")
        self.assertTrue(self.ask("batch", "cancel", given_up)["canceled"])
        self.assertEqual(self.ask("batch", "show", given_up)["state"], "canceled")
        self.assertEqual(self.ask("batch", "wait", given_up, expect=1)["environments"]["ready"], 0)
        hold.set()
        self.assertEqual(self.ask("batch", "wait", kept)["packages"]["failed"], 0)
        self.athanor("batch", "cancel", 99, expect=2)

    def test_what_failed_is_tried_again_when_a_person_says_so(self):
        wrong = sorted(path.name for path in self.channel.rglob("*.conda"))[0]
        self.origin.rules[wrong] = self.origin.status(404)
        self.serve("--workers", 1)
        failed = self.athanor("submit", *self.locks, "--wait", "--json")
        self.assertEqual(failed.code, 1, failed)
        batch = self.ask("batch", "list")["batches"][0]
        self.assertEqual((batch["state"], batch["packages"]["failed"]), ("partial", 1))
        job = self.ask("explain", wrong)["jobs"][0]
        self.assertEqual(job["state"], "failed")
        self.assertIn("404", job["failure"]["message"])
        self.assertIn("batch retry", job["why"])

        del self.origin.rules[wrong]
        self.assertEqual(self.ask("batch", "retry", batch["batch"])["jobs"], 1)
        verdict = self.ask("batch", "wait", batch["batch"])
        self.assertEqual(verdict["environments"]["ready"], verdict["environments"]["total"])

    def test_credentials_are_used_and_never_written_down(self):
        with_password = self.origin.url.replace("http://", "http://ana:hunter2@")
        lock = self.folder / "secret.conda-lock.yml"
        lock.write_text(self.locks[0].read_text().replace(self.origin.url, with_password))
        server = self.serve("--workers", 1, "-vv")
        self.athanor("submit", lock, "--wait", expect=0)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0)
        for path in (self.folder / "state").rglob("*"):
            if path.is_file():
                self.assertNotIn(b"hunter2", path.read_bytes(), path)
        self.assertFalse([line for line in server.lines if "hunter2" in line])

    def test_without_a_coordinator_the_client_says_what_to_do(self):
        lost = self.athanor("submit", self.locks[0], "--detach", expect=2)
        self.assertIn("athanor serve", lost.stderr)
        with contextlib.ExitStack():
            silent = self.athanor("batch", "list", "--coordinator", f"ipc://{self.folder}/nobody.sock", expect=75)
            self.assertIn("no coordinator answers", silent.stderr)


if __name__ == "__main__":
    support.main()
