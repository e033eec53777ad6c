"""Jobs whose messages name their schema in a registry: a real broker, Confluent's API by Apicurio
Registry, AWS Glue by moto, and a registry that is away."""

import io
import json
import subprocess
import threading
import uuid
import zlib

import boto3
import duckdb
import fastavro
import pytest
from job_harness import SLUICE, Job, count_rows, wait_until
from registry_servers import Apicurio, Moto, Scripted, free_port

FIRST = {"type": "record", "name": "Click", "fields": [{"name": "id", "type": "int"}]}
SECOND = {"type": "record", "name": "Click", "fields": [
    {"name": "city", "type": ["null", "string"], "default": None}, {"name": "id", "type": "long"}]}
THING = '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}'
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}


@pytest.fixture(scope="module")
def apicurio(tmp_path_factory):
    with Apicurio(tmp_path_factory.mktemp("apicurio")) as one:
        yield one


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as one:
        yield one


def datum(schema, **values):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, values)
    return out.getvalue()


def first(number):
    return datum(FIRST, id=number)


def second(number):
    return datum(SECOND, id=number, city=f"city {number}")


def confluent(schema_id, payload):
    return b"\0" + schema_id.to_bytes(4, "big") + payload


def registered(url, **more):
    return {"classification": "avro", "schema": None, "schema.registry.url": url} | more


def ids(job):
    return sorted(row["id"] for row in job.rows())


def merged_rows(job):
    """Of a lake whose files have not all the same columns."""
    table = duckdb.sql(f"SELECT * FROM read_parquet('{job.lake()}/*.parquet', union_by_name=true)")
    return table.fetch_arrow_table().to_pylist()


def codes(job):
    return [(letter["origin"]["offset"], letter["code"])
            for letter in sorted(job.dead_letters(), key=lambda one: one["origin"]["offset"])]


def sluice(job, *words):
    return subprocess.run([SLUICE, *words, job.file.name], cwd=job.file.parent,
                          capture_output=True, text=True, timeout=60)


def test_a_new_version_widens_the_columns_of_a_running_job(cluster, apicurio, tmp_path):
    old = apicurio.register("widens-value", json.dumps(FIRST))
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source=registered(apicurio.url)))
    cluster.produce(topic, [confluent(old, first(i)) for i in range(10)])
    with job.start() as running:
        job.wait_rows(10, running=running)
        new = apicurio.register("widens-value", json.dumps(SECOND))
        assert new != old
        cluster.produce(topic, [confluent(old, first(i)) if i % 2 else confluent(new, second(i))
                                for i in range(10, 2010)])
        wait_until(lambda: count_rows(job.lake()) >= 2010, lambda: running.err[-4000:])
        running.wait_log(r"the records show other columns.*id: int -> bigint; \+ city string")
        running.stop().ok()
    rows = sorted(merged_rows(job), key=lambda one: one["id"])
    assert rows == [{"id": i, "_rescued": None,
                     "city": f"city {i}" if i >= 10 and i % 2 == 0 else None} for i in range(2010)]
    assert job.dead_letters() == []
    # What was learned stays: the next start needs no registry to know its columns.
    assert "city" in sluice(job, "check").stdout


def test_the_newest_version_at_the_start_is_the_readers(cluster, apicurio, tmp_path):
    name = "latest-value"
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source=registered(
        apicurio.url, readerSchema="latest", readerSchemaName=name)))
    done = sluice(job, "check")
    assert done.returncode == 2 and f"'{name}' is not in the registry" in done.stderr, done.stderr
    old = apicurio.register(name, json.dumps(FIRST))
    new = apicurio.register(name, json.dumps(SECOND))
    # A record of the newest version need not come for its columns to be there.
    cluster.produce(topic, [confluent(old, first(0))])
    job.catch_up()
    assert job.rows() == [{"city": None, "id": 0}]
    cluster.produce(topic, [confluent(new, second(1)), confluent(old, first(2))])
    job.catch_up()
    assert ids(job) == [0, 1, 2] and job.dead_letters() == []


