#!/usr/bin/env python3
"""Independent readers read what `athanor transmute` made, and find what the source held.

    archive_readers_test.py ATHANOR [--packages FOLDER] [--every N]

Readers: bsdtar (libarchive); Python's zipfile, zstandard and tarfile; conda-package-handling (`cph x`
and its validator); one that streams by local zip headers only; one that asks for the last 10 KiB
first. Sources: packages made here with every kind of member, and real ones where there are any.
Then the same conversion under other locales, time zones, umasks and thread counts: the same bytes.
Missing tools are failures, not skips: scripts/install-dependencies installs them.
"""
import argparse
import bz2
import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import zstandard
from conda_package_handling.validate import validate_converted_files_match_streaming

MODIFIED = 1600000000


def member(name, data=b"", kind=tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    info.mode, info.mtime = 0o644, MODIFIED
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def symlink(name, target):
    return member(name, kind=tarfile.SYMTYPE, linkname=target, mode=0o777)


def noise(size, seed):
    return b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() + b" again and again "
                    for i in range(size // 49 + 1))[:size]


def made_packages():
    base = [member("info/index.json", b'{"name":"t","version":"1","build":"0"}'),
            member("info/paths.json", b'{"paths":[],"paths_version":1}')]
    pax, gnu = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT
    yield "plain-1-0", pax, base + [member("bin/a", b"x" * 3000, mode=0o755)]
    yield "info_last-1-0", pax, [member("bin/a", b"x")] + base
    yield "info_only-1-0", pax, base
    yield "licences-1-0", pax, base + [member("info/licenses/L", b"l"), member("information/x", b"y")]
    yield "links-1-0", pax, base + [
        member("lib/a.so.1", b"elf" * 1000), symlink("lib/a.so", "a.so.1"), symlink("lib64", "lib"),
        symlink("lib/dangling", "nope"), symlink("lib/long", "t" * 180),
        member("lib/hard", kind=tarfile.LNKTYPE, linkname="lib/a.so.1")]
    yield "modes-1-0", pax, base + [
        member("bin/setuid", b"x", mode=0o4755), member("lib/none", b"x", mode=0),
        member("var/run", kind=tarfile.DIRTYPE, mode=0o1777), member("lib/empty")]
    yield "names-1-0", pax, base + [
        member("lib/" + "d" * 90 + "/" + "f" * 200, b"long"), member("lib/\u82f1\u56fd-\xe4.xml", b"u"),
        member("share/2621a", b"1"), member("share/2621A", b"2"), member("lib/a b", b"blank")]
    yield "long_gnu-1-0", gnu, base + [member("lib/" + "d" * 90 + "/" + "f" * 200, b"long"),
                                       symlink("lib/l", "t" * 180)]
    yield "times-1-0", pax, base + [member("lib/a", b"x", mtime=1600000000.25),
                                    member("lib/b", b"x", mtime=0)]
    yield "owners-1-0", pax, base + [member("lib/a", b"x", uid=502, gid=20, uname="joe"),
                                     member("lib/b", b"x", uid=5000000, gid=5000000)]
    yield "large-1-0", pax, base + [member("lib/%d" % i, noise(700000, i)) for i in range(12)]


def facts(info, data):
    """What a member is, without what a reader may spell differently."""
    return (info.name.rstrip("/"), info.type, info.mode, info.linkname, info.uid, info.gid,
            info.uname, float(info.mtime), hashlib.sha256(data).hexdigest())


def members_of_tar(raw):
    found = []
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for info in tar:
            found.append(facts(info, tar.extractfile(info).read() if info.isreg() else b""))
    return found


def components_by_python(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = [entry.filename for entry in archive.infolist()]
        stem = path.name[:-len(".conda")]
        assert names == ["metadata.json", f"pkg-{stem}.tar.zst", f"info-{stem}.tar.zst"], names
        return {name.split("-")[0]: archive.read(name) for name in names[1:]}


def components_by_streaming(path):
    """Local headers only, front to back, as a reader that downloads does it."""
    raw, at, found = path.read_bytes(), 0, {}
    while raw[at:at + 4] == b"PK\3\4":
        flags, method = struct.unpack_from("<HH", raw, at + 6)
        size, _, name_size, extra_size = struct.unpack_from("<IIHH", raw, at + 18)
        assert flags == 0 and method == 0, (flags, method)
        name = raw[at + 30:at + 30 + name_size].decode()
        start = at + 30 + name_size + extra_size
        found[name.split("-")[0]] = raw[start:start + size]
        at = start + size
    assert raw[at:at + 4] == b"PK\1\2", "something between the members and the directory"
    del found["metadata.json"]
    return found


def info_by_range(path):
    """The info- component from the last 10 KiB, if it fits there."""
    raw = path.read_bytes()
    tail = raw[-10240:]
    base = len(raw) - len(tail)
    end = tail.rindex(b"PK\5\6")
    entries, _, directory = struct.unpack_from("<HII", tail, end + 10)
    at = directory - base
    assert at >= 0
    for _ in range(entries):
        size, _, name_size, extra, comment = struct.unpack_from("<IIHHH", tail, at + 20)
        offset, = struct.unpack_from("<I", tail, at + 42)
        name = tail[at + 46:at + 46 + name_size]
        if name.startswith(b"info-"):
            start = offset - base + 30 + name_size
            return None if start < 0 else tail[start:start + size]
        at += 46 + name_size + extra + comment
    raise AssertionError("no info- in the directory")


def unpack(frame):
    parameters = zstandard.get_frame_parameters(frame)
    assert parameters.content_size != zstandard.CONTENTSIZE_UNKNOWN, "no content size"
    assert parameters.window_size <= 8 << 20, parameters.window_size
    decoder = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj()
    raw = decoder.decompress(frame)
    assert decoder.eof and not decoder.unused_data, "more than one frame"
    assert len(raw) == parameters.content_size
    return raw


def members_of_conda(path):
    components = components_by_python(path)
    assert components_by_streaming(path) == components
    ranged = info_by_range(path)
    assert ranged is None or ranged == components["info"]
    info, pkg = unpack(components["info"]), unpack(components["pkg"])
    for name, _, *_ in members_of_tar(info):
        assert name == "info" or name.startswith("info/"), name
    for name, _, *_ in members_of_tar(pkg):
        assert name != "info" and not name.startswith("info/"), name
    return members_of_tar(info) + members_of_tar(pkg)


def members_of_tar_bz2(path):
    decoder = bz2.BZ2Decompressor()
    raw = decoder.decompress(path.read_bytes())
    assert decoder.eof and not decoder.unused_data, "more than one bzip2 stream"
    return members_of_tar(raw)


def members_of(path):
    return members_of_conda(path) if path.suffix == ".conda" else members_of_tar_bz2(path)


def names_by_bsdtar(path, scratch):
    """libarchive's view: the names, of a .conda through its two components."""
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    def listing(file):
        out = subprocess.run(["bsdtar", "-tf", file], check=True, capture_output=True, env=environment)
        return {name.rstrip(b"/") for name in out.stdout.splitlines()}
    if path.suffix != ".conda":
        return listing(path)
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    subprocess.run(["bsdtar", "-xf", path, "-C", folder], check=True, env=environment)
    return set().union(*(listing(file) for file in folder.glob("*.tar.zst")))


def tree(folder):
    found = {}
    for root, _, files in os.walk(folder):
        for name in files:
            file = os.path.join(root, name)
            relative = os.path.relpath(file, folder)
            found[relative] = (os.readlink(file) if os.path.islink(file) else
                               hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest())
    return found


def extracted_by_cph(path, scratch):
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch)) / "x"
    subprocess.run(["cph", "x", path, "--dest", folder], check=True, capture_output=True)
    found = tree(folder)
    subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)
    return found


