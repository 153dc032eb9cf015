#!/usr/bin/env python3
"""Compares `athanor transmute` with its peers and with the raw codecs, side by side in one run.

    bench/transmute.py [--athanor FILE] [--repeat N] [--sizes 1,20,150] [--levels 3,6,19]
                       [--packages FOLDER] [--only WORD] [--output FILE.md]

Packages are made from this machine's own shared objects and Python sources. Every command runs
--repeat times, all of them interleaved, so that a neighbour's load hits all alike; the table has
medians of CPU and wall seconds and the largest peak memory of any one process. Then the goals of the
project, row by row, met or not. CPU ratios mean something on a shared machine, wall ratios only on a
quiet one: the share of CPU time that others took during the run is printed.

Peers: cph (conda-package-handling, which also verifies), conda_package_streaming (doesn't), shell
pipelines of bzip2, lbzip2 and zstd (don't; they don't even know what a package is).
"""
import argparse
import bz2
import hashlib
import io
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

PYTHON = "/usr/bin/python3"
STREAMING = """
import sys, zstandard
from conda_package_streaming.transmute import transmute, transmute_tar_bz2
source, folder, level = sys.argv[1], sys.argv[2], int(sys.argv[3])
if source.endswith(".conda"):
    transmute_tar_bz2(source, folder)
else:
    transmute(source, folder, compressor=lambda: zstandard.ZstdCompressor(level=level, threads=1))
"""


def machine_files():
    libraries, sources = [], []
    for root, _, names in os.walk("/usr/lib"):
        for name in names:
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            size = os.path.getsize(path)
            if ".so" in name and 50_000 < size < 30_000_000:
                libraries.append(path)
            elif name.endswith((".py", ".h", ".pm")) and size > 0:
                sources.append(path)
    def by_hash(path):
        return hashlib.sha1(path.encode()).digest()
    return sorted(libraries, key=by_hash), sorted(sources, key=by_hash)


def make_package(folder, name, megabytes):
    """Half shared objects, half sources, in a .tar.bz2 as conda-build makes it."""
    libraries, sources = machine_files()
    out, total, paths = io.BytesIO(), 0, []
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(path, data, mode=0o644):
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = len(data), mode, 1600000000.5
            tar.addfile(info, io.BytesIO(data))
        add("info/index.json", json.dumps({"name": name, "version": "1.0", "build": "0"}).encode())
        for files, prefix, limit in ((libraries, "lib", megabytes * 5e5), (sources, "src", megabytes * 1e6)):
            for number, path in enumerate(files):
                size = os.path.getsize(path)
                if total + size > limit * 1.02:
                    continue
                data = pathlib.Path(path).read_bytes()
                target = f"{prefix}/{number}/{os.path.basename(path)}"
                add(target, data, 0o755 if prefix == "lib" else 0o644)
                paths.append({"_path": target, "path_type": "hardlink", "size_in_bytes": len(data),
                              "sha256": hashlib.sha256(data).hexdigest()})
                total += len(data)
                if total > limit * 0.98:
                    break
        add("info/paths.json", json.dumps({"paths": paths, "paths_version": 1}, indent=2).encode())
    file = folder / f"{name}-1.0-0.tar.bz2"
    file.write_bytes(bz2.compress(out.getvalue(), 9))
    return file


def make_package_apart(folder, name, megabytes):
    """In a process of its own: a large parent would count as its children's peak memory."""
    child = os.fork()
    if child == 0:
        make_package(folder, name, megabytes)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"cannot make {name}")
    return folder / f"{name}-1.0-0.tar.bz2"