def test_the_forms_of_confluents_clients(cluster, apicurio, tmp_path):
    one = apicurio.register("forms-value", json.dumps(FIRST))
    two = apicurio.register("forms-value", json.dumps(SECOND))
    topic = cluster.topic()
    cluster.produce(topic, [confluent(one, first(0)), zlib.compress(confluent(two, second(1)))])
    # The id in a header, the datum bare; one of them begins as an envelope would.
    cluster.produce(topic, [second(2), datum(SECOND, city=None, id=3)],
                    headers=[("trace", b"x"), ("__value_schema_id", b"\0" + two.to_bytes(4, "big"))])
    cluster.produce(topic, [confluent(987654, first(4)), confluent(one, b"\x02\x02"), b"\0\0\0"])
    job = Job(tmp_path, cluster.job(topic, source=registered(apicurio.url)))
    shown = sluice(job, "preview")
    assert shown.returncode == 0 and "city 1" in shown.stdout, shown.stderr
    job.catch_up()
    assert ids(job) == [0, 1, 2, 3]
    assert codes(job) == [(4, "registry.unknown_id"), (5, "avro.datum"), (6, "avro.schema_needed")]
    assert "the schema 987654" in job.dead_letters()[0]["reason"]


def test_a_registry_beside_several_formats(cluster, apicurio, tmp_path):
    """What names its schema is of that schema's format; the rest is tried as each."""
    avro = apicurio.register("mixed-avro-value", json.dumps(SECOND))
    text = apicurio.register("mixed-json-value", THING, "JSON")
    topic = cluster.topic()
    cluster.produce(topic, [confluent(avro, second(0)), b'{"id": 1, "city": "plain"}',
                            confluent(text, b'{"id": 2, "city": "named"}'),
                            confluent(text, second(3)), confluent(avro, b'{"id": 4}'),
                            b"neither", confluent(avro, second(6))])
    job = Job(tmp_path, cluster.job(topic, source=registered(
        apicurio.url, classification=["avro", "json"])))
    job.catch_up()
    rows = sorted(merged_rows(job), key=lambda row: row["id"])
    assert [(row["id"], row["city"]) for row in rows] == [
        (0, "city 0"), (1, "plain"), (2, "named"), (6, "city 6")]
    assert [offset for offset, _ in codes(job)] == [3, 4, 5]
    job.write(cluster.job(topic, source=registered(
        apicurio.url, classification=["avro", "csv"], readerSchema="latest",
        readerSchemaName="mixed-avro-value")))
    done = sluice(job, "check")
    assert done.returncode == 2 and "one format" in done.stderr, done.stderr


def test_a_framing_that_is_forced(cluster, apicurio, tmp_path):
    one = apicurio.register("forced-value", json.dumps(FIRST))
    header = [("__value_schema_id", b"\0" + one.to_bytes(4, "big"))]
    topic = cluster.topic()
    cluster.produce(topic, [confluent(one, first(0)), first(1)])
    cluster.produce(topic, [first(2)], headers=header)
    for framing, got, refused in (("confluent", [0], [1, 2]), ("confluentHeader", [2], [0, 1])):
        job = Job(tmp_path / framing, cluster.job(topic, source=registered(
            apicurio.url, framing=framing, schema="id bigint")))
        job.catch_up()
        assert ids(job) == got
        assert codes(job) == [(offset, "registry.framing") for offset in refused]
    # Two longs of which the first is 0: no envelope is looked for.
    pair = {"type": "record", "name": "Pair", "fields": [
        {"name": "zero", "type": "long"}, {"name": "id", "type": "long"}]}
    topic = cluster.topic()
    cluster.produce(topic, [datum(pair, zero=0, id=one << 40)])
    job = Job(tmp_path / "none", cluster.job(topic, source=registered(
        apicurio.url, framing="none", avroSchema=json.dumps(pair))))
    job.catch_up()
    assert ids(job) == [one << 40]


def test_json_in_envelopes_and_protobuf_by_name(cluster, apicurio, tmp_path):
    proto = 'syntax = "proto3"; message P { int32 x = 1; }'
    text = apicurio.register("kinds-json-value", THING, "JSON")
    message = apicurio.register("kinds-proto-value", proto, "PROTOBUF")
    topic = cluster.topic()
    cluster.produce(topic, [confluent(text, b'{"id": 1}'), b'{"id": 2}',
                            confluent(message, b"\0\x08\x01"), confluent(7654321, b'{"id": 3}')])
    job = Job(tmp_path, cluster.job(topic, source=registered(apicurio.url, classification="json")))
    job.catch_up()
    assert ids(job) == [1, 2]
    assert codes(job) == [(2, "registry.protobuf"), (3, "registry.unknown_id")]
    assert "is Protobuf" in job.dead_letters()[0]["reason"]


