"""Origins that misbehave, and disks that refuse: a clear message, the right exit code, a store that is
whole, and a second run that completes."""

import os
import subprocess

import support


class OriginFaults(support.Scenario):
    """One package is served wrongly; everything else is done, and a later run completes."""

    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        self.origin = support.Origin(self, self.folder / "www")
        self.channel = self.make_channel("c", "--packages", 12, "--base-url", f"{self.origin.url}/c")
        self.lock = self.channel / "locks" / "linux-64.explicit.txt"
        self.victim = sorted((self.channel / "linux-64").glob("*.conda"))[0].name

    def fill(self, **options):
        return self.athanor("run", self.lock, "--store", self.store, **options)

    def after_the_fault(self, code, *words):
        outcome = self.fill(expect=code)
        for word in (self.victim, *words):
            self.assertIn(word, outcome.stdout + outcome.stderr)
        self.assert_store_is_whole()
        # Nothing of the bad package was published, everything else was, and no environment was described.
        stored = self.objects("packages")
        self.assertFalse([key for key in stored if self.victim in key])
        wanted = {line.split("#")[0].rsplit("/", 1)[1] for line in self.lock.read_text().splitlines() if "://" in line}
        self.assertEqual({key.split("/")[-4] for key in stored}, wanted - {self.victim})
        self.assertFalse(self.objects("envs"))

        self.origin.rules.clear()
        self.fill(expect=0)
        self.assert_store_is_whole()
        self.assertTrue(self.objects("envs"))

    def test_a_missing_package(self):
        self.origin.rules[self.victim] = self.origin.status(404)
        self.after_the_fault(1, "404")

    def test_a_truncated_package_is_tried_again_and_then_given_up(self):
        self.origin.rules[self.victim] = self.origin.truncated
        self.after_the_fault(75)
        self.assertGreaterEqual(sum(path.endswith(self.victim) for path in self.origin.seen), 3)

    def test_an_altered_package_is_refused_with_both_digests(self):
        self.origin.rules[self.victim] = self.origin.altered
        expected = next(line.split("#")[1] for line in self.lock.read_text().splitlines() if self.victim in line)
        self.after_the_fault(3, expected)

    def test_an_endless_package_is_cut_off_where_its_size_ends(self):
        # This lock says how large a package is; without that the limit for all packages counts.
        self.lock = self.channel / "locks" / "pixi.lock"
        self.origin.rules[self.victim] = self.origin.endless
        outcome = self.fill(expect=3)
        self.assertIn(self.victim, outcome.stdout + outcome.stderr)
        self.assertFalse([key for key in self.objects("packages") if self.victim in key])
        self.origin.rules.clear()
        self.fill(expect=0)
        self.assert_store_is_whole()

    def test_a_redirect_in_a_circle(self):
        self.origin.rules[self.victim] = self.origin.circle
        self.after_the_fault(3, "redirect")

    def test_an_origin_that_is_down(self):
        self.origin.rules[self.victim] = self.origin.status(503)
        self.after_the_fault(75, "503")

    def test_refused_credentials(self):
        self.origin.rules[self.victim] = self.origin.status(403)
        self.after_the_fault(3, "403")

    def test_a_hiccup_is_healed_by_itself(self):
        self.origin.rules[self.victim] = [self.origin.status(503), self.origin.truncated]
        self.fill(expect=0)
        self.assert_store_is_whole()

    def test_no_network(self):
        self.origin.server.shutdown()
        self.origin.server.server_close()
        outcome = self.fill(expect=75)
        self.assertIn("127.0.0.1", outcome.stdout + outcome.stderr)
        self.assertFalse(self.objects("packages"))

    def test_secrets_of_a_url_are_shown_nowhere(self):
        secret = self.folder / "secret.txt"
        host = self.origin.url.removeprefix("http://")
        secret.write_text("@EXPLICIT\n" + "".join(
            f"http://user:hunter2@{host}/t/tk-s3cr3t/{line.split('/', 3)[3]}\n"
            for line in self.lock.read_text().splitlines() if "://" in line))
        self.origin.rules[self.victim] = self.origin.status(404)
        outcome = self.athanor("run", secret, "--store", self.store, "-v", "--output", "jsonl")
        everything = outcome.stdout.encode() + outcome.stderr.encode() + b"".join(
            path.read_bytes() + str(path).encode() for root in (self.store, self.folder / "state")
            for path in root.rglob("*") if path.is_file())
        self.assertNotIn(b"hunter2", everything)
        self.assertNotIn(b"s3cr3t", everything)
        self.assertTrue(any("tk-s3cr3t" in path for path in self.origin.seen))


@support.unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
class DiskFaults(support.Scenario):
    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        self.nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("c", "--packages", 40, "--bytes", 200_000, "--base-url", f"{self.nginx.url}/c")
        self.lock = channel / "locks" / "linux-64.explicit.txt"

    def mount(self, folder, options):
        folder.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "athanor-test", folder]).returncode:
            self.skipTest("this machine doesn't let us mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)

    def test_a_full_store_says_so_and_a_larger_one_completes(self):
        self.mount(self.store, "size=400k")
        outcome = self.athanor("run", self.lock, "--store", self.store, expect=75)
        self.assertIn("No space left", outcome.stderr + outcome.stdout)
        self.assert_store_is_whole()
        subprocess.run(["mount", "-o", "remount,size=64m", self.store], check=True)
        self.athanor("run", self.lock, "--store", self.store, expect=0)
        self.assert_store_is_whole()

    def test_a_full_scratch_disk_says_so(self):
        self.mount(self.folder / "tmp", "size=64k")
        outcome = self.athanor("run", self.lock, "--store", self.store, expect=75)
        self.assertIn("scratch disk", outcome.stderr + outcome.stdout)
        self.assert_store_is_whole()

    def test_a_read_only_store_is_refused_before_anything_is_fetched(self):
        self.mount(self.store, "size=64m")
        subprocess.run(["mount", "-o", "remount,ro", self.store], check=True)
        outcome = self.athanor("run", self.lock, "--store", self.store, expect=3)
        self.assertIn("ead-only", outcome.stderr + outcome.stdout)
        self.assertEqual(self.nginx.requests(), [])


if __name__ == "__main__":
    support.main()
