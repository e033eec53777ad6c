"""Avro through the whole job: every form and several codecs in one topic of a real broker."""

import bz2
import io
import json
import lzma
import re
import subprocess
import zlib

import fastavro
from job_harness import SLUICE, Job, as_row, assert_same, click, wait_until

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


def files_only(**more):
    return {"classification": "avro", "schema": None} | more


def ids(job):
    return sorted(one["id"] for one in job.rows())


def test_a_container_brings_its_columns_and_latest_stays_one_place(cluster, tmp_path):
    topic = cluster.topic(2)
    cluster.produce(topic, [container([100, 101])])  # Before the start: not wanted.
    job = Job(tmp_path, cluster.job(
        topic, sql="SELECT id, city, \"at\" FROM clicks WHERE id >= 0",
        source=files_only(startingOffsets="latest")))
    with job.start() as running:
        running.wait_log("looking at the first ones")
        wait_until((job.checkpoint / "start").exists, "a start slot")
        cluster.produce(topic, [b"\x02\x02", container([0, 1])], partition=1)
        job.wait_rows(2, running=running)
        running.kill()
    # An older schema of the producer; and a bare datum, which says nothing of its schema.
    cluster.produce(topic, [container([2], schema=OLDER), datum(3)])
    job.catch_up()
    assert ids(job) == [0, 1, 2]
    letters = job.dead_letters()
    assert [letter["code"] for letter in letters] == ["avro.schema_needed"] * 2
    # The checkpoint knows the columns: nothing needs to be read for them any more.
    done = job.run("--until-caught-up")
    assert "looking at the first ones" not in done.ok().err


def test_a_signal_ends_the_wait_for_a_record(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source=files_only()))
    with job.start() as running:
        running.wait_log("looking at the first ones")
        wait_until((job.checkpoint / "start").exists, "a start slot")
        running.stop().ok()
    job.run("--until-caught-up").ok().failed(0, "there is no record to read")
    # The process before has stopped, not crashed: this one waits for no lease.
    cluster.produce(topic, [container([5])])
    job.catch_up()
    assert ids(job) == [5]


def test_bare_datums_without_a_schema_are_refused_with_advice(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, [datum(1), datum(2)])
    job = Job(tmp_path, cluster.job(topic, source=files_only()))
    for command in (["check"], ["preview"], ["run", "--until-caught-up"]):
        done = subprocess.run([SLUICE, *command, job.file.name], cwd=job.file.parent,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        assert re.search(r"none of the records read \(2\) tells .* set avroSchema", done.stderr)
    # Without an end it waits, says so, and takes the first file that comes.
    with job.start() as running:
        running.wait_log("a record does not tell what columns there are")
        cluster.produce(topic, [container([3])])
        job.wait_rows(1, running=running)
        running.stop().ok()
    assert ids(job) == [3]
    assert [letter["origin"]["offset"] for letter in job.dead_letters()] == [0, 1]


def test_a_source_without_a_record_keeps_no_other_waiting(cluster, tmp_path):
    """And the places of all are fixed before any of them is looked at."""
    clicks, refs = cluster.topic(), cluster.topic()
    definition = cluster.job(clicks, source={"startingOffsets": "latest"})
    definition["sources"]["refs"] = cluster.source(refs, **files_only())
    definition["sinks"]["lake"]["from"] = "clicks"
    job = Job(tmp_path, definition)
    cluster.produce(clicks, [click(0)])
    with job.start() as running:
        running.wait_log("no record shows columns yet; the job begins without them source=refs")
        wait_until((job.checkpoint / "start").exists, "a start slot")
        cluster.produce(clicks, [click(1)])
        running.kill()
    job.catch_up()
    assert_same(job.rows(), [as_row(click(1))])
    cluster.produce(refs, [container([1])])
    job.catch_up()
    assert_same(job.rows(), [as_row(click(1))])


def test_a_job_that_does_not_fit_its_checkpoint_leaves_no_trace_in_it(cluster, tmp_path):
    topic = cluster.topic()
    definition = cluster.job(topic, source=files_only())
    definition["sinks"]["lake"]["from"] = "clicks"
    job = Job(tmp_path, definition)
    job.run("--until-caught-up").ok()
    renamed = dict(definition, sources={"click": definition["sources"]["clicks"]},
                   sinks={"lake": dict(definition["sinks"]["lake"], **{"from": "click"})})
    job.write(renamed)
    job.run("--until-caught-up").failed(2, "the checkpoint names the source 'clicks'")
    job.write(definition)
    cluster.produce(topic, [container([7])])
    job.catch_up()
    assert ids(job) == [7]


def test_a_topic_that_appears_during_the_wait_is_read(cluster, tmp_path):
    cluster.topic(name="brings-old")
    job = Job(tmp_path, cluster.job(None, source=files_only(subscribePattern="brings-.*")))
    with job.start() as running:
        running.wait_log("looking at the first ones")
        wait_until((job.checkpoint / "start").exists, "a start slot")
        cluster.topic(name="brings-new")
        cluster.produce("brings-new", [container([1, 2])])
        job.wait_rows(2, running=running, timeout=60)
        running.stop().ok()