def transmute(athanor, source, folder, *options, environment=None, umask=None):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([athanor, "transmute", source, "-o", folder, *options], check=True,
                   capture_output=True, env=environment,
                   preexec_fn=(lambda: os.umask(umask)) if umask is not None else None)
    to = ".tar.bz2" if source.suffix == ".conda" else ".conda"
    stem = source.name[:-len(".conda" if source.suffix == ".conda" else ".tar.bz2")]
    return folder / (stem + to)


def check_package(athanor, source, scratch, exact):
    """`exact`: the source has no names that are normalised on the way."""
    there = transmute(athanor, source, scratch / "there", "--force")
    back = transmute(athanor, there, scratch / "back", "--force")
    expected = members_of(source) if exact else None
    expected_tree = extracted_by_cph(source, scratch)
    for made in (there, back):
        found = members_of(made)
        if exact:
            assert sorted(found) == sorted(expected), (made, set(found) ^ set(expected))
            _, missing, different = validate_converted_files_match_streaming(source, made)
            assert not missing and not different, (made, missing, different)
        names = {os.fsencode(name) for name, *_ in found}
        listed = names_by_bsdtar(made, scratch)
        assert listed == names, (made, listed ^ names)
        assert extracted_by_cph(made, scratch) == expected_tree, made


