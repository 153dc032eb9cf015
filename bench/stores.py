#!/usr/bin/python3
"""Stores against the clouds' usual tools, side by side in one run on the same Ceph on loopback.

  bench/stores.py [--keys 100000] [--files 32] [--file-mib 8] [--runs 3] [--survey 10000] [--big-gib 5]
                  [--only listing,throughput,survey,memory] [--bin build/bench/bin]

listing      counting a store of --keys objects: `athanor store stat`, `aws s3 ls --recursive`, `rclone size`
throughput   --files files of --file-mib MiB up and down: `athanor store copy` (which hashes every byte and compares
             it with the key), `aws s3 cp --recursive`, `rclone copy`; CPU seconds per GB
survey       `athanor plan` of --survey packages that are all there
memory       the peak of `athanor store copy` of one object of --big-gib GiB in parts, into a sink of ours that
             throws the bytes away (Ceph here keeps everything in memory)

Prints medians, CPU seconds and ratios to Athanor's as a Markdown table. CPU is that of the client alone; on a busy
machine only CPU means something. Packages beside the tests': awscli rclone python3-boto3.
"""

import argparse
import hashlib
import http.server
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/integration"))
import servers  # noqa: E402  (the tests' servers)
import support  # noqa: E402

SUBDIR = "packages/conda/host/ch/linux-64"