def glue_schema(moto, name, *definitions):
    """Registers the versions of a schema in `jobs`, and returns their ids."""
    aws = boto3.client("glue", endpoint_url=moto.url, region_name="eu-west-1",
                       aws_access_key_id="a", aws_secret_access_key="b")
    if "jobs" not in [one["RegistryName"] for one in aws.list_registries()["Registries"]]:
        aws.create_registry(RegistryName="jobs")
    made = [aws.create_schema(RegistryId={"RegistryName": "jobs"}, SchemaName=name,
                              DataFormat="AVRO", Compatibility="NONE",
                              SchemaDefinition=json.dumps(definitions[0]))]
    for definition in definitions[1:]:
        made.append(aws.register_schema_version(
            SchemaId={"RegistryName": "jobs", "SchemaName": name},
            SchemaDefinition=json.dumps(definition)))
    return [uuid.UUID(one["SchemaVersionId"]).bytes for one in made], aws


def test_glue_versions_interleaved_plain_and_packed(cluster, moto, tmp_path):
    (one, two), _ = glue_schema(moto, "interleaved", FIRST, SECOND)
    (gone,), aws = glue_schema(moto, "deleted", FIRST)
    aws.delete_schema(SchemaId={"RegistryName": "jobs", "SchemaName": "deleted"})
    topic = cluster.topic()
    messages = []
    for i in range(0, 100, 4):
        messages += [b"\3\0" + one + first(i), b"\3\5" + two + zlib.compress(second(i + 1)),
                     b"\3\0" + two + second(i + 2), b"\3\5" + one + zlib.compress(first(i + 3))]
    bomb = zlib.compress(datum(SECOND, city="a" * (4 << 20), id=1))
    messages += [b"\3\0" + gone + first(0), b"\3\5" + two + bomb, b"\3\5" + two + b"no zlib"]
    cluster.produce(topic, messages)
    job = Job(tmp_path, cluster.job(topic, source={
        "classification": "avro", "schema": None, "registry": "glue", "region": "eu-west-1",
        "registryEndpointUrl": moto.url}))
    job.catch_up(env=KEYS)
    assert ids(job) == list(range(100))
    assert sum(row["city"] is not None for row in job.rows()) == 50
    assert codes(job) == [(100, "registry.unknown_id"), (101, "limit.ratio"),
                          (102, "compression.broken")]
    assert "canary" not in json.dumps(job.dead_letters())


class Away:
    """A registry that says it is busy until `back` is set."""

    def __init__(self):
        self.back = threading.Event()

    def __call__(self, path, headers):
        del headers
        if not self.back.is_set():
            return 503, "busy"
        return 200, json.dumps({"schema": json.dumps(FIRST), "subject": "s", "version": 1, "id": 1})


def two_sources(cluster, url, **more):
    """A job with a source that needs the registry, and one that does not."""
    needs, other = cluster.topic(), cluster.topic()
    definition = cluster.job(needs, source=registered(url, schema="id bigint", **more))
    definition["sources"]["plain"] = cluster.source(other, schema="id bigint")
    definition["sinks"]["lake"]["from"] = "clicks"
    definition["sinks"]["other"] = {"type": "files", "path": "other", "from": "plain"}
    return needs, other, definition


def test_a_registry_that_is_away_stops_only_what_needs_it(cluster, tmp_path):
    away = Away()
    with Scripted(away) as server:
        needs, other, definition = two_sources(cluster, server.url)
        job = Job(tmp_path, definition)
        cluster.produce(needs, [confluent(1, first(i)) for i in range(5)])
        cluster.produce(other, [{"id": i} for i in range(5)])
        with job.start() as running:
            job.wait_rows(5, "other", running=running)
            running.wait_log("records wait for a schema that cannot be had yet")
            cluster.produce(other, [{"id": i} for i in range(5, 10)])
            job.wait_rows(10, "other", running=running)
            assert job.rows() == []
            away.back.set()
            job.wait_rows(5, running=running)
            cluster.produce(needs, [confluent(1, first(5))])
            job.wait_rows(6, running=running)
            running.stop().ok()
            assert "trying again from where" not in running.err
    assert ids(job) == list(range(6))
    assert job.dead_letters() == []


