"""The README's job end to end, how it stops and goes on, and what SQL, sinks and metrics do in it."""

import collections
import json
import shutil
import signal

import pyarrow
import pyarrow.parquet
from job_harness import (CLICKS_SCHEMA, README_JOB, SALES_SQL, Job, as_row, assert_same, click,
                         count_rows, data_files, lake_table, sales, text_rows, wait_until)


def clicks(first, last):
    return [click(i) for i in range(first, last)]


def test_the_readme_job(cluster, tmp_path):
    topic = cluster.topic(4, name="clicks")
    job = Job(tmp_path, README_JOB.replace("127.0.0.1:9092", cluster.broker.bootstrap), "clicks")
    cluster.produce(topic, clicks(0, 5000))
    done = job.catch_up()
    assert " warn " not in done.err and " error " not in done.err
    assert done.out == ""
    assert_same(job.rows(), sales(clicks(0, 5000)))

    files = data_files(job.lake())
    assert {name.split("/")[0] for name in files} == {
        "city=Berlin", "city=S%C3%A3o Paulo", "city=a%2Fb%3Dc", "city=Paris",
        "city=__HIVE_DEFAULT_PARTITION__"} or {name.split("/")[0] for name in files} == {
        "city=Berlin", "city=São Paulo", "city=a%2Fb%3Dc", "city=Paris",
        "city=__HIVE_DEFAULT_PARTITION__"}
    with pyarrow.parquet.ParquetFile(job.lake() / files[0]) as file:
        schema = file.schema_arrow
        assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
    instant = schema.field("ts").type
    assert pyarrow.types.is_timestamp(instant) and instant.tz == "UTC"
    assert {field.name: str(field.type) for field in schema if field.name != "ts"} == {
        "event_id": "string", "user_id": "int64", "session": "string", "event": "string",
        "price": "double", "quantity": "int32", "geo": "struct<lat: double, lon: double>",
        "ua": "string", "tags": str(schema.field("tags").type), "ok": "bool", "total": "double"}
    assert schema.field("tags").type.value_type == pyarrow.string()
    assert [field.name for field in schema] == [
        name for name in [*click(1), "total"] if name != "city"]


def test_a_restart_goes_on_and_an_idle_run_writes_nothing(cluster, tmp_path):
    topic = cluster.topic(3)
    job = Job(tmp_path, cluster.job(topic, SALES_SQL, sink={"partitionKeys": ["city"]}))
    cluster.produce(topic, clicks(0, 300))
    job.catch_up()
    first = data_files(job.lake())
    assert job.show()["committedEpoch"] == 1
    job.catch_up()
    assert data_files(job.lake()) == first and job.show()["committedEpoch"] == 1
    cluster.produce(topic, clicks(300, 700))
    job.catch_up()
    assert set(first) < set(data_files(job.lake())) and job.show()["committedEpoch"] == 2
    assert_same(job.rows(), sales(clicks(0, 700)))


def test_epochs_follow_the_window(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, window="500 ms"))
    with job.start() as running:
        for round_number in range(3):
            cluster.produce(topic, clicks(round_number * 100, round_number * 100 + 100))
            job.wait_rows(round_number * 100 + 100, running=running)
        running.stop().ok()
    assert_same(job.rows(), [as_row(event) for event in clicks(0, 300)])
    assert len(job.show()["decisions"]) >= 3


def test_sigint_seals_and_commits(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, SALES_SQL, window="10 minutes"))
    cluster.produce(topic, clicks(0, 500))
    with job.start(metrics=True) as running:
        running.wait_read(500)
        assert data_files(job.lake()) == []
        done = running.stop().ok()
    assert "stopped" in done.err
    assert_same(job.rows(), sales(clicks(0, 500)))
    job.catch_up()
    assert_same(job.rows(), sales(clicks(0, 500)))