class Bench:
    """What the tests' servers want of a test: a folder and something to call at the end."""

    def __init__(self):
        self.folder, self.cleanups = pathlib.Path(tempfile.mkdtemp(prefix="athanor-bench-")), []
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                            "TMPDIR": str(self.folder), "AWS_ACCESS_KEY_ID": servers.S3_ID,
                            "AWS_SECRET_ACCESS_KEY": servers.S3_SECRET, "AWS_DEFAULT_REGION": "us-east-1",
                            "AWS_EC2_METADATA_DISABLED": "true"}

    def addCleanup(self, function, *arguments, **options):
        self.cleanups.append(lambda: function(*arguments, **options))

    def close(self):
        for cleanup in reversed(self.cleanups):
            cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def use(self, ceph):
        self.environment.update(AWS_ENDPOINT_URL_S3=ceph.endpoint, RCLONE_CONFIG_CEPH_TYPE="s3",
                                RCLONE_CONFIG_CEPH_PROVIDER="Ceph", RCLONE_CONFIG_CEPH_ENV_AUTH="true",
                                RCLONE_CONFIG_CEPH_ENDPOINT=ceph.endpoint)

    def timed(self, command, **variables):
        """(wall seconds, CPU seconds, peak MiB) of one program and its children."""
        started = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd=self.folder, env=dict(self.environment, **variables))
        # The kernel's own peak of a child begins with its parent's: this program's memory counts from its exec.
        peak, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                try:
                    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
                except OSError:
                    return
                peak[0] = max([peak[0]] + [int(line.split()[1]) for line in lines if line.startswith("VmHWM")])
        watcher = threading.Thread(target=watch)
        watcher.start()
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode:
            raise SystemExit(f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace')[-2000:]}")
        return time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak[0] / 1024


def package_key(name, data_hash):
    return f"{SUBDIR}/{name}.conda/{name}.conda/{data_hash}/{name}.conda"


def compare(bench, title, runs, contenders, gigabytes=None):
    """contenders: [(name, before, command)]; the first is ours. Interleaved, so that a busy machine is as busy
    for each."""
    seen = {name: [] for name, *_ in contenders}
    for _ in range(runs):
        for name, before, command in contenders:
            before()
            seen[name].append(bench.timed(command))
    medians = {name: [statistics.median(column) for column in zip(*values)] for name, values in seen.items()}
    ours = medians[contenders[0][0]]
    for name, (wall, cpu, peak) in medians.items():
        per = f"{cpu / gigabytes:.2f}" if gigabytes else "-"
        print(f"| {title} | {name} | {wall:.2f} | {wall / ours[0]:.2f} | {cpu:.2f} | {cpu / ours[1]:.2f} | {per} | "
              f"{peak:.0f} |", flush=True)


def fill_many(bench, ceph, athanor, count):
    """That many small objects under packages' keys, by way of a directory store."""
    root = bench.folder / "many"
    for number in range(count):
        data = b"%d" % number
        path = root / package_key(f"p{number}-1-0", hashlib.md5(data).hexdigest())
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    wall, cpu, _ = bench.timed([athanor, "store", "copy", root, "s3://bucket/many", "--parallel", 32])
    print(f"\nFilled with {count} objects by `athanor store copy` in {wall:.0f} s, {cpu:.1f} s of CPU.\n", flush=True)
    shutil.rmtree(root)


def listing(bench, ceph, athanor, options):
    compare(bench, f"listing {options.keys} keys", options.runs, [
        ("athanor store stat", lambda: None, [athanor, "store", "stat", "--store", "s3://bucket/many"]),
        ("aws s3 ls", lambda: None, ["/usr/bin/aws", "--endpoint-url", ceph.endpoint, "s3", "ls", "--recursive",
                                     "s3://bucket/many/"]),
        ("rclone size", lambda: None, ["/usr/bin/rclone", "size", "--fast-list", "ceph:bucket/many"])])


def survey(bench, athanor, options):
    urls = bench.folder / "urls.txt"
    urls.write_text("".join(f"https://host/ch/linux-64/p{number}-1-0.conda\n" for number in range(options.survey)))
    compare(bench, f"survey of {options.survey} packages that are there", options.runs, [
        ("athanor plan", lambda: None, [athanor, "plan", urls, "--store", "s3://bucket/many", "--format", "source"])])


def throughput(bench, ceph, athanor, options):
    root, generator = bench.folder / "files", random.Random(1)
    for number in range(options.files):
        data = generator.randbytes(options.file_mib << 20)
        path = root / package_key(f"f{number}-1-0", hashlib.md5(data).hexdigest())
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    gigabytes = options.files * (options.file_mib << 20) / 1e9
    aws = ["/usr/bin/aws", "--endpoint-url", ceph.endpoint, "s3", "cp", "--recursive", "--only-show-errors"]

    def empty(prefix):
        def remove():
            pages = ceph.s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
            for item in (item for page in pages for item in page.get("Contents", [])):
                ceph.s3.delete_object(Bucket="bucket", Key=item["Key"])
        return remove

    def gone(name):
        return lambda: shutil.rmtree(bench.folder / name, ignore_errors=True)
    size = f"{options.files} x {options.file_mib} MiB"
    compare(bench, f"{size} up", options.runs, [
        ("athanor store copy", empty("a/"), [athanor, "store", "copy", root, "s3://bucket/a"]),
        ("aws s3 cp", empty("b/"), [*aws, root, "s3://bucket/b"]),
        ("rclone copy", empty("c/"), ["/usr/bin/rclone", "copy", "--transfers", "8", root, "ceph:bucket/c"])],
        gigabytes)
    for prefix in ("b/", "c/"):
        empty(prefix)()
    compare(bench, f"{size} down", options.runs, [
        ("athanor store copy", gone("da"), [athanor, "store", "copy", "s3://bucket/a", bench.folder / "da"]),
        ("aws s3 cp", gone("db"), [*aws, "s3://bucket/a", bench.folder / "db"]),
        ("rclone copy", gone("dc"), ["/usr/bin/rclone", "copy", "--transfers", "8", "ceph:bucket/a",
                                     bench.folder / "dc"])], gigabytes)
    empty("a/")()


class Sink(http.server.BaseHTTPRequestHandler):
    """An S3 of ours that says yes and throws the bytes away: only for measuring the sender."""

    protocol_version = "HTTP/1.1"

    def handle_request(self):
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        body, status = b"", 200
        if self.command == "GET":
            body = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        elif self.command == "HEAD":
            status = 404
        elif "conditional-create" in self.path:
            status = 412
        elif self.path.endswith("uploads="):
            body = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        elif self.command == "POST":
            body = b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def log_message(self, *_):
        pass


def memory(bench, athanor, options):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    size, hasher = options.big_gib << 30, hashlib.md5()
    for _ in range(size >> 20):
        hasher.update(bytes(1 << 20))
    path = bench.folder / "big" / package_key("big-1-0", hasher.hexdigest())
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.truncate(size)
    wall, cpu, peak = bench.timed([athanor, "store", "copy", bench.folder / "big", "s3://bucket/big"],
                                  AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.server_address[1]}")
    print(f"\nOne object of {options.big_gib} GiB in parts: peak {peak:.0f} MiB, {cpu / (size / 1e9):.2f} s of CPU a GB, "
          f"{wall:.0f} s.", flush=True)
    server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--file-mib", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--survey", type=int, default=10_000)
    parser.add_argument("--big-gib", type=int, default=5)
    parser.add_argument("--only", default="listing,throughput,survey,memory")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bin")
    options = parser.parse_args()
    athanor, wanted = options.bin.resolve() / "athanor", options.only.split(",")
    bench = Bench()
    try:
        if set(wanted) & {"listing", "throughput", "survey"}:
            ceph = servers.Ceph(bench)
            bench.use(ceph)
            if "listing" in wanted or "survey" in wanted:
                fill_many(bench, ceph, athanor, max(options.keys, options.survey))
            print("| what | who | wall s | against athanor | CPU s | against athanor | CPU s a GB | peak MiB |\n"
                  "|---|---|---|---|---|---|---|---|", flush=True)
            if "listing" in wanted:
                listing(bench, ceph, athanor, options)
            if "survey" in wanted:
                survey(bench, athanor, options)
            if "throughput" in wanted:
                throughput(bench, ceph, athanor, options)
        if "memory" in wanted:
            memory(bench, athanor, options)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
