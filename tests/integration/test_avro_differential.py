"""Avro beside fastavro: random schemas and values, written by it, must be read as it reads them."""

import base64
import datetime
import decimal
import io
import json
import math
import os
import pathlib
import random
import struct
import subprocess

import fastavro
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/sluice")).resolve()
CODECS = ["null", "deflate", "bzip2", "xz"]
SEEDS = range(int(os.environ.get("AVRO_SEEDS", "40")))
PRIMITIVES = ["boolean", "int", "long", "float", "double", "string", "bytes"]
LOGICAL = [("int", "date"), ("long", "timestamp-millis"), ("long", "timestamp-micros"),
           ("long", "local-timestamp-micros"), ("bytes", "decimal"), ("string", "uuid")]


class Maker:
    """Schemas of everything but recursion, and values of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def record(self, depth):
        count = self.random.randint(1, 6)
        return {"type": "record", "name": self.name("R"),
                "fields": [{"name": f"f{i}", "type": self.type(depth)} for i in range(count)]}

    def type(self, depth, union=True):
        kinds = ["primitive"] * 5 + ["logical"] * 2 + ["enum", "fixed"]
        if depth > 0:
            kinds += ["record", "array", "map"]
        if union:
            kinds += ["nullable"] * 3 + ["union"]
        kind = self.random.choice(kinds)
        if kind == "primitive":
            return self.random.choice(PRIMITIVES)
        if kind == "logical":
            base, logical = self.random.choice(LOGICAL)
            one = {"type": base, "logicalType": logical}
            if logical == "decimal":
                one["precision"] = self.random.randint(1, 38)
                one["scale"] = self.random.randint(0, one["precision"])
            return one
        if kind == "enum":
            return {"type": "enum", "name": self.name("E"),
                    "symbols": [f"S{i}" for i in range(self.random.randint(1, 5))]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("F"), "size": self.random.randint(0, 9)}
        if kind == "record":
            return self.record(depth - 1)
        if kind == "array":
            return {"type": "array", "items": self.type(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.type(depth - 1)}
        if kind == "nullable":
            both = ["null", self.type(depth, union=False)]
            return both if self.random.random() < 0.7 else both[::-1]
        return self.random.sample(["null", "boolean", "long", "double", "string", "bytes"],
                                  self.random.randint(1, 4))

    def text(self):
        return "".join(self.random.choice("abcXYZ 0\"\\\näß€😀")
                       for _ in range(self.random.choice([0, 1, 3, 15, 16, 17, 40])))

    def value(self, schema):
        if isinstance(schema, list):
            branch = self.random.choice(schema)
            return (branch if isinstance(branch, str) else None, self.value(branch), branch)
        kind = schema if isinstance(schema, str) else schema["type"]
        logical = None if isinstance(schema, str) else schema.get("logicalType")
        pick = self.random
        if logical == "date":
            return datetime.date(1, 1, 1) + datetime.timedelta(days=pick.randrange(3652058))
        if logical in ("timestamp-millis", "timestamp-micros", "local-timestamp-micros"):
            step = 1000 if logical == "timestamp-millis" else 1
            micros = pick.randrange(-62135596800 * 10**6, 253402300800 * 10**6) // step * step
            zone = None if logical.startswith("local") else datetime.timezone.utc
            return datetime.datetime(1970, 1, 1, tzinfo=zone) + datetime.timedelta(
                microseconds=micros)
        if logical == "decimal":
            digits = pick.randint(1, schema["precision"])
            return decimal.Decimal(pick.randrange(-10**digits + 1, 10**digits)).scaleb(
                -schema["scale"], context=decimal.Context(prec=50))
        if kind == "null":
            return None
        if kind == "boolean":
            return pick.random() < 0.5
        if kind == "int":
            return pick.choice([0, -1, 63, 64, 2**31 - 1, -2**31, pick.randrange(-2**20, 2**20)])
        if kind == "long":
            return pick.choice([0, -64, -65, 2**63 - 1, -2**63, pick.randrange(-2**50, 2**50)])
        if kind == "float":
            return struct.unpack("<f", struct.pack("<f", pick.uniform(-1e6, 1e6)))[0]
        if kind == "double":
            return pick.choice([0.0, -0.0, math.inf, math.nan, pick.uniform(-1e300, 1e300)])
        if kind == "string":
            return self.text()
        if kind == "bytes":
            return pick.randbytes(pick.choice([0, 1, 5, 33]))
        if kind == "enum":
            return pick.choice(schema["symbols"])
        if kind == "fixed":
            return pick.randbytes(schema["size"])
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(pick.choice([0, 1, 2, 30]))]
        if kind == "map":
            return {self.text(): self.value(schema["values"]) for _ in range(pick.choice([0, 1, 9]))}
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}


def given(schema, value):
    """The value as fastavro's writer wants it: a union's with the name of its branch."""
    if isinstance(schema, list):
        _, inner, branch = value
        if branch == "null" or not isinstance(branch, str):
            return given(branch, inner)
        return (branch, inner)
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return [given(schema["items"], item) for item in value]
    if kind == "map":
        return {key: given(schema["values"], item) for key, item in value.items()}
    if kind == "record":
        return {field["name"]: given(field["type"], value[field["name"]])
                for field in schema["fields"]}
    return value


def single(value):
    """A float as the shortest text of its own precision has it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def expected(schema, value):
    """The value as a row of ours, as docs/formats-avro.md has it."""
    if isinstance(schema, list):
        _, inner, branch = value
        others = [one for one in schema if one != "null"]
        if branch == "null":
            return None
        if len(others) == 1:
            return expected(branch, inner)
        return {f"member{i}": expected(one, inner) if one is branch else None
                for i, one in enumerate(others)}
    kind = schema if isinstance(schema, str) else schema["type"]
    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat()
        text = text.rstrip("0") if "." in text else text
        return text + ("" if value.tzinfo is None else "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if kind == "double" and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind == "float":
        return ("float", single(value))
    if kind == "array":
        return [expected(schema["items"], item) for item in value]
    if kind == "map":
        return {key: expected(schema["values"], item) for key, item in value.items()}
    if kind == "record":
        return {field["name"]: expected(field["type"], value[field["name"]])
                for field in schema["fields"]}
    return value


def same(wanted, got):
    if isinstance(wanted, tuple):
        return single(float(got)) == wanted[1]
    if isinstance(wanted, dict):
        return isinstance(got, dict) and wanted.keys() == got.keys() and all(
            same(one, got[key]) for key, one in wanted.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, decimal.Decimal):
        return wanted == got
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        return wanted is got if not isinstance(wanted, str) else wanted == got
    return got is not None and not isinstance(got, (str, bool)) and (
        int(got) == wanted if isinstance(wanted, int) else float(got) == wanted)


def decode(paths, *words):
    done = subprocess.run([SLUICE, "decode", "--classification", "avro", *words, *paths],
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return [json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
            for line in done.stdout.decode().splitlines()]


def check(wanted, got):
    assert len(got) == len(wanted)
    for one, other in zip(wanted, got):
        assert same(one, other), f"{one}\n{other}"


@pytest.mark.parametrize("seed", SEEDS)
def test_files(seed, tmp_path):
    maker = Maker(seed)
    schema = maker.record(3)
    values = [maker.value(schema) for _ in range(maker.random.choice([0, 1, 50]))]
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        fastavro.writer(file, schema, [given(schema, value) for value in values],
                        codec=maker.random.choice(CODECS), sync_interval=200)
    check([expected(schema, value) for value in values], decode([path]))


@pytest.mark.parametrize("seed", SEEDS)
def test_datums(seed, tmp_path):
    maker = Maker(1000 + seed)
    schema = maker.record(2)
    values, paths = [], []
    for i in range(10):
        value = maker.value(schema)
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, schema, given(schema, value))
        if datum.getvalue():  # A message without bytes is none.
            values.append(value)
            paths.append(tmp_path / f"{i}.bin")
            paths[-1].write_bytes(datum.getvalue())
    if paths:
        check([expected(schema, value) for value in values],
              decode(paths, "--set", "avroSchema=" + json.dumps(schema)))


def evolve(maker, record):
    """A reader's schema: fields dropped, reordered, added with defaults, promoted."""
    wider = {"int": ["long", "double"], "long": ["double"], "float": ["double"]}
    fields = []
    for field in record["fields"]:
        kind = field["type"]
        if maker.random.random() < 0.3:
            continue
        if isinstance(kind, str) and kind in wider and maker.random.random() < 0.5:
            kind = maker.random.choice(wider[kind])
        elif isinstance(kind, str) and maker.random.random() < 0.3:
            kind = ["null", kind]
        fields.append({"name": field["name"], "type": kind})
    fields.append({"name": "added", "type": ["null", "string"], "default": None})
    fields.append({"name": "more", "type": "int", "default": 7})
    maker.random.shuffle(fields)
    return {"type": "record", "name": record["name"], "fields": fields}


def plain(schema, value):
    """What fastavro read, as expected() takes values: with the branch of each union."""
    if isinstance(schema, list):
        for branch in schema:
            if (value is None) == (branch == "null"):
                return (None, plain(branch, value), branch)
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_resolution(seed, tmp_path):
    maker = Maker(2000 + seed)
    schema = {"type": "record", "name": "Top", "fields": [
        {"name": f"f{i}", "type": maker.random.choice([*PRIMITIVES, {
            "type": "array", "items": "int"}])} for i in range(8)]}
    reader = evolve(maker, schema)
    values = [maker.value(schema) for _ in range(20)]
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        fastavro.writer(file, schema, values)
    with path.open("rb") as file:
        read = list(fastavro.reader(file, reader_schema=reader))
    wanted = [{field["name"]: expected(field["type"], plain(field["type"], row[field["name"]]))
               for field in reader["fields"]} for row in read]
    check(wanted, decode([path], "--schema", json.dumps(reader)))