def test_a_second_signal_abandons_the_epoch_and_loses_nothing(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, SALES_SQL, window="10 minutes"))
    cluster.produce(topic, clicks(0, 500))
    with job.start(metrics=True) as running:
        running.wait_read(500)
        # Both arrive at once, when the process goes on.
        running.send(signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT)
        done = running.end().ok()
    assert "abandoned" in done.err
    assert job.rows() == [] and job.show()["committedEpoch"] is None
    job.catch_up()
    assert_same(job.rows(), sales(clicks(0, 500)))


def test_deleting_the_checkpoint_reads_again_and_the_start_says_what_lies_there(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 50))
    job.catch_up()
    files = data_files(job.lake())
    old = job.show()["checkpointId"]
    shutil.rmtree(job.checkpoint)
    done = job.catch_up()
    assert_same(job.rows(), [as_row(event) for event in clicks(0, 50)] * 2)
    assert job.show()["checkpointId"] != old
    done.failed(0, r"warn .*files of other checkpoints", rf"files={len(files)}\b", old[:8], "find ")


def test_sql_that_fails_on_a_row_sends_that_row_to_the_dead_letters(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(
        topic, "SELECT event_id, CAST(session AS INTEGER) AS n FROM clicks"))
    events = [click(i, session="x" if i % 100 == 42 else str(i)) for i in range(1000)]
    cluster.produce(topic, events)
    job.catch_up()
    assert_same(job.rows(), [{"event_id": event["event_id"], "n": int(event["session"])}
                             for event in events if event["session"] != "x"])
    letters = job.dead_letters()
    assert sorted(letter["origin"]["offset"] for letter in letters) == list(range(42, 1000, 100))
    for letter in letters:
        assert letter["code"] == "sql.row" and letter["step"] == "sales"
        assert letter["reason"].startswith("Conversion Error") and "INT32" in letter["reason"]
        assert "'x'" in letter["reason"]
        assert json.loads(letter["bytes"]) == events[letter["origin"]["offset"]]


def test_an_aggregate_runs_over_the_whole_epoch(cluster, tmp_path):
    topic = cluster.topic(4)
    job = Job(tmp_path, cluster.job(
        topic, "SELECT city, count(*) AS n, sum(quantity) AS q FROM clicks GROUP BY city",
        window="10 minutes"))
    events = clicks(0, 4000)
    cluster.produce(topic, events)
    job.catch_up()
    groups = collections.defaultdict(lambda: [0, 0])
    for event in events:
        groups[event["city"]][0] += 1
        groups[event["city"]][1] += event["quantity"]
    assert_same(job.rows(), [{"city": city, "n": n, "q": q} for city, (n, q) in groups.items()])


def test_a_join_of_two_topics(cluster, tmp_path):
    left, right = cluster.topic(2), cluster.topic(2)
    definition = cluster.job(left, """
        SELECT c.event_id, u.name FROM clicks c JOIN users u ON c.user_id = u.id
        WHERE c.event = 'buy' ORDER BY c.event_id""", window="10 minutes")
    definition["sources"]["users"] = cluster.source(right, schema="id bigint, name string")
    job = Job(tmp_path, definition)
    events = clicks(0, 2000)
    cluster.produce(left, events)
    cluster.produce(right, [{"id": i * 7, "name": f"user {i}"} for i in range(0, 2000, 3)])
    job.catch_up()
    assert_same(job.rows(), [
        {"event_id": event["event_id"], "name": f"user {event['user_id'] // 7}"}
        for event in events
        if event["event"] == "buy" and event["user_id"] is not None and event["user_id"] % 21 == 0])


