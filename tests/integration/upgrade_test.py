"""A fleet is upgraded one program at a time: each of coordinator and worker serves the version before its own."""

import subprocess

import support
import zmtp


class Upgrade(support.Scenario):
    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        self.nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("c", "--packages", 8, "--bytes", 2000, "--base-url", f"{self.nginx.url}/c")
        self.lock = channel / "locks" / "linux-64.explicit.txt"
        self.urls = [line.split("#")[0] for line in self.lock.read_text().splitlines() if "://" in line]

    def test_an_older_worker_serves_this_coordinator(self):
        worker = support.SOURCE / "tests/integration/older_worker.py"
        outcome = self.run_json(self.lock, "--workers", 2, "--worker-program", worker, expect=0)
        self.assertEqual(outcome.json["packages"]["new"], len(self.urls), outcome)
        self.assertNotIn("older worker:", outcome.stderr)

    def test_this_worker_serves_an_older_coordinator(self):
        self.store.mkdir()
        listener = zmtp.Listener(self.folder / "s")
        self.addCleanup(listener.close)
        worker = subprocess.Popen([support.BIN / "athanor-worker", "--connect", listener.endpoint, "--jobs", "2"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, env=self.environment, start_new_session=True)
        self.addCleanup(self.stop, worker)
        with listener.accept() as peer:
            hello = peer.receive(zmtp.HELLO)
            self.assertLessEqual(hello["protocol_min"], 1)
            header, welcome = zmtp.recorded(support.SOURCE, 1, "welcome")
            welcome.update(adopted=[], heartbeat_ms=200, lease_ms=1000)
            welcome["settings"].update(store=self.store.as_uri(), origin_map={}, package_dirs=[], zstd_level=3)
            peer.send_frames(header, zmtp.pack(welcome))
            header, grant = zmtp.recorded(support.SOURCE, 1, "grant_least")
            spec = grant["jobs"][0]["spec"]
            grant["jobs"] = [{"lease": [3, number + 1, 1], "spec": dict(spec, source=url, fetch=url, type="conda",
                                                                       wanted=["conda"])}
                             for number, url in enumerate(self.urls[:2])]
            peer.send_frames(header, zmtp.pack(grant))
            done = []
            while len(done) < 2:
                kind, body = peer.receive()
                if kind == zmtp.RENEW:
                    self.assertEqual(body["session"], welcome["session"])
                    peer.send(zmtp.PULSE, {})
                elif kind == zmtp.REPORT:
                    self.assertIn("success", body)
                    self.assertEqual([form["format"] for form in body["success"]["formats"]], ["conda"])
                    peer.send(zmtp.REPORT_ACK, {"lease": body["lease"]})
                    done.append(body["lease"])
            peer.send(zmtp.DRAIN, {})
            self.assertEqual(peer.receive(zmtp.GOODBYE)["session"], welcome["session"])
        self.assertEqual(worker.wait(20), 0)
        self.assertEqual(len(self.objects("packages")), 2)


if __name__ == "__main__":
    support.main()
