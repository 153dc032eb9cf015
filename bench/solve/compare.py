#!/usr/bin/python3
"""Solves jobs with our solver and with rattler's on the same index, and compares the packages.

    bench/solve/compare.py --bench build/dev/bin/solve_bench --rattler FOLDER --channel CHANNEL \\
        --platform linux-64 --jobs JOBS.tsv [--limit N] [--work FOLDER]

FOLDER has node_modules with @conda-org/rattler (npm install @conda-org/rattler). CHANNEL is a folder
with PLATFORM/repodata.json and noarch/repodata.json, plain or .zst. Virtual packages become records of
noarch for rattler, whose npm package can't be told of any. The channel is
served in shards on loopback.
"""
import argparse
import functools
import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import threading
from collections import defaultdict

import msgpack
import zstandard

VIRTUAL = [("__glibc", "2.36", "0"), ("__unix", "0", "0"), ("__linux", "6.1", "0"),
           ("__archspec", "1", "x86_64"), ("__osx", "14.0", "0"), ("__win", "0", "0")]


def read_repodata(folder):
    for name, read in (("repodata.json", lambda raw: raw),
                       ("repodata.json.zst", zstd_decompress), ("repodata.json.corpus.zst", zstd_decompress)):
        if (folder / name).exists():
            return json.loads(read((folder / name).read_bytes()))
    sys.exit(f"no repodata in {folder}")


def zstd_decompress(raw):
    return zstandard.ZstdDecompressor().decompressobj().decompress(raw)


def virtual_record(name, version, build, platform):
    if name == "__osx" and not platform.startswith("osx") or name == "__win" and not platform.startswith("win"):
        return None
    if name in ("__glibc", "__linux") and not platform.startswith("linux"):
        return None
    if name == "__unix" and platform.startswith("win"):
        return None
    return {"name": name, "version": version, "build": build, "build_number": 0, "depends": [],
            "subdir": "noarch", "md5": "0" * 32, "sha256": "0" * 64, "size": 1, "noarch": "generic",
            "timestamp": 1}


def shard_record(record):
    kept = {k: v for k, v in record.items() if k not in ("url", "channel", "fn", "arch", "platform")}
    for key in ("md5", "sha256"):
        if kept.get(key):
            kept[key] = bytes.fromhex(kept[key])
    return kept


def write_shards(repodata, subdir, folder):
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    names = defaultdict(lambda: {"packages": {}, "packages.conda": {}, "removed": []})
    for section in ("packages", "packages.conda"):
        for filename, record in repodata.get(section, {}).items():
            names[record["name"]][section][filename] = shard_record(record)
    compressor = zstandard.ZstdCompressor(level=3)
    index = {}
    for name, shard in names.items():
        packed = compressor.compress(msgpack.packb(shard))
        digest = hashlib.sha256(packed).digest()
        (folder / "shards" / f"{digest.hex()}.msgpack.zst").write_bytes(packed)
        index[name] = digest
    document = {"version": 1, "shards": index,
                "info": {"base_url": "", "shards_base_url": "./shards/", "subdir": subdir,
                         "created_at": "2026-01-01T00:00:00Z"}}
    (folder / "repodata_shards.msgpack.zst").write_bytes(compressor.compress(msgpack.packb(document)))


def prepare(channel, platform, work):
    for subdir in (platform, "noarch"):
        repodata = read_repodata(channel / subdir)
        if subdir == "noarch":
            for name, version, build in VIRTUAL:
                record = virtual_record(name, version, build, platform)
                if record:
                    repodata.setdefault("packages.conda", {})[f"{name}-{version}-{build}.conda"] = record
        (work / subdir).mkdir(parents=True, exist_ok=True)
        (work / subdir / "repodata.json").write_text(json.dumps(repodata))
        write_shards(repodata, subdir, work / subdir)


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024  # rattler asks for hundreds of shards at once


def serve(folder):
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read_lines(path):
    return {line["id"]: line for line in map(json.loads, path.read_text().splitlines())}


def packages(line):
    return sorted(p for p in line.get("packages", []) if not p.startswith("__"))


def difference(ours, theirs):
    """What differs, in the words of the result table."""
    if "error" in ours or "error" in theirs:
        if "error" in ours and "error" in theirs:
            return "both unsatisfiable"
        return "only we find a solution" if "error" in theirs else "only rattler finds a solution"
    if packages(ours) == packages(theirs):
        return "same packages"
    split = [{p.split(" ")[0]: p.split(" ")[1:] for p in packages(side)} for side in (ours, theirs)]
    if split[0].keys() != split[1].keys():
        return "other names"
    if any(split[0][name][0] != split[1][name][0] for name in split[0]):
        return "other versions"
    return "other builds"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=pathlib.Path, required=True)
    parser.add_argument("--rattler", type=pathlib.Path, required=True)
    parser.add_argument("--channel", type=pathlib.Path, required=True)
    parser.add_argument("--platform", default="linux-64")
    parser.add_argument("--jobs", type=pathlib.Path, action="append", required=True)
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/solve-compare"))
    arguments = parser.parse_args()

    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    prepare(arguments.channel, arguments.platform, work)
    rows = [line for jobs in arguments.jobs for line in jobs.read_text().splitlines() if "\t" in line]
    seen = {}
    for row in rows:
        seen.setdefault("\t".join(row.split("\t")[1:]), row)
    chosen = list(seen.values())[:arguments.limit]
    tsv = work / "jobs.tsv"
    tsv.write_text("".join(f"{i}:{row}\n" for i, row in enumerate(chosen)))

    (work / "x.index").unlink(missing_ok=True)
    virtual = [f"--virtual={name}={version}={build}" for name, version, build in VIRTUAL
               if virtual_record(name, version, build, arguments.platform)]
    subprocess.run([arguments.bench, *virtual, "--index", work / "x.index", "--jobs", tsv, "--out", work / "ours.jsonl",
                    "--repodata", work / arguments.platform / "repodata.json",
                    "--repodata", work / "noarch" / "repodata.json"], check=True)
    server = serve(work)
    try:
        subprocess.run(["node", pathlib.Path(__file__).parent / "rattler.mjs", arguments.rattler.resolve(),
                        f"http://127.0.0.1:{server.server_port}", arguments.platform, tsv,
                        work / "rattler.jsonl"], check=True)
    finally:
        server.shutdown()

    ours, theirs = read_lines(work / "ours.jsonl"), read_lines(work / "rattler.jsonl")
    table = defaultdict(list)
    for job, line in ours.items():
        if job in theirs:
            table[difference(line, theirs[job])].append(job)
    print("| result | jobs |\n|---|---|")
    for kind, jobs in sorted(table.items(), key=lambda item: -len(item[1])):
        print(f"| {kind} | {len(jobs)} |")
    for kind, jobs in table.items():
        if kind in ("same packages", "both unsatisfiable"):
            continue
        for job in jobs:
            print(f"\n{kind}: {job}")
            mine, other = set(packages(ours[job])), set(packages(theirs[job]))
            print("  ours   :", ours[job].get("error", sorted(mine - other)))
            print("  rattler:", theirs[job].get("error", sorted(other - mine)))
    def total(lines):
        return sum(line["ms"] for line in lines.values()) / 1000
    print(f"\nCPU: ours {total(ours):.2f} s, rattler (WebAssembly, fetching included) {total(theirs):.2f} s")


if __name__ == "__main__":
    main()
