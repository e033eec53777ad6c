"""Avro through the whole job: every form and several codecs in one topic of a real broker."""

import bz2
import io
import json
import lzma
import zlib

import fastavro
from job_harness import Job

SCHEMA = {"type": "record", "name": "Click", "fields": [
    {"name": "id", "type": "long"}, {"name": "city", "type": ["null", "string"], "default": None},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
OLDER = {"type": "record", "name": "Click", "fields": [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "id", "type": "int"}, {"name": "gone", "type": "string"}]}


def row(number):
    return {"id": number, "city": None if number % 3 == 0 else f"city {number}",
            "at": 1_700_000_000_000 + number}


def datum(number):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, row(number))
    return out.getvalue()


def single_object(number):
    fingerprint = fastavro.schema.fingerprint(
        fastavro.schema.to_parsing_canonical_form(SCHEMA), "CRC-64-AVRO")
    return b"\xc3\x01" + bytes.fromhex(fingerprint) + datum(number)


def container(numbers, codec="null", schema=None):
    out = io.BytesIO()
    rows = [row(number) | {"gone": "x"} if schema else row(number) for number in numbers]
    fastavro.writer(out, schema or SCHEMA, rows, codec=codec)
    return out.getvalue()


def test_every_form_in_one_topic(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, [
        datum(0), single_object(1), container([2, 3]), container([4, 5], "deflate"),
        container([6], "bzip2"), container([7], "xz"), container([8], schema=OLDER),
        # And the messages themselves compressed.
        zlib.compress(datum(9)), bz2.compress(container([10, 11])), lzma.compress(datum(12)),
        b"\x02\x02", datum(13)])
    job = Job(tmp_path, cluster.job(topic, source={
        "classification": "avro", "schema": None, "avroSchema": json.dumps(SCHEMA)}))
    job.catch_up()
    got = sorted(job.rows(), key=lambda one: one["id"])
    assert [one["id"] for one in got] == list(range(14))
    for one in got:
        wanted = row(one["id"])
        assert one["city"] == (None if one["id"] == 8 else wanted["city"])
        assert round(one["at"].timestamp() * 1000) == wanted["at"]
    [letter] = job.dead_letters()
    assert letter["origin"]["offset"] == 10
    assert letter["reason"].startswith("the data ends")


def test_a_schema_that_does_not_fit_stops_the_job_at_check(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source={
        "classification": "avro", "schema": "id int", "avroSchema": json.dumps(SCHEMA)}))
    done = job.run("--until-caught-up")
    assert done.code == 2
    assert "column 'id' is written as long, which does not fit int" in done.err
