"""The store that the readers' own writer made, made again: equal in every key and every byte, but for the
hash folders of transmuted files, whose bytes differ from writer to writer."""

import json
import re
import unittest

import support

GOLDEN = support.DATA / "golden"


def is_transmuted(key):
    """packages/conda/<…>/<source file>/<file>/<hash>/<file>, in another format than the source's."""
    parts = key.split("/")
    return parts[0] == "packages" and parts[-4] != parts[-3]


def without_hashes(key):
    parts = key.split("/")
    return "/".join(parts[:-2] + ["<hash>", parts[-1]]) if is_transmuted(key) else key


@unittest.skipUnless(GOLDEN.is_dir(), f"no golden store at {GOLDEN}")
class GoldenStore(support.Scenario):
    def setUp(self):
        super().setUp()
        self.nginx = support.Nginx(self, GOLDEN / "channels")

    def fill(self):
        return self.run_json(GOLDEN / "environments.json",
                             "--origin", f"http://127.0.0.1:18080/={self.nginx.url}/",
                             "--resolved-on", "2026-01-02T03:04:05", "--resolved-by", "golden", expect=0)

    def test_every_key_and_every_byte_is_equal(self):
        self.fill()
        golden = {str(path.relative_to(GOLDEN / "store")): path.read_bytes()
                  for path in (GOLDEN / "store").rglob("*") if path.is_file()}
        ours = self.objects()
        # zlib's environments have aliases there that a lock file can't know; they have a test of their own.
        golden = {key: data for key, data in golden.items() if "/generic/" not in key}
        self.assertEqual(sorted(map(without_hashes, ours)), sorted(map(without_hashes, golden)))
        hashes = {}
        for key in ours:
            if is_transmuted(key):
                theirs = next(k for k in golden if without_hashes(k) == without_hashes(key))
                hashes[theirs.split("/")[-2]] = key.split("/")[-2]
        for key, data in golden.items():
            if is_transmuted(key):
                continue
            expected = re.sub(rb"[0-9a-f]{32}", lambda m: hashes.get(m[0].decode(), m[0].decode()).encode(), data) \
                if key.startswith("envs/") else data
            self.assertEqual(ours[key], expected, key)
        self.assert_store_is_whole()

    def test_aliases_are_the_documents_that_the_reader_wrote(self):
        document = json.loads((GOLDEN / "environments.json").read_text())
        document["envs"] = [env for env in document["envs"] if env["coresolve"] == "zlib"]
        lock = self.folder / "zlib.json"
        lock.write_text(json.dumps(document))
        self.run_json(lock, "--origin", f"http://127.0.0.1:18080/={self.nginx.url}/",
                      "--alias", "golden/zlib:v1", "--alias", "golden/zlib", expect=0)
        for tag in ("v1", "latest"):
            key = f"envs/aliases/generic/golden/zlib/{tag}"
            self.assertEqual((self.store / key).read_bytes(), (GOLDEN / "store" / key).read_bytes())

    def test_the_second_run_asks_the_origin_nothing_and_check_agrees(self):
        self.fill()
        before, requests = self.objects(), len(self.nginx.requests())
        self.fill()
        self.assertEqual(self.objects(), before)
        self.assertEqual(len(self.nginx.requests()), requests)
        self.athanor("check", GOLDEN / "environments.json", "--store", self.store, expect=0)
        self.athanor("check", "--all", "--store", self.store, expect=0)


if __name__ == "__main__":
    support.main()
