"""kill -9, SIGSTOP, delays, cuts, black holes and pulled cables while a fleet fills a store: afterwards the store is,
object by object, the one of a run that nobody disturbed, and every package was published once.

ATHANOR_LONG=1 makes the storm of kills one of 2,000 packages."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import unittest

import fault_proxy
import fleet
import support

LONG = os.environ.get("ATHANOR_LONG") == "1"


class Storms(fleet.FleetScenario):
    packages, package_bytes = (2000 if LONG else 240), 20_000
    throttle = "" if LONG else "limit_rate 20k;"

    def wait(self, seconds):
        """Time that has to pass because the product measures it."""
        threading.Event().wait(seconds)

    def assert_published_once(self):
        """A slot whose bytes were written twice would show in what the workers say that they published."""
        finished = self.events("job_done")
        told = sum(event["published_bytes"] for event in finished)
        self.assertLessEqual(told, sum(map(len, self.objects("packages").values())))

    def test_kill_9_of_workers_and_coordinator(self):
        dice = random.Random(11)
        coordinator = self.start_coordinator()
        self.listens(coordinator)
        for _ in range(3):
            self.start_worker("--on-coordinator-lost", "wait")
        kills = deaths = 0
        while coordinator.poll() is None:
            self.wait(0.3)
            alive = [worker for worker in self.workers if worker.poll() is None]
            if alive and kills < (60 if LONG else 10):
                victim = dice.choice(alive)
                self.signal(victim, signal.SIGKILL)
                victim.wait()
                self.start_worker("--on-coordinator-lost", "wait")
                kills += 1
            if deaths < 2 and self.published() > len(self.urls) * (deaths + 1) // 5 and coordinator.poll() is None:
                coordinator.kill()
                coordinator.wait()
                deaths += 1
                coordinator = self.start_coordinator()
                self.listens(coordinator)
        self.assertEqual(coordinator.returncode, 0, self.talk())
        self.assertEqual(deaths, 2)
        self.assertGreaterEqual(kills, 3)
        self.assert_equals(self.undisturbed(), killed=True)
        self.assert_published_once()
        # Those that are still there have come through both deaths of the coordinator, or were started after them,
        # and leave as they should.
        for worker in self.workers:
            if worker.returncode != -signal.SIGKILL:
                self.signal(worker, signal.SIGTERM)
                self.assertEqual(worker.wait(20), 0)


class Silence(fleet.FleetScenario):
    packages, package_bytes = 60, 60_000
    throttle = "limit_rate 20k;"

    def gone(self, name):
        return [event for event in self.events("worker_gone") if event["name"] == name]

    def joined(self, name):
        return [event for event in self.events("worker_joined") if event["name"] == name]

    def test_a_frozen_worker_and_one_behind_a_black_hole_are_fenced_when_they_return(self):
        coordinator = self.start_coordinator()
        self.listens(coordinator)
        proxy = fault_proxy.FaultProxy(self.port)
        self.addCleanup(proxy.stop)
        proxy.delay(0.03)
        frozen = self.start_worker(name="frozen")
        self.start_worker(name="behind", endpoint=f"tcp://127.0.0.1:{proxy.port}")
        for name in ("frozen", "behind"):
            support.wait_for(lambda: self.joined(name), f"{name} joined")
        self.published_reaches(2, coordinator)
        proxy.cut()  # a cut cable that is mended at once costs nothing
        support.wait_for(lambda: len(self.joined("behind")) >= 2, "it came back after the cut")
        frozen.send_signal(signal.SIGSTOP)
        proxy.black_hole()
        for name in ("frozen", "behind"):
            support.wait_for(lambda: [event for event in self.gone(name) if event["lost"]], f"{name} is given up", 20)
        # Both wake up with leases that others have by now.
        before = len(self.joined("frozen"))
        frozen.send_signal(signal.SIGCONT)
        proxy.heal()
        support.wait_for(lambda: len(self.joined("frozen")) > before, "the frozen one is back", 20)
        support.wait_for(lambda: len(self.joined("behind")) > 2 or coordinator.poll() is not None, "the other too", 20)
        self.nginx.unthrottle()
        self.assertEqual(coordinator.wait(120), 0, self.talk())
        self.assert_equals(self.undisturbed())
        self.assertTrue([event for event in self.events("job_started") if event["attempt"] > 1], "they held nothing")
        finished = [event["source"] for event in self.events("job_done")]
        self.assertEqual(len(finished), len(set(finished)), "a job was reported twice")
        self.assertEqual(sorted(finished), sorted(self.urls))
        told = sum(event["published_bytes"] for event in self.events("job_done"))
        self.assertLessEqual(told, sum(map(len, self.objects("packages").values())))

    def test_a_worker_that_is_asked_to_leave_finishes_or_gives_back(self):
        coordinator = self.start_coordinator()
        self.listens(coordinator)
        self.start_worker(name="patient")
        self.start_worker("--drain-timeout", "1", name="hasty")
        self.start_worker("--max-jobs", "2", name="two")
        for name in ("patient", "hasty", "two"):
            support.wait_for(lambda: self.joined(name), f"{name} joined")
        self.published_reaches(1, coordinator)
        for worker in self.workers[:2]:
            worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.workers[0].wait(30), 0, self.words_of(0))
        self.assertEqual(self.workers[1].wait(10), 0, self.words_of(1))
        self.assertEqual(self.workers[2].wait(30), 0, self.words_of(2))
        for name in ("patient", "hasty", "two"):
            self.assertEqual([event["lost"] for event in self.gone(name)], [False])
        done = [event for event in self.events("job_done")]
        self.nginx.unthrottle()
        self.start_worker()
        self.assertEqual(coordinator.wait(120), 0, self.talk())
        self.assertTrue(done)
        self.assert_store_is_whole()
        self.assertFalse(self.events("job_retrying"), "leaving costs nobody an attempt")


class PulledCable(fleet.FleetScenario):
    """A worker on another machine, as far as the kernel can tell: a network namespace behind a virtual cable."""

    packages, package_bytes = 40, 60_000

    def setUp(self):
        number = os.getpid() % 200
        self.space, self.near, self.far = f"athanor{number}", f"ath{number}a", f"ath{number}b"
        self.here, self.there = f"10.231.{number}.1", f"10.231.{number}.2"
        for command in (f"ip netns add {self.space}", f"ip link add {self.near} type veth peer name {self.far}",
                        f"ip link set {self.far} netns {self.space}", f"ip addr add {self.here}/30 dev {self.near}",
                        f"ip link set {self.near} up", f"ip netns exec {self.space} ip addr add {self.there}/30 dev {self.far}",
                        f"ip netns exec {self.space} ip link set {self.far} up",
                        f"ip netns exec {self.space} ip link set lo up"):
            try:
                failed = subprocess.run(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
            except FileNotFoundError:
                failed = True
            if command.startswith("ip netns add"):
                self.addCleanup(self.remove)
            if failed:
                self.skipTest(f"this machine doesn't let us: {command}")
        self.throttle = f"limit_rate 20k; listen {self.here}:{support.free_port()};"
        super().setUp()
        origin = self.throttle.split("listen ")[1].rstrip(";")
        self.lock.write_text(self.lock.read_text().replace(self.nginx.url, f"http://{origin}"))
        self.endpoint = f"tcp://{self.here}:{self.port}"

    def remove(self):
        for command in (f"ip link del {self.near}", f"ip netns del {self.space}"):
            with contextlib.suppress(FileNotFoundError):
                subprocess.run(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def cable(self, state):
        subprocess.run(["ip", "link", "set", self.near, state], check=True)

    def is_listening(self):
        return f":{self.port}" in subprocess.run(["ss", "-ltn"], capture_output=True, text=True).stdout

    def test_a_worker_whose_cable_is_pulled_is_given_up_and_comes_back_encrypted(self):
        keys = self.make_keys("coordinator", "far")
        self.allow("far")
        coordinator = self.start_coordinator(
            security=("--key", keys / "coordinator.secret", "--allowed-keys", self.folder / "allowed"))
        self.listens(coordinator)
        self.start_worker(name="far", prefix=("ip", "netns", "exec", self.space),
                          security=("--key", keys / "far.secret", "--server-key", keys / "coordinator.public"))
        told = lambda kind: [event for event in self.events(kind) if event["name"] == "far"]
        support.wait_for(lambda: told("worker_joined"), "it joined")
        self.published_reaches(1, coordinator)
        self.cable("down")
        support.wait_for(lambda: told("worker_gone"), "it is given up", 20)
        self.cable("up")
        support.wait_for(lambda: len(told("worker_joined")) >= 2, "it is back", 30)
        self.nginx.unthrottle()
        self.assertEqual(coordinator.wait(120), 0, self.talk())
        finished = [event["source"] for event in self.events("job_done")]
        self.assertEqual(len(finished), len(set(finished)), "a job was reported twice")
        self.assert_equals(self.undisturbed())


if __name__ == "__main__":
    support.main()
