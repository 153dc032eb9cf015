#!/usr/bin/python3
"""The same jobs, which do nothing, through our coordinator, Celery on Redis and Dask distributed, one after the
other in one run on one machine: durable jobs per second and what a job costs in CPU.

  bench/queue_peers.py [--bin build/release/bin] [--jobs N] [--peer-jobs N] [--workers N] [--slots N]

Needs Debian's python3-celery, python3-redis, redis-server and python3-distributed. Each system runs as its
manual says for jobs that must not be lost, where it can: Celery with late acknowledgement and Redis writing
every change to its log; Dask has no such thing. CPU is that of all processes of the system: broker or scheduler
apart from workers. A job is a call without arguments; ours carries a whole package's specification.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_of(pid):
    """CPU seconds of a process and its living children, together."""
    total, todo = 0, [pid]
    while todo:
        pid = todo.pop()
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / TICKS


class Programs:
    """Processes that are stopped, each by its own handle, when the block ends."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, *command, **environment):
        log = open(self.folder / f"{pathlib.Path(command[0]).name}-{len(self.processes)}.log", "wb")
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   cwd=self.folder, env=dict(os.environ, **environment))
        self.processes.append(process)
        return process


def answers(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def result(system, jobs, seconds, broker, workers):
    return {"system": system, "jobs": jobs, "jobs_per_s": jobs / seconds, "broker_us": broker / jobs * 1e6,
            "workers_us": workers / jobs * 1e6}


def celery(folder, jobs, workers, slots, fsync):
    """Threads would be fairer to a worker with many slots, but processes are what its manual recommends."""
    from celery import Celery  # noqa: PLC0415
    port = free_port()
    broker = f"redis://127.0.0.1:{port}/0"
    (folder / "peer_tasks.py").write_text(textwrap.dedent(f"""
        from celery import Celery
        app = Celery("peer_tasks", broker="{broker}")
        app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True,
                        worker_prefetch_multiplier={slots})
        @app.task
        def nothing():
            pass
        """))
    with Programs(folder) as programs:
        redis = programs.start("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--appendonly",
                               "yes", "--appendfsync", fsync, "--save", "")
        answers(port)
        app = Celery("peer_tasks", broker=broker)
        app.conf.update(task_ignore_result=True)
        import redis as redis_client  # noqa: PLC0415
        client = redis_client.Redis(port=port)
        fleet = [programs.start(sys.executable, "-m", "celery", "-A", "peer_tasks", "worker", "-c", "1", "-n", f"w{n}@x",
                                "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR")
                 for n in range(workers)]
        # Ready when a first job has gone through each.
        for _ in range(workers * 2):
            app.send_task("peer_tasks.nothing")
        while client.llen("celery") or client.hlen("unacked"):
            time.sleep(0.05)
        time.sleep(2)
        before = cpu_of(redis.pid), sum(cpu_of(worker.pid) for worker in fleet)
        begin = time.monotonic()
        with app.producer_pool.acquire(block=True) as producer:
            for _ in range(jobs):
                app.send_task("peer_tasks.nothing", producer=producer)
        while client.llen("celery") or client.hlen("unacked"):
            time.sleep(0.005)
        seconds = time.monotonic() - begin
        after = cpu_of(redis.pid), sum(cpu_of(worker.pid) for worker in fleet)
    return result(f"Celery + Redis, late ack, AOF {fsync}", jobs, seconds, after[0] - before[0], after[1] - before[1])


def dask(folder, jobs, workers, slots):
    from distributed import Client, wait  # noqa: PLC0415
    port = free_port()
    with Programs(folder) as programs:
        scheduler = programs.start(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
                                   port, "--no-dashboard", "--no-show")
        answers(port)
        fleet = [programs.start(sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}",
                                "--nthreads", slots, "--no-dashboard", "--no-nanny", "--local-directory", folder)
                 for _ in range(workers)]
        with Client(f"tcp://127.0.0.1:{port}") as client:
            client.wait_for_workers(workers)
            wait(client.map(lambda number: None, range(workers * slots), pure=False))
            before = cpu_of(scheduler.pid), sum(cpu_of(worker.pid) for worker in fleet)
            begin = time.monotonic()
            wait(client.map(lambda number: None, range(jobs), pure=False))
            seconds = time.monotonic() - begin
            after = cpu_of(scheduler.pid), sum(cpu_of(worker.pid) for worker in fleet)
    return result("Dask distributed (not durable)", jobs, seconds, after[0] - before[0], after[1] - before[1])


def ours(options, folder, curve):
    """coordinator_bench is a coordinator process with its journal and sockets; its workers are processes of their
    own, which it waits for: what it and they used together is what the kernel tells us at its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [options.bin / "coordinator_bench", "--jobs", options.jobs, "--queued", 0, "--workers", options.workers,
               "--slots", options.slots, *(["--curve", free_port()] if curve else [])]
    output = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, cwd=folder,
                            env=dict(os.environ, TMPDIR=str(folder))).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    per_second = float(re.search(r"jobs per second +([0-9.]+)", output)[1])
    broker = float(re.search(r"CPU per job +([0-9.]+)", output)[1]) * options.jobs / 1e6
    name = "athanor, durable journal" + (", CURVE over tcp" if curve else ", ipc")
    return result(name, options.jobs, options.jobs / per_second, broker, used - broker)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--jobs", type=int, default=100_000, help="for ours")
    parser.add_argument("--peer-jobs", type=int, default=3_000, help="for the others, which take longer")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--slots", type=int, default=16)
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="queue-peers-"))
    rows = []
    try:
        for run in (lambda: ours(options, folder, False), lambda: ours(options, folder, True),
                    lambda: celery(folder, options.peer_jobs, options.workers, options.slots, "everysec"),
                    lambda: celery(folder, min(options.peer_jobs, 500), options.workers, options.slots, "always"),
                    lambda: dask(folder, options.peer_jobs, options.workers, options.slots)):
            rows.append(run())
            print(json.dumps(rows[-1]), file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    best = max(row["jobs_per_s"] for row in rows)
    print("| what | jobs | jobs/s | of the fastest | broker CPU us/job | workers' CPU us/job |\n|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['system']} | {row['jobs']} | {row['jobs_per_s']:.0f} | 1/{best / row['jobs_per_s']:.1f} | "
              f"{row['broker_us']:.1f} | {row['workers_us']:.1f} |")


if __name__ == "__main__":
    main()