def cpu_of_all():
    """CPU seconds that the whole machine has spent so far."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    busy = sum(int(field) for i, field in enumerate(fields) if i not in (3, 4))
    return busy / os.sysconf("SC_CLK_TCK")


class Sample:
    def __init__(self, command):
        everyone, start = cpu_of_all(), time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   shell=isinstance(command, str))
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        self.foreign = max(0.0, cpu_of_all() - everyone - self.cpu) / max(self.wall, 1e-9)
        if process.returncode != 0:
            sys.exit(f"{command}: {errors.decode(errors='replace')}")


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.out = scratch / "out"
        self.cases = {}  # (group, contender) -> (command, [Sample])

    def add(self, group, contender, command):
        if self.options.only in f"{group} {contender}":
            self.cases[group, contender] = (command, [])

    def athanor(self, files, threads, level):
        return [self.options.athanor, "transmute", *map(str, files), "-o", str(self.out), "--force",
                "--threads", str(threads), "--zstd-level", str(level)]

    def run(self):
        for turn in range(self.options.repeat):
            for (group, contender), (command, samples) in self.cases.items():
                shutil.rmtree(self.out, ignore_errors=True)
                self.out.mkdir()
                samples.append(Sample(command))
                print(f"{turn + 1}/{self.options.repeat} {group}, {contender}: cpu "
                      f"{samples[-1].cpu:.2f} wall {samples[-1].wall:.2f}", file=sys.stderr)

    def median(self, group, contender, what):
        case = self.cases.get((group, contender))
        return statistics.median(getattr(s, what) for s in case[1]) if case else None

    def ratio(self, group, what, ours, theirs, other_group=None):
        a, b = self.median(group, ours, what), self.median(other_group or group, theirs, what)
        return a / b if a is not None and b else None


def add_forward(bench, name, file, level):
    group = f"{name} to .conda, level {level}"
    for threads in (1, 2):
        bench.add(group, f"athanor {threads}", bench.athanor([file], threads, level))
    if level == 6:
        return
    out = bench.out
    bench.add(group, "cph", ["cph", "t", "--force", "--processes", "1", "--zstd-compression-level",
                             str(level), "--out-folder", str(out), str(file), ".conda"])
    bench.add(group, "streaming", [PYTHON, "-c", STREAMING, str(file), str(out), str(level)])
    bench.add(group, "bzip2+zstd", f"bzip2 -dc {file} | zstd -q -{level} > {out}/x")
    bench.add(group, "lbzip2+zstd 1", f"lbzip2 -n1 -dc {file} | zstd -q -{level} > {out}/x")
    bench.add(group, "lbzip2+zstd 2", f"lbzip2 -n2 -dc {file} | zstd -q -{level} -T2 > {out}/x")


def add_backward(bench, name, file, tar_zst):
    group = f"{name} to .tar.bz2"
    out = bench.out
    for threads in (1, 2):
        bench.add(group, f"athanor {threads}", bench.athanor([file], threads, 6))
    bench.add(group, "cph", ["cph", "t", "--force", "--processes", "1", "--out-folder", str(out),
                             str(file), ".tar.bz2"])
    bench.add(group, "streaming", [PYTHON, "-c", STREAMING, str(file), str(out), "3"])
    bench.add(group, "zstd+bzip2", f"zstd -q -dc {tar_zst} | bzip2 -9 > {out}/x")
    bench.add(group, "zstd+lbzip2 1", f"zstd -q -dc {tar_zst} | lbzip2 -n1 -9 > {out}/x")
    bench.add(group, "zstd+lbzip2 2", f"zstd -q -dc {tar_zst} | lbzip2 -n2 -9 > {out}/x")


def add_many(bench, name, files):
    """Two cores, one package each at a time."""
    if not files:
        return
    group = f"{name} to .conda, level 3"
    bench.add(group, "athanor 2", bench.athanor(files, 2, 3))
    bench.add(group, "athanor 1", bench.athanor(files, 1, 3))
    listed = " ".join(map(str, files))
    one = f"cph t --force --processes 1 --zstd-compression-level 3 --out-folder {bench.out} {{}} .conda"
    bench.add(group, "cph 2", f"printf '%s\\n' {listed} | xargs -P2 -I{{}} {one}")


def table(bench):
    lines = ["| what | who | CPU s | wall s | peak MB | CPU against cph | wall against cph |",
             "|---|---|---|---|---|---|---|"]
    for (group, contender), (_, samples) in bench.cases.items():
        base = "cph" if (group, "cph") in bench.cases else "cph 2"
        cpu, wall = (bench.ratio(group, what, contender, base) for what in ("cpu", "wall"))
        lines.append(f"| {group} | {contender} | {bench.median(group, contender, 'cpu'):.2f} "
                     f"| {bench.median(group, contender, 'wall'):.2f} "
                     f"| {max(s.memory for s in samples):.0f} "
                     f"| {f'{cpu:.2f}' if cpu else '-'} | {f'{wall:.2f}' if wall else '-'} |")
    return lines


def goals(bench, sizes, copies):
    rows = []

    def goal(what, value, limit, unit=""):
        if value is not None:
            rows.append(f"| {what} | {value:.3g}{unit} | <= {limit}{unit} "
                        f"| {'met' if value <= limit else 'NOT met'} |")

    for size in [s for s in sizes if s >= 20]:
        level3 = f"{size} MB to .conda, level 3"
        level6 = f"{size} MB to .conda, level 6"
        level19 = f"{size} MB to .conda, level 19"
        back = f"{size} MB to .tar.bz2"
        goal(f"{size} MB, level 3: CPU of cph", bench.ratio(level3, "cpu", "athanor 1", "cph"), 0.33)
        goal(f"{size} MB, level 3, 2 cores: wall of lbzip2+zstd",
             bench.ratio(level3, "wall", "athanor 2", "lbzip2+zstd 2"), 1.0)
        goal(f"{size} MB, level 6: CPU of our level 3",
             bench.ratio(level6, "cpu", "athanor 1", "athanor 1", level3), 1.25)
        goal(f"{size} MB, level 19: CPU of cph", bench.ratio(level19, "cpu", "athanor 1", "cph"), 0.9)
        goal(f"{size} MB, level 19: wall with 2 threads of that with 1",
             bench.ratio(level19, "wall", "athanor 2", "athanor 1"), 1 / 1.8)
        goal(f"{size} MB to .tar.bz2: CPU of cph", bench.ratio(back, "cpu", "athanor 1", "cph"), 0.5)
        goal(f"{size} MB to .tar.bz2, 2 cores: wall of cph",
             bench.ratio(back, "wall", "athanor 2", "cph"), 0.27)
        for threads, limit in ((1, 64), (2, 72)):
            case = bench.cases.get((level3, f"athanor {threads}"))
            if case:
                goal(f"{size} MB, level 3, {threads} threads: peak memory",
                     max(s.memory for s in case[1]), limit, " MB")
    one = bench.median("small packages to .conda, level 3", "athanor 1", "cpu")
    if one is not None and copies:
        goal("a package below 1 MB, level 3: CPU", one / copies, 0.01, " s")
    return ["| goal | seen | wanted | |", "|---|---|---|---|", *rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--athanor", default=str(root / "build/release/bin/athanor"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sizes", default="1,20,150")
    parser.add_argument("--levels", default="3,6,19")
    parser.add_argument("--packages", type=pathlib.Path, help="real packages, as many small ones")
    parser.add_argument("--only", default="", help="only cases whose name has this in it")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        bench = Bench(options, scratch)
        bench.out.mkdir()
        for size in sizes:
            file = make_package_apart(scratch, f"made{size}", size)
            for level in map(int, options.levels.split(",")):
                add_forward(bench, f"{size} MB", file, level)
            subprocess.run([options.athanor, "transmute", str(file), "--zstd-level", "3"], check=True,
                           stdout=subprocess.DEVNULL)
            tar_zst = scratch / f"{size}.tar.zst"
            subprocess.run(f"bzip2 -dc {file} | zstd -q -3 > {tar_zst}", shell=True, check=True)
            add_backward(bench, f"{size} MB", file.with_name(f"made{size}-1.0-0.conda"), tar_zst)
        small = [make_package_apart(scratch, "small0", 0.4)]
        for i in range(1, 60):
            small.append(scratch / f"small{i}-1.0-0.tar.bz2")
            shutil.copy(small[0], small[-1])
        add_many(bench, "small packages", small)
        if options.packages:
            real = {p.name: p for p in options.packages.rglob("*.tar.bz2")}
            add_many(bench, "real packages", sorted(real.values()))
        bench.run()
        foreign = statistics.median(s.foreign for _, samples in bench.cases.values() for s in samples)
        text = "\n".join([
            f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({platform.machine()}), "
            f"{options.repeat} runs each, medians; others on the machine took {foreign:.2f} cores "
            "meanwhile (median).", "", *table(bench), "", *goals(bench, sizes, len(small)), ""])
        print(text)
        if options.output:
            options.output.write_text(text)


if __name__ == "__main__":
    main()
