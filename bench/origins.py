#!/usr/bin/python3
"""1,000 packages of mixed sizes from one origin: what fetching costs beside tools that only fetch.

Makes a channel, serves it with nginx on loopback, and brings it here with `athanor run` (digests checked, archives
looked into, published in a store), parallel curl, aria2 and wget2 (none of which checks anything). Prints medians
of wall time and of CPU seconds, which a busy machine changes less, and their ratios to curl's.

  bench/origins.py [--packages 1000] [--runs 3] [--bin build/bench/bin]
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess

from many_small import Bench, ROOT, support, timed


def commands(bench, options, urls, locks, number):
    """What each tool is started with, and where it leaves its files."""
    folder = bench.folder / f"out-{number}"
    config = bench.folder / "curl.txt"
    config.write_text("".join(f"url = {url}\noutput = {folder}/{at}\n" for at, url in enumerate(urls)))
    listed = bench.folder / "list.txt"
    listed.write_text("\n".join(urls) + "\n")
    parallel = str(options.parallel)
    return {
        "athanor run": [options.bin / "athanor", "run", locks / "pixi.lock", "--format", "source", "--store", folder,
                        "--workers", "2", "--jobs", str(options.parallel // 2), "-q"],
        "curl -Z": ["curl", "-sS", "-Z", "--parallel-max", parallel, "--create-dirs", "-K", config],
        "aria2c": ["aria2c", "-q", "-j", parallel, "-x", "1", "--allow-overwrite=true", "-d", folder, "-i", listed],
        "wget2": ["wget2", "-q", "--max-threads", parallel, "-P", folder, "-i", listed],
    }, folder


def measure(bench, options):
    nginx = support.Nginx(bench, bench.folder / "www")
    subprocess.run([ROOT / "scripts/make-channel", bench.folder / "www/c", "--packages", str(options.packages),
                    "--bytes", str(options.bytes), "--base-url", f"{nginx.url}/c"], check=True)
    locks = bench.folder / "www/c/locks"
    urls = (locks / "urls.txt").read_text().split()
    total = sum((bench.folder / "www" / url.split("/", 3)[3]).stat().st_size for url in urls)
    rows = {}
    for number in range(options.runs):
        tools, folder = commands(bench, options, urls, locks, number)
        for name, command in tools.items():
            if not shutil.which(command[0]):
                continue
            environment = dict(os.environ, XDG_STATE_HOME=str(bench.folder / f"state-{number}"),
                               TMPDIR=str(bench.folder))
            rows.setdefault(name, []).append(timed(command, env=environment))
            shutil.rmtree(folder, ignore_errors=True)
    return len(urls), total, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=200_000)
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bin")
    options = parser.parse_args()
    bench = Bench()
    try:
        files, total, rows = measure(bench, options)
    finally:
        bench.close()
    print(f"{files} files, {total / 1e6:.0f} MB")
    base = [statistics.median(run[at] for run in rows["curl -Z"]) for at in (0, 1)]
    for name, runs in rows.items():
        wall, cpu = (statistics.median(run[at] for run in runs) for at in (0, 1))
        print(f"{name:12} {wall:7.2f} s wall ({wall / base[0]:5.2f}x) {cpu:7.2f} s CPU ({cpu / base[1]:5.2f}x)")


if __name__ == "__main__":
    main()
