#!/usr/bin/env python3
"""Writes the corpora of tar_reader_fuzz and conda_reader_fuzz: make_archive_corpus.py CORPUS_FOLDER.

Small archives of every dialect and member type, sound ones and ones that break one rule each.
"""
import io
import pathlib
import sys
import tarfile
import zipfile

import zstandard

METADATA = b'{"conda_pkg_format_version": 2}'
INDEX = b'{"name":"t","version":"1","build":"0"}'


def member(name, data=b"x", kind=tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    info.mtime = 1600000000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def make_tar(members, dialect=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=dialect, encoding="utf-8",
                      errors="surrogateescape") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.size else None)
    # Two zero blocks are enough; Python pads to 10 KiB.
    raw = out.getvalue().rstrip(b"\0")
    return raw + b"\0" * (-len(raw) % 512) + b"\0" * 1024


def tar_inputs():
    long_name = "lib/" + "d" * 90 + "/" + "f" * 120
    plain = [member("info/index.json", INDEX), member("bin/a", b"hello", mode=0o755)]
    links = [member("lib/a", b"abc"), member("lib/b", kind=tarfile.LNKTYPE, linkname="lib/a"),
             member("lib/c", kind=tarfile.SYMTYPE, linkname="a"),
             member("lib/d", kind=tarfile.SYMTYPE, linkname="../" * 20 + "x")]
    for name, dialect in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT),
                          ("pax", tarfile.PAX_FORMAT)):
        yield f"plain_{name}", make_tar(plain, dialect)
        yield f"links_{name}", make_tar(links, dialect)
        if dialect != tarfile.USTAR_FORMAT:
            yield f"long_{name}", make_tar([member(long_name),
                                           member("l", kind=tarfile.SYMTYPE, linkname="t" * 150)],
                                          dialect)
    yield "prefix", make_tar([member("lib/" + "d" * 110 + "/f")], tarfile.USTAR_FORMAT)
    yield "directories", make_tar([member("./", kind=tarfile.DIRTYPE),
                                   member("./var/run", kind=tarfile.DIRTYPE, mode=0o1777)])
    yield "odd_names", make_tar([member("lib/\u82f1-\xe4"), member("a\nb"), member("a\\b")])
    yield "not_utf8", make_tar([member(b"lib/\x80\x81".decode("utf-8", "surrogateescape"))],
                               tarfile.GNU_FORMAT)
    yield "times", make_tar([member("a", mtime=1600000000.125), member("b", mtime=0)])
    yield "negative", make_tar([member("a", mtime=-5, uid=5000000)], tarfile.GNU_FORMAT)
    yield "attributes", make_tar([member("a", pax_headers={"SCHILY.xattr.user.k": "v",
                                                          "comment": "hi"})])
    yield "sparse_0_1", make_tar([member("GNUSparseFile.0/s", b"AAAABB", pax_headers={
        "GNU.sparse.size": "1000", "GNU.sparse.map": "0,4,500,2", "GNU.sparse.name": "s"})])
    text_map = b"2\n0\n4\n500\n2\n"
    yield "sparse_1_0", make_tar([member("s", text_map.ljust(512, b"\0") + b"AAAABB", pax_headers={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000",
        "GNU.sparse.name": "s"})])
    for name, info in (("fifo", member("f", kind=tarfile.FIFOTYPE)),
                       ("device", member("f", kind=tarfile.CHRTYPE)),
                       ("dotdot", member("../x")), ("absolute", member("/x"))):
        yield f"refused_{name}", make_tar([info])
    yield "empty", make_tar([])


def structured(metadata, pkg, info):
    def sized(piece):
        return len(piece).to_bytes(2, "little") + piece
    return b"\1" + sized(metadata) + sized(pkg) + info


def whole(members, **kwargs):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            with archive.open(zipfile.ZipInfo(name), "w", **kwargs) as target:
                target.write(data)
    return b"\0" + out.getvalue()


def conda_inputs():
    info = make_tar([member("info/index.json", INDEX)])
    pkg = make_tar([member("bin/a", b"hello"), member("lib/b", kind=tarfile.SYMTYPE, linkname="a"),
                    member("lib/c", kind=tarfile.LNKTYPE, linkname="bin/a")])
    packed = [zstandard.compress(tar) for tar in (pkg, info)]
    sound = [("metadata.json", METADATA), ("pkg-t-1-0.tar.zst", packed[0]),
             ("info-t-1-0.tar.zst", packed[1])]
    yield "sound", structured(METADATA, pkg, info)
    yield "empty_pkg", structured(METADATA, make_tar([]), info)
    yield "version_3", structured(METADATA.replace(b"2", b"3"), pkg, info)
    yield "index_twice", structured(METADATA, info, info)
    yield "link_across", structured(METADATA, make_tar(
        [member("share/i", kind=tarfile.LNKTYPE, linkname="info/index.json")]), info)
    yield "whole", whole(sound)
    yield "whole_zip64", whole(sound, force_zip64=True)
    yield "whole_without_metadata", whole(sound[1:])
    yield "whole_missing", whole(sound[:2])
    yield "whole_two_frames", whole([sound[0], (sound[1][0], packed[0] * 2), sound[2]])
    yield "whole_truncated", whole(sound)[:-10]


def main():
    root = pathlib.Path(sys.argv[1])
    for target, inputs in (("tar_reader_fuzz", tar_inputs()), ("conda_reader_fuzz", conda_inputs())):
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs:
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
