"""Peers that mean harm, against a real coordinator at work: it goes on serving the others, its memory stays
bounded, and who breaks the protocol is cut off and counted."""

import contextlib
import os
import random
import resource
import socket
import struct
import time

import fleet
import support
import zmtp

MEGABYTE = 1 << 20


class HostilePeers(fleet.FleetScenario):
    packages, package_bytes = 60, 60_000
    throttle = "limit_rate 20k;"  # the run lasts as long as the attacks, whatever the machine

    def start_all(self, security):
        self.coordinator = self.start_coordinator(security=security)
        self.listens(self.coordinator)
        self.random = random.Random(7)

    def finish_all(self):
        """The honest side's work is done, and nothing of what the others said has changed it."""
        self.nginx.unthrottle()
        self.start_worker(security=self.worker_security)
        code = self.coordinator.wait(120)
        talk = self.talk()
        self.assertEqual(code, 0, talk)
        self.assert_store_is_whole()
        self.assertEqual(len([path for path in self.objects("packages")]), self.expected_objects())
        return talk

    def expected_objects(self):
        return sum(1 if url.endswith(".conda") else 2 for url in self.urls)

    worker_security = ("--insecure",)

    def attack(self, send):
        """A connection over which `send` has said something."""
        peer = zmtp.Peer(self.endpoint)
        self.addCleanup(peer.close)
        with contextlib.suppress(zmtp.Closed):
            peer.handshake()
            send(peer)
        return peer

    def test_frames_that_break_the_protocol_cost_the_connection(self):
        self.start_all(("--insecure",))
        honest = zmtp.Peer(self.endpoint).handshake()
        self.addCleanup(honest.close)
        mine = honest.hello("honest", jobs=1)["session"]
        before = fleet.memory_of(self.coordinator.pid)
        body = zmtp.pack({"session": 1})
        attacks = [
            lambda peer: peer.send_frames(b"", b""),
            lambda peer: peer.send_frames(b"HTTP/1", body),
            lambda peer: peer.send_frames(zmtp.header(zmtp.RENEW), b"\xc1"),
            lambda peer: peer.send_frames(zmtp.header(zmtp.RENEW), b"\xdd\xff\xff\xff\xff"),
            lambda peer: peer.send_frames(zmtp.header(zmtp.RENEW), b"\x81\xa1x" + b"\x91" * 200_000),
            lambda peer: peer.send_frames(zmtp.header(zmtp.WELCOME), zmtp.pack({"session": 1})),
            lambda peer: peer.send(zmtp.PULSE, {}),  # only coordinators say that
            lambda peer: peer.send_frames(zmtp.header(zmtp.RENEW)),
            lambda peer: peer.send_frames(*[b"x"] * 1000),
            lambda peer: peer.send(zmtp.HELLO, {"protocol_min": 7, "protocol_max": 9, "name": "future", "version": "9",
                                                "capacity": {"jobs": 1, "cpu": 1}}, version=7),
            lambda peer: peer.send(zmtp.HELLO, {"protocol_min": 1, "protocol_max": 1, "name": "x\n", "version": "9",
                                                "capacity": {"jobs": 1 << 40, "cpu": 1}}),
            lambda peer: peer.send_bytes(b"\x02" + struct.pack(">Q", 1 << 40) + bytes(1 << 16)),
            lambda peer: peer.send_bytes(b"\x02" + struct.pack(">Q", 512 * MEGABYTE) + bytes(8 * MEGABYTE)),
        ]
        for number, peer in enumerate([self.attack(attack) for attack in attacks]):
            self.assertTrue(peer.is_cut(), f"after attack {number} the connection is still there")
        for _ in range(100):
            with zmtp.Peer(self.endpoint) as peer, contextlib.suppress(zmtp.Closed, OSError):
                peer.handshake()
                peer.send_frames(zmtp.header(self.random.randrange(14)), self.random.randbytes(self.random.randrange(300)))
        for _ in range(100):
            with zmtp.Peer(self.endpoint) as peer, contextlib.suppress(zmtp.Closed, OSError):
                peer.send_bytes(self.random.randbytes(200))
        honest.send(zmtp.RENEW, {"session": mine, "running": []})
        honest.receive(zmtp.PULSE)
        self.assertLess(fleet.memory_of(self.coordinator.pid) - before, 32 * MEGABYTE)
        honest.send(zmtp.GOODBYE, {"session": mine})
        self.assertIn("broke the protocol", self.finish_all())

    def test_a_stolen_session_is_worth_nothing(self):
        self.start_all(("--insecure",))
        victim = zmtp.Peer(self.endpoint).handshake()
        self.addCleanup(victim.close)
        session = victim.hello("victim", jobs=1)["session"]
        lease = victim.receive(zmtp.GRANT)["jobs"][0]["lease"]
        # The thief has heard everything that the victim said and was told.
        thief = zmtp.Peer(self.endpoint).handshake()
        self.addCleanup(thief.close)
        failure = {"stage": "fetch", "kind": "not_found", "message": "a lie"}
        for kind, body in ((zmtp.RENEW, {"session": session, "running": []}),
                           (zmtp.REPORT, {"session": session, "lease": lease, "failure": failure}),
                           (zmtp.RELEASE, {"session": session, "leases": [lease]}),
                           (zmtp.GOODBYE, {"session": session})):
            thief.send(kind, body)
        # An answer to the victim means that everything before was read.
        for _ in range(2):
            victim.send(zmtp.RENEW, {"session": session, "running": [{"lease": lease, "stage": "fetch", "steps": 1}]})
            while True:
                kind, body = victim.receive()
                self.assertNotEqual(kind, zmtp.REVOKE)
                if kind == zmtp.PULSE:
                    break
        self.assertFalse([event for event in self.events("worker_gone") if event["name"] == "victim"])
        # With a session of its own, the thief still can't speak of what the victim holds.
        own = thief.hello("thief", jobs=1)["session"]
        thief.send(zmtp.REPORT, {"session": own, "lease": lease, "failure": failure})
        thief.send(zmtp.RENEW, {"session": own, "running": [{"lease": lease, "stage": "fetch", "steps": 9}]})
        self.assertIn(lease, thief.receive(zmtp.REVOKE)["leases"])
        victim.send(zmtp.RELEASE, {"session": session, "leases": [lease]})
        victim.send(zmtp.GOODBYE, {"session": session})
        thief.close()
        self.assertNotIn("a lie", self.finish_all())

    def test_ten_thousand_connections_and_endless_frames_behind_curve(self):
        keys = self.make_keys("coordinator", "w")
        self.allow("w")
        self.worker_security = ("--key", keys / "w.secret", "--server-key", keys / "coordinator.public")
        wanted = int(os.environ.get("ATHANOR_CONNECTIONS", 10_000))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        wanted = min(wanted, hard - 1000)
        self.start_all(("--key", keys / "coordinator.secret", "--allowed-keys", self.folder / "allowed"))
        self.start_worker(security=self.worker_security, name="honest")
        support.wait_for(lambda: [e for e in self.events("worker_joined") if e["name"] == "honest"], "a worker joined")
        before = fleet.memory_of(self.coordinator.pid)
        crowd = []
        self.addCleanup(lambda: [each.close() for each in crowd])
        begin, half_open = time.monotonic(), zmtp.greeting(b"CURVE")
        while len(crowd) < wanted and time.monotonic() - begin < 15:
            with contextlib.suppress(OSError):
                each = socket.create_connection(("127.0.0.1", self.port), 5)
                crowd.append(each)
                if len(crowd) % 3 == 1:
                    each.sendall(half_open[:self.random.randrange(64)])
                elif len(crowd) % 3 == 2:
                    each.sendall(half_open + self.random.randbytes(100))
        # Frames without end: what an unencrypted socket would have to keep.
        peer = zmtp.Peer(self.endpoint)
        self.addCleanup(peer.close)
        with contextlib.suppress(zmtp.Closed, OSError):
            peer.send_bytes(zmtp.greeting() + zmtp.ready())
            for _ in range(200):
                peer.send_bytes(b"\x01\xc8" + bytes(200) + zmtp.frame(bytes(60_000), more=True) * 16)
        grown = fleet.memory_of(self.coordinator.pid) - before
        print(f"{len(crowd)} connections: the coordinator grew by {grown / MEGABYTE:.1f} MB", flush=True)
        self.assertLess(grown, 400 * MEGABYTE)
        started = len(self.events("job_started"))
        support.wait_for(lambda: len(self.events("job_started")) > started, "jobs go on", 10)
        self.assertFalse([event for event in self.events("worker_gone") if event["name"] == "honest"])
        self.assertIn("handshake", self.finish_all())


if __name__ == "__main__":
    support.main()
