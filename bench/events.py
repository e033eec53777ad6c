"""Events on topics that `sluice generate` does not write: other forms, and two schema versions."""

import collections
import io
import itertools
import json
import struct
import subprocess

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.json
from confluent_kafka import Producer
from job import ROOT, SLUICE

PARTITIONS = 4
# So many events are of version 1 in either case: more in each partition than a batch has, so that
# the epoch that the change ends has rows.
ALONE = 100_000
_ROWS = 256  # In a message of CSV or an Avro file.
_BATCH_BYTES = 4 << 20


def produce(bootstrap, topic, messages):
    """Writes messages, dicts as produce_batch takes them, and counts them. Of those with one event
    `kept` pass the filter of the job, and `new` are those of version 2 among them."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True,
                         "linger.ms": 20, "batch.size": 262144, "compression.type": "lz4",
                         "queue.buffering.max.messages": 1_000_000, "log_level": 3})
    told = collections.Counter()
    messages = iter(messages)
    batch = [next(messages)]
    most = max(_BATCH_BYTES // len(batch[0]["value"]), 1)
    while batch:
        if producer.produce_batch(topic, batch) != len(batch):
            raise SystemExit(f"bench: cannot write to {topic}")
        kept = [one["value"] for one in batch if b"view" not in one["value"]]
        told["messages"] += len(batch)
        told["kept"] += len(kept)
        told["new"] += sum(b"shop-" in value for value in kept)
        while len(producer) > 10 * most:
            producer.poll(0.05)
        batch = list(itertools.islice(messages, most))
    if producer.flush(60) != 0:
        raise SystemExit(f"bench: cannot write to {topic}")
    return told


def json_lines(records):
    """The events of `sluice generate`, each with its line feed."""
    with subprocess.Popen([SLUICE, "generate", "--records", str(records)],
                          stdout=subprocess.PIPE) as process:
        yield from process.stdout
    if process.returncode != 0:
        raise SystemExit("bench: the generator failed")


def avro_datums(file):
    """The schema and the datums that `decode_bench --avro` wrote."""
    data, at, found = file.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        found.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return json.loads(found[0]), found[1:]


# --- rows in blocks, each with what names its columns ---


def csv_messages(records):
    """CSV with a header: `geo` as two columns, `tags` as one text."""
    lines = json_lines(records)
    kept = pyarrow.json.ParseOptions(explicit_schema=pyarrow.schema([("ts", pyarrow.string())]))
    plain = pyarrow.csv.WriteOptions(quoting_style="none")  # None of these texts needs quotes.
    while part := b"".join(itertools.islice(lines, 100 * _ROWS)):
        table = pyarrow.json.read_json(io.BytesIO(part), parse_options=kept).flatten()
        table = table.rename_columns([name.replace("geo.", "") for name in table.column_names])
        tags = table.column_names.index("tags")
        table = table.set_column(tags, "tags", pyarrow.compute.binary_join(table["tags"], "|"))
        for at in range(0, len(table), _ROWS):
            out = io.BytesIO()
            pyarrow.csv.write_csv(table.slice(at, _ROWS), out, plain)
            yield {"value": out.getvalue()}


def avro_messages(schema, datums, records):
    """Avro container files."""
    sync = bytes(range(16))
    text = json.dumps(schema).encode()
    header = (b"Obj\x01" + _long(1) + _bytes(b"avro.schema") + _bytes(text) + _long(0) + sync)
    values = itertools.islice(itertools.cycle(datums), records)
    while block := list(itertools.islice(values, _ROWS)):
        yield {"value": header + _long(len(block)) + _bytes(b"".join(block)) + sync}


def _long(value):
    """A number that is not negative, as Avro writes it."""
    value <<= 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _bytes(value):
    return _long(len(value)) + value


# --- two versions ---


def _in_turn(values, old, new, versions):
    """Of two versions, every second message of each partition is new once ALONE have passed."""
    for i, value in enumerate(values):
        later = i % 2 == 1 and i >= ALONE and versions == 2
        yield {"value": new(i, value) if later else old(value), "partition": i // 2 % PARTITIONS}


def json_versions(records, versions):
    """Version 2 has halves as quantities, and a column more."""
    ends = [b',"channel":"shop-%x"}' % i for i in range(16)]

    def old(line):
        return line[:-1]

    def new(i, line):
        return line[:-2].replace(b',"city"', b'.5,"city"', 1) + ends[i // 2 % 16]
    return _in_turn(json_lines(records), old, new, versions)


def newer_schema(schema):
    """Version 2 has a long for an int, which Avro writes alike, and a field more at the end."""
    fields = [dict(one, type="long") if one["name"] == "quantity" else one
              for one in schema["fields"]]
    return dict(schema, fields=fields + [{"name": "channel", "type": "string", "default": ""}])


def avro_versions(datums, ids, records, versions):
    """In Confluent's envelopes; ids are those of the two schemas."""
    first, second = (b"\0" + one.to_bytes(4, "big") for one in ids)
    ends = [_bytes(b"shop-%x" % i) for i in range(16)]

    def old(datum):
        return first + datum

    def new(i, datum):
        return second + datum + ends[i // 2 % 16]
    return _in_turn(itertools.islice(itertools.cycle(datums), records), old, new, versions)
