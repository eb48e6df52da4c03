"""Writes zstd-frames.json beside it: what the command zstd (1.5.4) makes of contents that bring out each kind of block,
literals, Huffman table and code table, as base64 with the sha256 of the content. python3 record-zstd-frames.py"""

import base64
import hashlib
import json
import pathlib
import random
import subprocess


def text(r):
    words = ["".join(r.choice("etaoinshrdlu") for _ in range(r.randint(2, 9))) for _ in range(400)]
    return " ".join(r.choice(words[:40] if r.random() < 0.6 else words) for _ in range(2600)).encode()


def table(r):
    rows = bytearray()
    for i in range(9000):
        rows += (i * i % 257).to_bytes(2, "little") + bytes([r.choice([0, 0, 0, 1, 255])])
        if r.random() < 0.02 and len(rows) > 500:
            start = r.randrange(len(rows) - 300)
            rows += rows[start : start + r.randint(4, 290)]
    return bytes(rows)


def strides(r):
    source = r.randbytes(4000)
    return source + b"".join(source[i * 9 % 3000 :][:9] + b"\xee" for i in range(900))


def same(r):
    source = r.randbytes(64)
    return b"".join(source[i * 7 % 48 :][:12] + b"z" for i in range(600))


CASES = {
    "text, a window of 1 KiB": (text, ["-5", "--zstd=wlog=10"]),
    "table, level 19": (table, ["-19"]),
    "strides, level 12": (strides, ["-12"]),
    "same, level 19 without a checksum": (same, ["-19", "--no-check"]),
    "few symbols": (lambda r: bytes(r.choice([0, 0, 0, 1, 2, 3]) for _ in range(300)), ["-19"]),
    "random": (lambda r: r.randbytes(600), ["-3"]),
    "runs": (lambda r: r.randbytes(900) + bytes(300_000) + b"abc" * 50_000 + r.randbytes(40) * 9, ["-3"]),
    "nothing": (lambda r: b"", ["-3"]),
}


def frame(make, options):
    content = make(random.Random(7))
    # With its length in the header, but for those that end where a pipe would.
    size = [f"--stream-size={len(content)}"] if options[-1] != "-3" else []
    packed = subprocess.run(["zstd", "-q", "-c", *size, *options], input=content, capture_output=True, check=True).stdout
    return {
        "length": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "packed": base64.b64encode(packed).decode(),
    }


frames = {name: frame(*case) for name, case in CASES.items()}
pathlib.Path(__file__).with_name("zstd-frames.json").write_text(json.dumps(frames, indent=2) + "\n")