def check_determinism(athanor, source, scratch):
    conda = transmute(athanor, source, scratch / "first")
    tar_bz2 = transmute(athanor, conda, scratch / "first_back")
    variants = [
        (["--threads", "1"], {"LC_ALL": "C", "TZ": "Asia/Kolkata"}, 0o077),
        (["--threads", "2"], {"LC_ALL": "C.UTF-8", "TZ": "America/New_York"}, 0o000),
        (["--threads", "5"], {"LC_ALL": "tr_TR.UTF-8", "TZ": "UTC"}, 0o027),
    ]
    for number, (options, extra, umask) in enumerate(variants):
        environment = dict(os.environ, **extra)
        folder = scratch / f"variant{number}"
        again = transmute(athanor, source, folder, *options, environment=environment, umask=umask)
        assert again.read_bytes() == conda.read_bytes(), (options, extra)
        back = transmute(athanor, conda, folder / "back", *options, environment=environment,
                         umask=umask)
        assert back.read_bytes() == tar_bz2.read_bytes(), (options, extra)


def named_as_inside(source, scratch):
    """A copy under the name that info/index.json gives."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    return pathlib.Path(shutil.copy(source, folder / "t-1-0.tar.bz2"))


def check_archive_verbs(athanor, source):
    made = transmute(athanor, source, source.parent / "verbs")
    def run(*arguments):
        return subprocess.run([athanor, "archive", *arguments], capture_output=True, text=True)
    listed = json.loads(run("list", made, "--json").stdout)
    assert {entry["path"] for entry in listed["list"]} == {name for name, *_ in members_of(source)}
    assert listed["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    verified = run("verify", source, made, "--json")
    results = json.loads(verified.stdout)["results"]
    assert verified.returncode == 0 and [r["status"] for r in results] == ["good", "good"], results
    same = run("diff", source, made)
    assert (same.returncode, same.stdout) == (0, ""), same
    damaged = source.parent / "damaged" / made.name
    damaged.parent.mkdir()
    damaged.write_bytes(made.read_bytes()[:-100])
    refused = run("verify", damaged)
    assert refused.returncode == 3 and "damaged" in refused.stderr, refused


def check_interrupt(athanor, source, scratch):
    """Ctrl-C leaves nothing behind, wherever it hits."""
    for delay in (0.0, 0.02, 0.1, 0.3):
        folder = scratch / f"interrupted{delay}"
        folder.mkdir()
        process = subprocess.Popen([athanor, "transmute", source, "-o", folder, "--zstd-level", "19"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=120)
        left = [path.name for path in folder.iterdir()]
        finished = [source.name.replace(".tar.bz2", ".conda")]
        assert (status == 0 and left == finished) or (status in (130, -2) and not left), (status, left)


def real_packages(folder, every):
    found = sorted(path for path in folder.rglob("*")
                   if path.name.endswith((".conda", ".tar.bz2")))[::every]
    refused = ("ca-certificates-2024.7.4-hbcca054_0", "info-only-1.0.0-0", "zip64-extra-field-test")
    return [path for path in found if not path.name.startswith(refused)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("athanor", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parents[2]
    data = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA", root.parent / "shared/data"))
    parser.add_argument("--packages", type=pathlib.Path, default=data / "packages")
    parser.add_argument("--every", type=int, default=12)
    options = parser.parse_args()
    for tool in ("bsdtar", "cph"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: run scripts/install-dependencies test")
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        sources = []
        (scratch / "sources").mkdir()
        for stem, dialect, members in made_packages():
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w", format=dialect) as tar:
                for info, data in members:
                    tar.addfile(info, io.BytesIO(data) if data else None)
            source = scratch / "sources" / (stem + ".tar.bz2")
            source.write_bytes(bz2.compress(out.getvalue()))
            sources.append((source, True))
        check_determinism(options.athanor, sources[-1][0], scratch)
        check_interrupt(options.athanor, sources[-1][0], scratch)
        for source in [sources[0][0], sources[4][0]]:
            check_archive_verbs(options.athanor, named_as_inside(source, scratch))
        if options.packages.is_dir():
            sources += [(path, False) for path in real_packages(options.packages, options.every)]
        for source, exact in sources:
            try:
                check_package(options.athanor, source, scratch, exact)
            except Exception as error:
                sys.exit(f"{source}: {type(error).__name__}: {error}")
        print(f"{len(sources)} packages, there and back, read by all readers")


if __name__ == "__main__":
    main()
