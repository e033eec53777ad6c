"""Messages compressed by other people's programs: files of every kind, and all kinds in one topic."""

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import struct
import subprocess
import zlib

import cramjam
from job_harness import SLUICE, Job, as_row, assert_same, click


def xerial(*blocks):
    out = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    for block in blocks:
        packed = bytes(cramjam.snappy.compress_raw(block))
        out += struct.pack(">i", len(packed)) + packed
    return out


def hadoop(*blocks):
    out = b""
    for block in blocks:
        packed = bytes(cramjam.snappy.compress_raw(block))
        out += struct.pack(">ii", len(block), len(packed)) + packed
    return out


def deflated(data, bits, level=6, strategy=zlib.Z_DEFAULT_STRATEGY):
    packer = zlib.compressobj(level, zlib.DEFLATED, bits, strategy=strategy)
    return packer.compress(data) + packer.flush()


def named_gzip(data):
    out = io.BytesIO()
    with gzip.GzipFile("events.json", "wb", 9, out, mtime=1) as file:
        file.write(data)
    return out.getvalue()


def halves(pack):
    """Two members; a JSON document may be cut anywhere."""
    return lambda data: pack(data[:len(data) // 2]) + pack(data[len(data) // 2:])


def lzma2(data, **filters):
    return lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2} | filters])


def rust(module, **more):
    return lambda data: bytes(module.compress(data, **more))


WRITERS = {
    "gzip": lambda data: gzip.compress(data),
    "gzip, name": named_gzip,
    "gzip, members": halves(gzip.compress),
    "gzip, rust": rust(cramjam.gzip),
    "bzip2 1": lambda data: bz2.compress(data, 1),
    "bzip2 9": lambda data: bz2.compress(data, 9),
    "bzip2, members": halves(bz2.compress),
    "bzip2, rust": rust(cramjam.bzip2),
    "xz 0": lambda data: lzma.compress(data, preset=0),
    "xz 9e": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    "xz, sha256": lambda data: lzma.compress(data, check=lzma.CHECK_SHA256),
    "xz, crc32": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "xz, no check": lambda data: lzma.compress(data, check=lzma.CHECK_NONE),
    "xz, lc lp pb": lambda data: lzma2(data, preset=6, lc=1, lp=2, pb=3),
    "xz, delta": lambda data: lzma.compress(
        data, filters=[{"id": lzma.FILTER_DELTA, "dist": 2}, {"id": lzma.FILTER_LZMA2}]),
    "xz, members": halves(lzma.compress),
    "xz, padding": lambda data: lzma.compress(data) + bytes(8),
    "xz, rust": rust(cramjam.xz),
    "zstd": rust(cramjam.zstd),
    "zstd 19": rust(cramjam.zstd, level=19),
    "zstd, members": halves(rust(cramjam.zstd)),
    "lz4": rust(cramjam.lz4),
    "lz4, members": halves(rust(cramjam.lz4)),
    "snappy, framed": rust(cramjam.snappy),
    "snappy, framed members": halves(rust(cramjam.snappy)),
    "snappy, raw": lambda data: bytes(cramjam.snappy.compress_raw(data)),
    "snappy, xerial": xerial,
    "snappy, hadoop": hadoop,
    "zlib, rust": rust(cramjam.zlib),
    "deflate, rust": rust(cramjam.deflate),
    **{f"zlib {bits}, level {level}": lambda data, b=bits, n=level: deflated(data, b, n)
       for bits in range(9, 16) for level in (0, 1, 9)},
    **{f"deflate {strategy}": lambda data, s=strategy: deflated(data, -15, 6, s)
       for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)},
}


def decode(folder, messages, *words):
    for number, message in enumerate(messages):
        (folder / f"{number:05}").write_bytes(message)
    return subprocess.run(
        [SLUICE, "decode", "--classification", "json", "--schema", "id bigint, text string", *words,
         *sorted(str(path) for path in folder.iterdir())], capture_output=True, text=True)


def record(number, size, maker):
    text = "".join(maker.choice("abcdef ghij Ωé") for _ in range(size))
    return {"id": number, "text": text}


def test_files_of_other_programs_read_as_they_were(tmp_path):
    maker = random.Random(5)
    expected, messages = [], []
    for size in (0, 1, 20, 21, 100, 1000, 70_000):
        for writer in WRITERS.values():
            expected.append(record(len(expected), size, maker))
            messages.append(writer(json.dumps(expected[-1], ensure_ascii=False).encode()))
            # And plain ones between them.
            expected.append(record(len(expected), size, maker))
            messages.append(json.dumps(expected[-1]).encode())
    done = decode(tmp_path, messages)
    assert done.returncode == 0, done.stderr[:2000]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


def test_what_python_cannot_read_is_refused(tmp_path):
    """Damaged at random: a row comes only from bytes that Python reads too, and then the same row."""
    readers = {"gzip": gzip.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress,
               "zlib": zlib.decompress}
    packers = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress,
               "zlib": zlib.compress}
    for name, unpack in readers.items():
        maker = random.Random(name)
        folder = tmp_path / name
        folder.mkdir()
        messages = []
        for number in range(300):
            packed = bytearray(packers[name](json.dumps(record(number, 60, maker)).encode()))
            packed[maker.randrange(4, len(packed))] ^= 1 << maker.randrange(8)
            messages.append(bytes(packed))
        done = decode(folder, messages, "--set", f"compression={name}")
        rows = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
        refused = len(done.stderr.splitlines())
        assert len(rows) + refused == len(messages)
        for number, message in enumerate(messages):
            try:
                plain = json.loads(unpack(message))
            except Exception:
                plain = None
            assert number not in rows or rows[number] == plain, (name, number)


def test_mixed_codecs_in_one_topic(cluster, tmp_path):
    topic = cluster.topic(3)
    job = Job(tmp_path, cluster.job(topic, sink={"format": "parquet"}))
    events = [click(i) for i in range(3000)]
    writers = [lambda data: data, *WRITERS.values()]
    values = [writers[i % len(writers)](json.dumps(event).encode())
              for i, event in enumerate(events)]
    broken = gzip.compress(b'{"event_id": "lost"}')[:-4]
    values.insert(1000, broken)
    cluster.produce(topic, values)
    job.catch_up()
    assert_same(job.rows(), [as_row(event) for event in events])
    [letter] = job.dead_letters()
    assert letter["code"] == "compression.broken"
    assert letter["reason"] == "gzip: it ends early"
    # What was on the topic, not what came out of it.
    assert base64.b64decode(letter["base64"]) == broken
