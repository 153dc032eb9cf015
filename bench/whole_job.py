#!/usr/bin/python3
"""The whole job: packages from a channel on loopback, in both formats, verified, in a directory.

Serves .tar.bz2 packages with nginx, fills a store from them with `athanor run` (every byte checked against its
digest, every conversion compared with its source, all of it fsynced), and does what people script today with the
same files: parallel curl, `cph transmute`, one process a core, and a copy into the store's directory.

  bench/whole_job.py [--packages FOLDER] [--level 3] [--runs 5] [--bin build/bench/bin]

Without --packages, a channel of made packages is used. Prints medians and the ratio.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import statistics
import subprocess

from many_small import ROOT, Bench, support, timed

SUBDIRS = {"linux-64", "osx-64", "osx-arm64", "win-64", "noarch"}
PEER = """set -e
curl -s --fail --create-dirs --parallel --parallel-max 8 -K urls.txt
find got -name '*.tar.bz2' | xargs -P2 -n1 bash -c 'cph t --force --processes 1 --zstd-compression-level '$1' \\
  --out-folder "$(dirname "$1")" "$1" .conda' one
cp -r got store/
"""


def package_files(bench, options):
    """Below the web root, one folder each: names repeat among real packages."""
    root = bench.folder / "www"
    if options.packages:
        named = (path for path in options.packages.rglob("*.tar.bz2") if path.name.count("-") >= 2)
        for number, path in enumerate(sorted(named)):
            folder = root / f"c{number}" / (path.parent.name if path.parent.name in SUBDIRS else "linux-64")
            folder.mkdir(parents=True)
            shutil.copy(path, folder)
    else:
        subprocess.run([ROOT / "scripts/make-channel", root / "c", "--packages", "60", "--bytes", "900000"],
                       check=True)
    return sorted(path for path in root.rglob("*.tar.bz2"))


def measure(bench, options):
    (bench.folder / "www").mkdir(exist_ok=True)
    nginx = support.Nginx(bench, bench.folder / "www")
    files = package_files(bench, options)
    urls = [(f"{nginx.url}/{path.relative_to(bench.folder / 'www')}", path) for path in files]
    lock = bench.folder / "urls.lock"
    lock.write_text("# platform: linux-64\n@EXPLICIT\n" + "".join(
        f"{url}#{hashlib.md5(path.read_bytes()).hexdigest()}\n" for url, path in urls))
    environment = dict(os.environ, XDG_STATE_HOME=str(bench.folder / "state"), TMPDIR=str(bench.folder))
    rows = {"athanor": [], "curl + cph": []}
    for number in range(options.runs):
        store = bench.folder / f"store-{number}"
        rows["athanor"].append(timed([options.bin / "athanor", "run", lock, "--format", "both", "--store", store,
                                      "--zstd-level", options.level, "-q"], env=environment, accept=(0, 3)))
        shutil.rmtree(store)
        peer = bench.folder / "peer"
        (peer / "store").mkdir(parents=True)
        (peer / "urls.txt").write_text("".join(
            f"url = {url}\noutput = got/{place}/{path.name}\n" for place, (url, path) in enumerate(urls)))
        rows["curl + cph"].append(timed(["bash", "-c", PEER, "peer", options.level], cwd=peer, accept=(0, 1, 123)))
        shutil.rmtree(peer)
    return rows, len(files), sum(path.stat().st_size for path in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=pathlib.Path)
    parser.add_argument("--level", default="3")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bin")
    options = parser.parse_args()
    bench = Bench()
    try:
        rows, count, size = measure(bench, options)
    finally:
        bench.close()
    print(f"{count} packages, {size / 1e6:.1f} MB, level {options.level}, medians of {options.runs}: wall s, CPU s")
    medians = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in rows.items()}
    for name, (wall, cpu, _) in medians.items():
        print(f"  {name:12} {wall:7.2f} {cpu:7.2f}")
    ours, peer = medians["athanor"], medians["curl + cph"]
    print(f"  faster than the peer: {peer[0] / ours[0]:.1f} times by wall, {peer[1] / ours[1]:.1f} times by CPU")


if __name__ == "__main__":
    main()
