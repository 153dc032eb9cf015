#!/usr/bin/python3
"""A worker of protocol version 1, written from that version's PROTOCOL.md and what a program of it said; it
knows nothing that came later. Does no work: what it reports, it makes up. Started by `athanor run` in place
of athanor-worker."""

import hashlib
import os
import pathlib
import socket
import sys
import time

import zmtp

SOURCE = pathlib.Path(__file__).resolve().parents[2]
REQUIRED = {
    "welcome": {"session", "epoch", "protocol", "heartbeat_ms", "lease_ms", "settings"},
    "settings": {"store", "packages_root", "environments_root", "zstd_level"},
    "spec": {"source", "fetch", "type", "wanted"},
}


def need(what, given):
    missing = REQUIRED[what] - given.keys()
    if missing:
        sys.exit(f"older worker: {what} lacks {sorted(missing)}")


def success_of(spec):
    _, report = zmtp.recorded(SOURCE, 1, "report_success")
    success = report["success"]
    stem = spec["source"].rsplit("/", 1)[1].removesuffix(".conda").removesuffix(".tar.bz2")
    success["formats"] = [{"format": form, "hash": hashlib.md5(form.encode()).hexdigest(), "size": 1,
                           "key": f"packages/{stem}.{form}"} for form in spec["wanted"]]
    success["warnings"] = []
    digest = success["source_digest"]
    for expected in spec.get("expected", []):
        digest.update(expected)
    for form in success["formats"]:
        if spec["source"].endswith("." + form["format"]):
            form.update(hash=digest["md5"].hex(), size=digest["size"])
    return success


def main():
    peer = zmtp.Peer(sys.argv[sys.argv.index("--connect") + 1], timeout=0.2).handshake()
    header, hello = zmtp.recorded(SOURCE, 1, "hello")
    hello.update(name=f"{socket.gethostname()}/{os.getpid()}", running=[])
    peer.send_frames(header, zmtp.pack(hello))
    welcome, held, beat = None, [], 0.0
    while True:
        try:
            kind, body = peer.receive()
        except TimeoutError:
            kind = None
        if kind == zmtp.WELCOME:
            need("welcome", body)
            need("settings", body["settings"])
            if body["protocol"] != 1:
                sys.exit(f"older worker: welcomed in version {body['protocol']}")
            welcome = body
        elif kind == zmtp.REJECT:
            sys.exit(f"older worker: {body['reason']}")
        elif kind == zmtp.GRANT:
            for job in body["jobs"]:
                need("spec", job["spec"])
                held.append(job["lease"])
                peer.send(zmtp.REPORT, {"session": welcome["session"], "lease": job["lease"],
                                        "success": success_of(job["spec"])})
        elif kind == zmtp.REPORT_ACK:
            held.remove(body["lease"])
        elif kind == zmtp.DRAIN:
            peer.send(zmtp.GOODBYE, {"session": welcome["session"]})
            peer.is_cut()
            return
        if welcome and time.monotonic() >= beat:
            beat = time.monotonic() + welcome["heartbeat_ms"] / 1000
            peer.send(zmtp.RENEW, {"session": welcome["session"], "running": [
                {"lease": lease, "stage": "publish", "bytes": 0, "steps": 1} for lease in held]})


try:
    main()
except zmtp.Closed:
    sys.exit("older worker: the coordinator has gone")