def test_a_stop_does_not_wait_for_a_registry_that_is_away(cluster, tmp_path):
    away = Away()
    with Scripted(away) as server:
        needs, other, definition = two_sources(cluster, server.url, registryTimeout="1 hour")
        job = Job(tmp_path, definition)
        cluster.produce(needs, [confluent(1, first(0))])
        cluster.produce(other, [{"id": 0}])
        with job.start() as running:
            running.wait_log("records wait for a schema that cannot be had yet")
            running.stop(timeout=20).ok()
        assert len(job.rows("other")) == 1 and job.rows() == []
        away.back.set()
        job.catch_up()
    assert ids(job) == [0]
    assert len(job.rows("other")) == 1


def test_learning_columns_waits_for_the_registry_too(cluster, tmp_path):
    away = Away()
    with Scripted(away) as server:
        topic = cluster.topic()
        cluster.produce(topic, [confluent(1, first(0))])
        job = Job(tmp_path, cluster.job(topic, source=registered(
            server.url, registryTimeout="1 second")))
        done = sluice(job, "check")
        assert done.returncode == 1 and "registry.unavailable" in done.stderr, done.stderr
        with job.start("--until-caught-up") as running:
            running.wait_log("registry.unavailable")
            away.back.set()
            running.end().ok()
    assert ids(job) == [0]


def test_a_start_waits_for_the_newest_version(cluster, tmp_path):
    away = Away()
    with Scripted(away) as server:
        topic = cluster.topic()
        cluster.produce(topic, [confluent(1, first(0))])
        job = Job(tmp_path, cluster.job(topic, source=registered(
            server.url, registryTimeout="1 second", readerSchema="latest", readerSchemaName="s")))
        with job.start("--until-caught-up") as running:
            running.wait_log("the reader's schema cannot be had yet; asking again")
            away.back.set()
            running.end().ok()
    assert ids(job) == [0]


def test_records_whose_schema_cannot_be_had_are_bad_ones_if_asked(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, [confluent(i, b'{"id": 0}') for i in range(1, 4)] + [b'{"id": 1}'])
    job = Job(tmp_path, cluster.job(topic, source=registered(
        f"http://127.0.0.1:{free_port()}", classification="json", schema="id bigint",
        registryUnavailable="reject", registryTimeout="1 second")))
    job.catch_up()
    assert ids(job) == [1]
    assert codes(job) == [(i, "registry.unavailable") for i in range(3)]
    assert "registryTimeout" in job.dead_letters()[0]["reason"]


@pytest.mark.parametrize("change, said", [
    ({"framing": "glue"}, "framing: glue needs registry: glue"),
    ({"schema.registry.url": None, "framing": "confluent"}, "framing needs the option registry"),
    ({"classification": "csv", "schema": "id int"}, "schema.registry.url"),
    ({"readerSchema": "latest"}, "needs readerSchemaName"),
    ({"readerSchema": "latest", "readerSchemaName": "a", "schema": "id int"}, "leave schema out"),
    ({"schema.registry.url": "http://a:b@localhost"}, "no user and password in a URL"),
])
def test_options_that_do_not_go_together_are_refused(cluster, tmp_path, change, said):
    job = Job(tmp_path, cluster.job(cluster.topic(), source=registered("http://localhost") | change))
    done = sluice(job, "check")
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "job.yaml:" in done.stderr


def test_a_registry_that_does_not_take_the_login_ends_the_job(cluster, tmp_path):
    with Scripted(lambda *_: (401, "{}")) as server:
        needs, _, definition = two_sources(cluster, server.url)
        job = Job(tmp_path, definition)
        cluster.produce(needs, [confluent(1, first(0))])
        done = job.run("--until-caught-up")
        assert done.code == 2 and "registry.auth" in done.err, done.err
    assert job.rows() == []
