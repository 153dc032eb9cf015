#!/usr/bin/python3
"""5,000 tiny packages in one run: what a package costs beside its bytes.

Makes a channel, serves it with nginx on loopback, fills a store from it with `athanor run` (both formats), runs
again with nothing to do, and fetches the same files with parallel curl (no check, no conversion, no store) for
comparison. Prints medians over the runs, and CPU seconds, which a busy machine changes less than wall time.

  bench/many_small.py [--packages 5000] [--bytes 2000] [--runs 5] [--bin build/bench/bin]
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/integration"))
import support  # noqa: E402  (the tests' nginx)


class Bench:
    """What support.Nginx wants of a test: a folder and something to call at the end."""

    def __init__(self):
        self.folder, self.cleanups = pathlib.Path(tempfile.mkdtemp(prefix="athanor-bench-")), []

    def addCleanup(self, function, *arguments, **options):
        self.cleanups.append(lambda: function(*arguments, **options))

    def close(self):
        for cleanup in reversed(self.cleanups):
            cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def own_cpu(pid):
    """CPU seconds of that process alone, without its children."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(command, accept=(0,), **options):
    """(wall, CPU of everything, CPU of the process itself) in seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    own = 0.0
    while process.poll() is None:
        own = own_cpu(process.pid) or own
        time.sleep(0.01)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in accept:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, own


def measure(bench, options):
    nginx = support.Nginx(bench, bench.folder / "www")
    subprocess.run([ROOT / "scripts/make-channel", bench.folder / "www/c", "--packages", str(options.packages),
                    "--bytes", str(options.bytes), "--base-url", f"{nginx.url}/c"], check=True)
    locks = bench.folder / "www/c/locks"
    urls = bench.folder / "curl.txt"
    urls.write_text("".join(f"url = {url}\noutput = {bench.folder}/curl/{number}\n"
                            for number, url in enumerate((locks / "urls.txt").read_text().split())))
    environment = dict(os.environ, XDG_STATE_HOME=str(bench.folder / "state"), TMPDIR=str(bench.folder))
    rows = {"first run": [], "second run": [], "parallel curl": []}
    for number in range(options.runs):
        store = bench.folder / f"store-{number}"
        command = [options.bin / "athanor", "run", locks / "pixi.lock", "--format", "both", "--store", store, "-q"]
        rows["first run"].append(timed(command, env=environment))
        rows["second run"].append(timed(command, env=environment))
        (bench.folder / "curl").mkdir()
        rows["parallel curl"].append(timed(["curl", "-s", "--parallel", "--parallel-max", "8", "-K", urls]))
        shutil.rmtree(bench.folder / "curl")
        shutil.rmtree(store)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=int, default=5000)
    parser.add_argument("--bytes", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bin")
    options = parser.parse_args()
    bench = Bench()
    try:
        rows = measure(bench, options)
    finally:
        bench.close()
    print(f"{options.packages} packages, median of {options.runs}: wall s, CPU s, packages/s, "
          "the command's own process in us of CPU per package")
    for name, runs in rows.items():
        wall, cpu, own = (statistics.median(column) for column in zip(*runs))
        print(f"  {name:14} {wall:7.2f} {cpu:7.2f} {options.packages / wall:9.0f} {own / options.packages * 1e6:9.0f}")


if __name__ == "__main__":
    main()