def test_two_sinks_get_identical_rows(cluster, tmp_path):
    topic = cluster.topic(3)
    definition = cluster.job(topic, SALES_SQL)
    definition["sinks"]["second"] = {
        "type": "files", "path": "second", "partitionKeys": ["event"], "compression": "zstd"}
    definition["sinks"]["raw"] = {"type": "files", "path": "raw", "from": "clicks"}
    definition["sinks"]["text"] = {"type": "files", "path": "text", "format": "json"}
    job = Job(tmp_path, definition)
    for first in range(0, 600, 200):
        cluster.produce(topic, clicks(first, first + 200))
        job.catch_up()
    expected = sales(clicks(0, 600))
    assert_same(job.rows("lake"), expected)
    assert_same(job.rows("second"), expected)
    assert_same(job.rows("raw"), [as_row(event) for event in clicks(0, 600)])
    assert ({row["event_id"] for row in text_rows(job.lake("text"))}
            == {row["event_id"] for row in expected})
    assert len(text_rows(job.lake("text"))) == len(expected)


def test_apply_mapping_renames_casts_and_drops(cluster, tmp_path):
    topic = cluster.topic()
    definition = cluster.job(topic)
    definition["transforms"] = [{"name": "mapped", "mapping": [
        ["event_id", "string", "id", "string"], ["geo.lat", "double", "latitude", "double"],
        ["quantity", "int", "count", "string"]]}]
    job = Job(tmp_path, definition)
    cluster.produce(topic, clicks(0, 100))
    job.catch_up()
    assert_same(job.rows(), [
        {"id": event["event_id"], "latitude": event["geo"]["lat"] if event["geo"] else None,
         "count": str(event["quantity"])} for event in clicks(0, 100)])


def test_metrics_while_running(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, SALES_SQL, window="500 ms"))
    events = clicks(0, 2000)
    cluster.produce(topic, [*events, b"not json", (b"key", None)], partition=0)
    cluster.produce(topic, [b"{"], partition=1)
    with job.start(metrics=True) as running:
        running.wait_read(2003)
        expected = sales(events)
        job.wait_rows(len(expected), running=running)

        def committed():
            return running.metric("sluice_rows_written_total") == len(expected)
        wait_until(committed, running.metrics_text)
        for partition in (0, 1):
            def lag(split=f"{topic}/{partition}"):
                return running.metric("sluice_lag_records", source="clicks", split=split) == 0
            wait_until(lag, running.metrics_text)
        metric = running.metric
        assert metric("sluice_records_total", source="clicks") == 2003
        assert metric("sluice_rejects_total") == 2 and metric("sluice_tombstones_total") == 1
        assert metric("sluice_dead_letters_total") == 2
        assert metric("sluice_bytes_total") > 100_000
        assert metric("sluice_epochs_total") >= 1
        assert metric("sluice_memory_bytes") > 1_000_000
        staged = {when: metric("sluice_staged_bytes_total", sink="lake", when=when)
                  for when in ("before_trigger", "after_trigger")}
        assert sum(staged.values()) > 10_000 and None not in staged.values()
        assert metric("glue_driver_streaming_numRecords") > 0
        assert metric("glue_driver_streaming_batchProcessingTimeInMs") > 0
        assert metric("glue_driver_streaming_maxConsumerLagInMs") is not None
        running.stop().ok()


def test_a_lag_is_shown_while_there_is_one(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, window="10 minutes",
                                    source={"maxOffsetsPerTrigger": 100}))
    cluster.produce(topic, clicks(0, 1000))
    with job.start(metrics=True) as running:
        job.wait_rows(100, running=running)
        wait_until(lambda: running.metric("sluice_lag_records", split=f"{topic}/0") == 900,
                   running.metrics_text)
        wait_until(lambda: (running.metric("glue_driver_streaming_maxConsumerLagInMs") or 0) > 0,
                   running.metrics_text)
        running.stop().ok()


def test_json_logs_are_json(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 10))
    lines = [json.loads(line) for line in job.catch_up("--log-format", "json").err.splitlines()]
    assert {"time", "level", "message"} <= set(lines[0])
    assert any(line["message"] == "done" and line["records"] == "10" for line in lines)


def test_the_timeout_ends_the_job_with_all_committed(one_minute_job):
    job, running = one_minute_job
    done = running.end(90).ok()
    assert "timeout" in done.err
    assert_same(job.rows(), [as_row(event) for event in clicks(0, 100)])
