"""Two lock files that share packages on three platforms: each distinct package is fetched once."""

import collections

import support


class Sharing(support.Scenario):
    def setUp(self):
        super().setUp()
        self.nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("team", "--packages", 36, "--base-url", f"{self.nginx.url}/team")
        self.locks = sorted((channel / "locks").glob("team-*.conda-lock.yml"))

    def test_each_shared_package_is_fetched_once_and_the_second_run_does_nothing(self):
        first = self.run_json(*self.locks, expect=0).json
        fetched = collections.Counter(path for _, path, _ in self.nginx.requests())
        wanted = {line.split(": ", 1)[1].removeprefix(self.nginx.url)
                  for lock in self.locks for line in lock.read_text().splitlines() if line.startswith("  url: ")}
        self.assertEqual(set(fetched), wanted)
        self.assertEqual(set(fetched.values()), {1})
        self.assertEqual(first["environments"]["ready"], 6)
        self.assert_store_is_whole()

        before = self.objects()
        second = self.run_json(*self.locks, expect=0).json
        self.assertEqual(sum(fetched.values()), len(self.nginx.requests()))
        self.assertEqual(second["environments"]["ready"], 6)
        self.assertEqual(second["packages"]["new"], 0)
        self.assertEqual(self.objects(), before)
        self.athanor("check", *self.locks, "--store", self.store, expect=0)

    def test_every_kind_of_lock_over_one_channel_asks_for_the_same_packages(self):
        locks = self.locks[0].parent
        self.run_json(locks / "urls.txt", expect=0)
        packages = self.objects("packages")
        requests = len(self.nginx.requests())
        self.run_json(locks / "pixi.lock", *sorted(locks.glob("*.explicit.txt")), *self.locks, expect=0)
        self.assertEqual(len(self.nginx.requests()), requests)
        self.assertEqual(self.objects("packages"), packages)


if __name__ == "__main__":
    support.main()
