"""Every real package at hand, over nginx, in both formats: stored, or refused for the right reason."""

import collections
import csv
import json
import re
import unittest
import urllib.parse

import support

INDEX = support.DATA / "index_packages.csv"
# A few broken ones aren't even named as packages: such a URL is refused before anything begins.
NAME = re.compile(r"/[^/]+-[^-/]+-[^-/]+\.(conda|tar\.bz2)$")

# Refused although other programs can read some of them, and why.
RIGHTLY_REFUSED = {
    "ca-certificates-2024.7.4-hbcca054_0.conda": "is compressed once more",  # repacked with deflated members
    "info-only-1.0.0-0.conda": "lacks 'pkg-info-only-1.0.0-0.tar.zst'",
    "symlink-test-1.0.0-0.conda": "is another package",
    "zip64-test-1.0.0-0.conda": "is another package",
    "zip64-extra-field-test.conda": "doesn't belong into a conda package of this name",
}


@unittest.skipUnless(INDEX.is_file(), f"no real packages at {support.DATA}")
class RealPackages(support.Scenario):
    def test_all_are_stored_or_refused_with_the_reason(self):
        nginx = support.Nginx(self, support.DATA)
        rows = [row for row in csv.DictReader(INDEX.open())
                if (support.DATA / row["file"]).is_file() and NAME.search(row["file"])]
        self.assertGreater(len(rows), 500)
        urls = {row["file"]: f"{nginx.url}/{urllib.parse.quote(row['file'], safe='/+=!@,~')}" for row in rows}
        lock = self.folder / "urls.txt"
        lock.write_text("".join(f"{urls[row['file']]}#{row['md5']}\n" for row in rows))
        outcome = self.run_json(lock, "--format", "both")
        self.assertIn(outcome.code, (0, 1, 3), outcome)
        stored = collections.defaultdict(set)
        for key in self.objects("packages"):
            parts = key.split("/")
            stored["/".join(parts[3:-3])].add(parts[-1])
        failures = {failure["source"]: failure["message"] for failure in outcome.json["failures"]}
        wrong = []
        for row in rows:
            name = urls[row["file"]].removeprefix(nginx.url + "/")
            whole, failed = len(stored.get(name, ())) == 2, urls[row["file"]] in failures
            if whole == failed:
                wrong.append((row["file"], "stored and refused" if whole else "neither stored nor refused"))
            if failed and stored.get(name):
                wrong.append((row["file"], "refused, but something was published"))
        self.assertEqual(wrong, [])
        refused = {row["file"]: failures[urls[row["file"]]] for row in rows if urls[row["file"]] in failures}
        print(json.dumps({"packages": len(rows), "refused": refused}, indent=1))
        unexplained = [name for name in refused if not name.startswith("packages_bad/")
                       and RIGHTLY_REFUSED.get(name.rsplit("/", 1)[1], "?") not in refused[name]]
        self.assert_store_is_whole()
        self.assertEqual(unexplained, [])


if __name__ == "__main__":
    support.main()
