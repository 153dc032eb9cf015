#!/usr/bin/env python3
"""Writes the corpus of the bzip2 fuzz targets: make_bzip2_corpus.py CORPUS_FOLDER.

Small streams of every kind that Python's bz2 module can make, and inputs for the encoder. What
fuzzing finds on top is kept beside them under a name that says what it is about.
"""
import bz2
import pathlib
import sys


def join_blocks(*parts):
    """One stream with a block for each part, smaller than any writer makes them."""
    bits, stream_crc = "", 0
    for part in parts:
        packed = bz2.compress(part)
        stream = bin(int.from_bytes(b"\1" + packed, "big"))[3:]
        end = stream.rindex(f"{0x177245385090:048b}")
        bits += stream[32:end]
        crc = int(stream[32 + 48:32 + 80], 2)
        stream_crc = ((stream_crc << 1 | stream_crc >> 31) & 0xFFFFFFFF) ^ crc
    bits += f"{0x177245385090:048b}{stream_crc:032b}"
    bits += "0" * (-len(bits) % 8)
    return b"BZh9" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def decoder_inputs():
    text = b"".join(b"%d bottles of beer on the wall\n" % n for n in range(120))
    mixed = bytes((i * i * 7 + i // 3) & 255 for i in range(1500))
    runs = b"".join(bytes([n & 255]) * n for n in (1, 2, 3, 4, 5, 8, 254, 255, 256, 259, 260, 600))
    yield "empty_file", b""
    yield "no_block", bz2.compress(b"")
    yield "one_byte", bz2.compress(b"x")
    yield "four_equal", bz2.compress(b"xxxx")
    yield "five_equal", bz2.compress(b"xxxxx")
    yield "text_level_1", bz2.compress(text, 1)
    yield "text_level_9", bz2.compress(text, 9)
    yield "mixed", bz2.compress(mixed)
    yield "runs", bz2.compress(runs)
    yield "all_values", bz2.compress(bytes(range(256)))
    yield "period", bz2.compress(b"abc" * 500)
    yield "zeros", bz2.compress(bytes(300_000), 1)
    yield "three_small_blocks", join_blocks(b"first block", text[:900], mixed[:200])
    yield "three_streams", bz2.compress(b"one") + bz2.compress(b"") + bz2.compress(b"three", 3)
    yield "trailing_zeros", bz2.compress(text) + bytes(40)
    yield "trailing_header", bz2.compress(b"x") + b"BZh"
    yield "truncated", bz2.compress(text)[:-7]
    randomised = bytearray(bz2.compress(b"randomised"))
    randomised[14] |= 0x80  # the bit after the block's check value
    yield "randomised", bytes(randomised)


def encoder_inputs():
    yield "nothing", b"\x00\x00"
    yield "one_byte", b"\x00\x01x"
    yield "long_run", b"\x0f\x00aaaaaaaa"
    yield "period", b"\x0f\x07abcab"
    yield "descending", b"\x0c\x00zyxwvutsrqponmlkjihgfedcba"
    yield "run_lengths", b"\x04\x03" + b"".join(bytes([65 + n % 7]) * n for n in range(1, 40))
    yield "all_values", b"\x06\x00" + bytes(range(256))


def main():
    root = pathlib.Path(sys.argv[1])
    for target, inputs in (("bzip2_decoder_fuzz", decoder_inputs()),
                           ("bzip2_encoder_fuzz", encoder_inputs())):
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in inputs:
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
