"""Jobs without a schema on a real broker: columns appear and change, and no value is lost.

Every record has an `id` of its own; rows are compared with records one by one: what a record says
is in its column or in `_rescued` (detected_rows.py). test_detection_kills.py does it under kills,
test_detection_load.py with many keys and records, test_widened_lake.py for readers.
"""

import json
import random
import signal
import subprocess
import time

import pytest
from detected_rows import (assert_all_values, columns, row_leaves, wait_count, whole_rows,
                           whole_schema)
from job_harness import SLUICE, Job, data_files, wait_until
from schema_versions import VERSIONS, mixed, version

CHANGED = r"the records show other columns; the next epoch has them"


def detected(cluster, topic, sql=None, window="1 second", source=None, **more):
    """A job whose only source declares no columns."""
    return cluster.job(topic, sql, window, source={"schema": None} | (source or {}), **more)


def changes(text):
    return text.count(CHANGED)


def rescued(rows):
    return sum(sum(row_leaves(row)[1].values()) for row in rows)


# A schema that changes.


def test_versions_one_after_another_and_mixed_are_all_there(cluster, tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic, window="500 ms"))
    sent = []
    with job.start() as running:
        for number in range(VERSIONS):
            batch = [version(number, len(sent) + i) for i in range(200)]
            cluster.produce(topic, batch)
            sent += batch
            wait_count(job, running, len(sent))
        batch = mixed(random.Random(seed), len(sent), 2000)
        cluster.produce(topic, batch)
        sent += batch
        wait_count(job, running, len(sent))
        done = running.stop().ok()
    rows = whole_rows(job.lake())
    assert assert_all_values(rows, sent) > 0
    found = columns(job.lake())
    assert {name: found[name] for name in ("id", "n", "name", "price", "ratio", "ok")} == {
        "id": "int64", "n": "int64", "name": "string", "price": "int64", "ratio": "double",
        "ok": "bool"}
    assert {"tags", "geo", "items", "a.b", "ünï code"} <= set(found)
    assert "Name" not in found and "NAME" not in found
    geo = {field.name for field in whole_schema(job.lake()).field("geo").type}
    assert geo == {"lat", "lon", "at"}
    assert 1 <= changes(done.err) <= 3 * VERSIONS and job.dead_letters() == []
    assert found["_rescued"] == "string"


def test_values_that_fit_stay_in_their_columns(cluster, tmp_path):
    """Only what does not fit is rescued: not its neighbours, not what comes after it."""
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    cluster.produce(topic, [{"id": 0, "n": 1, "s": "a", "geo": {"lat": 1.5, "lon": 2.5}}])
    job.catch_up()
    cluster.produce(topic, [
        {"id": 1, "n": "x", "s": "b", "geo": {"lat": "y", "lon": 3.5}},
        {"id": 2, "n": 2, "s": 7, "geo": {"lat": 4, "lon": [1]}},
        {"id": 3, "n": 3.5, "s": None, "geo": "nowhere"},
        {"id": 4, "n": 4, "s": "c", "N": 5, "geo": {"lat": 6, "LAT": 7}}])
    job.catch_up()
    rows = sorted(whole_rows(job.lake()), key=lambda row: row["id"])
    assert [row["n"] for row in rows] == [1, None, 2, None, 4]
    assert [row["s"] for row in rows] == ["a", "b", "7", None, "c"]
    assert [row["geo"] and row["geo"]["lat"] for row in rows] == [1.5, None, 4, None, 6]
    assert [row["geo"] and row["geo"]["lon"] for row in rows] == [2.5, 3.5, None, None, None]
    paths = [sorted(path for path, _ in row_leaves(row)[1]) for row in rows]
    assert paths == [[], [("geo", "lat"), ("n",)], [("geo", "lon", 0)], [("geo",), ("n",)],
                     [("N",), ("geo", "LAT")]]


def test_one_odd_spelling_does_not_take_the_column_of_the_usual_one(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    sent = [{"id": i, "userId": i, "at": {"unitId": i}} for i in range(600)]
    sent[300] = {"id": 300, "UserId": 300, "at": {"UnitId": 300}}
    cluster.produce(topic, sent)
    job.catch_up()
    rows = whole_rows(job.lake())
    assert assert_all_values(rows, sent) == 2, "only what is spelt otherwise is rescued"


def test_a_restart_and_an_idle_run_keep_the_columns(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic))
    sent = []
    for number in range(VERSIONS):
        sent += [version(number, number * 100 + i) for i in range(100)]
        cluster.produce(topic, sent[-100:])
        done = job.catch_up()
        assert changes(done.err) <= 1 and "warn internal" not in done.err
        files = data_files(job.lake())
        job.catch_up()
        assert data_files(job.lake()) == files
    assert_all_values(whole_rows(job.lake()), sent)
    cluster.produce(topic, [version(0, 10_000)])
    assert changes(job.catch_up().err) == 0
    assert_all_values(whole_rows(job.lake()), [*sent, version(0, 10_000)])


def test_types_that_flip_with_every_record_settle_at_once(cluster, tmp_path):
    """No storm of seals, whether the column was written before or not."""
    flips = [1, 2.5, "x", True, None, [1, "a"], {"a": 1}, {"a": "z", "b": []}, [[2]], {"A": 3}]
    for first in (0, 1):
        topic = cluster.topic(2)
        job = Job(tmp_path / str(first), detected(cluster, topic, window="1 hour"))
        sent = [{"id": -1, "v": 0}] * first
        cluster.produce(topic, sent)
        if first:
            job.catch_up()
        sent += [{"id": i, "v": flips[i % len(flips)]} for i in range(20_000)]
        cluster.produce(topic, sent[first:])
        done = job.catch_up()
        assert changes(done.err) <= 2, done.err
        assert len(data_files(job.lake())) <= 3 + first
        saved = assert_all_values(whole_rows(job.lake()), sent)
        assert (saved > 0) == bool(first), "as text from the start, rescued once it is a number"


def test_detect_shows_a_topic_as_a_table_of_glues(cluster, tmp_path):
    topic = cluster.topic(2)
    cluster.produce(topic, [{"id": i, "geo": {"lat": i / 2}} for i in range(100)])
    job = Job(tmp_path, detected(cluster, topic))
    done = subprocess.run([SLUICE, "detect", job.file.name, "--format", "glue", "--database", "web"],
                          cwd=job.file.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    table = body["TableInput"]
    assert (body["DatabaseName"], table["Name"]) == ("web", "clicks")
    assert [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"), ("geo", "struct<lat:double>")]
    assert {name: table["Parameters"][name]
            for name in ("classification", "typeOfData", "topicName")} == {
        "classification": "json", "typeOfData": "kafka", "topicName": topic}
    assert not (job.folder / "state").exists(), "nothing is written"


def test_made_columns_take_what_written_ones_do_not(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic, source={"typeConflict": "make_cols"}))
    sent = [{"id": i, "v": i} for i in range(100)]
    cluster.produce(topic, sent)
    job.catch_up()
    flips = [1, 2.5, "x", True, [1], {"a": 1}]
    sent += [{"id": i, "v": flips[i % len(flips)]} for i in range(100, 6100)]
    cluster.produce(topic, sent[100:])
    done = job.catch_up()
    assert 1 <= changes(done.err) <= 10
    assert "records=6000 " in done.err, "what is read again counts once"
    rows = whole_rows(job.lake())
    assert len(rows) == len(sent) and rescued(rows) == 0
    named = {int: "v", float: "v_double", str: "v_string", bool: "v_boolean", list: "v_array",
             dict: "v_struct"}
    by_id = {row["id"]: row for row in rows}
    for record in sent:
        row = by_id[record["id"]]
        found = {name: row[name] for name in named.values() if row.get(name) is not None}
        assert found == {named[type(record["v"])]: record["v"]}
    assert job.dead_letters() == []


# Together with how a job reads.


def test_a_cap_and_partitions_hold_while_columns_change(cluster, tmp_path):
    topic = cluster.topic(3)
    job = Job(tmp_path, detected(cluster, topic, window="200 ms",
                                 source={"maxOffsetsPerTrigger": "100"}))
    sent = [version(i // 300, i) for i in range(300 * VERSIONS)]
    cluster.produce(topic, sent)
    job.catch_up()
    counts = [decision["counts"]["source clicks delivered"] for decision in job.show()["decisions"]]
    assert max(counts) <= 100
    assert_all_values(whole_rows(job.lake()), sent)


def test_each_partition_may_have_its_own_version(cluster, tmp_path):
    topic = cluster.topic(VERSIONS)
    job = Job(tmp_path, detected(cluster, topic))
    sent = []
    for rounds in range(2):
        for number in range(VERSIONS):
            batch = [version(number, len(sent) + i) for i in range(200)]
            cluster.produce(topic, batch, partition=number)
            sent += batch
        job.catch_up()
    assert_all_values(whole_rows(job.lake()), sent)


def test_a_join_of_two_sources_whose_columns_both_change(cluster, tmp_path):
    left, right = cluster.topic(2), cluster.topic(2)
    definition = detected(cluster, left, """
        SELECT c.id, c.user, u.name, u.grade, c.price FROM clicks c JOIN users u
        ON c.user = u.user""", window="1 hour")
    definition["sources"]["users"] = cluster.source(right, schema=None)
    job = Job(tmp_path, definition)
    cluster.produce(left, [{"id": i, "user": i % 10} for i in range(100)])
    cluster.produce(right, [{"user": i, "name": f"user {i}"} for i in range(10)])
    job.catch_up()
    cluster.produce(left, [{"id": 100 + i, "user": i % 10, "price": i / 4} for i in range(100)])
    cluster.produce(right, [{"user": i, "name": f"user {i}", "grade": i} for i in range(10)])
    done = job.catch_up()
    assert changes(done.err) >= 1
    rows = {row["id"]: row for row in whole_rows(job.lake())}
    assert len(rows) == 200
    for i in range(100):
        early, late = [[row[name] for name in ("name", "grade", "price")]
                       for row in (rows[i], rows[100 + i])]
        assert early == [f"user {i % 10}", None, None]
        assert late == [f"user {i % 10}", i % 10, i / 4]


def test_a_query_sees_a_column_that_comes_after_a_long_silence(cluster, tmp_path):
    topic = cluster.topic()
    sql = "SELECT count(*) AS n, sum(price) AS sum FROM clicks"
    job = Job(tmp_path, detected(cluster, topic, sql, window="500 ms"))
    cluster.produce(topic, [{"id": 1}])
    with job.start(metrics=True) as running:
        wait_until(lambda: data_files(job.lake()), lambda: running.err[-4000:])
        # Several windows in which nothing comes.
        before = time.monotonic()
        wait_until(lambda: time.monotonic() - before > 2, lambda: "")
        cluster.produce(topic, [{"id": 2, "price": 7}])
        wait_until(lambda: len(data_files(job.lake())) == 2, lambda: running.err[-4000:])
        running.stop().ok()
    assert {(row["n"], row.get("sum")) for row in job.rows()} == {(1, None), (1, 7)}


@pytest.mark.parametrize("point", ["K1", "K4", "K5", "K6", "K8", "K12"])
def test_sigterm_in_the_midst_of_a_change(cluster, tmp_path, point):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic, window="300 ms"))
    sent = [version(0, i) for i in range(100)]
    cluster.produce(topic, sent)
    job.catch_up()
    sent += [version(i % VERSIONS, i) for i in range(100, 700)]
    cluster.produce(topic, sent[100:])
    with job.start(failpoints=f"{point}=stop") as running:
        running.wait_stopped()
        running.send(signal.SIGTERM, signal.SIGCONT)
        running.end().ok()
    job.catch_up()
    assert_all_values(whole_rows(job.lake()), sent)


def test_the_broker_goes_away_while_columns_change(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic, window="300 ms"))
    with job.start() as running:
        sent = [version(0, i) for i in range(100)]
        cluster.produce(topic, sent)
        wait_count(job, running, 100)
        cluster.broker.restart()
        sent += [version(i % VERSIONS, i) for i in range(100, 600)]
        cluster.produce(topic, sent[100:])
        wait_count(job, running, 600)
        running.stop().ok()
    assert_all_values(whole_rows(job.lake()), sent)


# Partitions of a lake.


def test_a_partition_key_may_appear_later(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic, sink={"partitionKeys": ["city"]}))
    cluster.produce(topic, [{"id": 1}])
    job.run("--until-caught-up")  # Whether it can do without the column or says that it cannot.
    cluster.produce(topic, [{"id": 2, "city": "Oslo"}])
    job.catch_up()
    assert any(name.startswith("city=Oslo/") for name in data_files(job.lake()))


def test_a_partition_key_of_another_type_is_rescued(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic, sink={"partitionKeys": ["city"]}))
    cluster.produce(topic, [{"id": 1, "city": 7}])
    job.catch_up()
    cluster.produce(topic, [{"id": 2, "city": "Oslo"}, {"id": 3, "city": 8}])
    job.catch_up()
    rows = {row["id"]: row for row in job.rows()}
    assert {i: row["city"] for i, row in rows.items()} == {1: 7, 2: None, 3: 8}
    assert "Oslo" in rows[2]["_rescued"] and rows[3]["_rescued"] is None


# Topics that say nothing at first.


def test_an_empty_topic_is_waited_for(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic))
    with job.start() as running:
        running.wait_log("looking at the first ones")
        sent = [version(1, i) for i in range(100)]
        cluster.produce(topic, sent)
        wait_count(job, running, 100)
        running.stop().ok()
    assert_all_values(whole_rows(job.lake()), sent)


def test_an_empty_topic_is_caught_up_with(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, detected(cluster, topic))
    job.catch_up()
    assert data_files(job.lake()) == []
    cluster.produce(topic, [version(0, i) for i in range(10)])
    job.catch_up()
    assert_all_values(whole_rows(job.lake()), [version(0, i) for i in range(10)])


def test_one_empty_topic_of_two_is_caught_up_with_as_one_alone_is(cluster, tmp_path):
    busy, quiet = cluster.topic(), cluster.topic()
    definition = detected(cluster, busy, "SELECT c.id, u.name FROM clicks c LEFT JOIN users u "
                          "ON c.id = u.id")
    definition["sources"]["users"] = cluster.source(quiet, schema=None)
    job = Job(tmp_path, definition)
    cluster.produce(busy, [{"id": 1}])
    job.catch_up()
    cluster.produce(quiet, [{"id": 2, "name": "Ada"}])
    cluster.produce(busy, [{"id": 2}])
    job.catch_up()
    assert sorted(row["id"] for row in whole_rows(job.lake())) == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_waits_for_its_first_record_can_be_stopped(cluster, tmp_path, number):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    with job.start() as running:
        running.wait_log("looking at the first ones")
        running.send(number)
        running.end(10).ok()
    cluster.produce(topic, [version(0, 1)])
    job.catch_up()
    assert_all_values(whole_rows(job.lake()), [version(0, 1)])


def test_tombstones_alone_show_no_columns(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    cluster.produce(topic, [(f"k{i}", None) for i in range(50)])
    job.catch_up()
    assert data_files(job.lake()) == []
    sent = [version(2, i) for i in range(50)]
    cluster.produce(topic, sent)
    job.catch_up()
    assert_all_values(whole_rows(job.lake()), sent)
    assert job.counts()["source clicks tombstones"] == 50 and job.dead_letters() == []


def test_bad_records_at_first_are_dead_letters_once_columns_are_known(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    bad = [b"{", b"oops", b"\xff", b"7", b'"text"', b"null", b""]
    cluster.produce(topic, bad * 10)
    # Caught up it cannot be: nothing is committed, and nothing lost.
    job.run("--until-caught-up").failed(2, r"\[job\.no_schema\]", r"none of the records .*\(70\)")
    assert data_files(job.folder / "lake") == [] and job.dead_letters() == []
    sent = [version(1, i) for i in range(50)]
    with job.start() as running:
        running.wait_log("a record does not tell what columns there are")
        cluster.produce(topic, sent)
        wait_count(job, running, 50)
        running.stop().ok()
    assert_all_values(whole_rows(job.lake()), sent)
    assert len(job.dead_letters()) == len(bad) * 10


def test_records_that_hold_nothing_are_rows_once_columns_are_known(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, detected(cluster, topic))
    cluster.produce(topic, [{}, {"a": None}, {"a": []}, {"a": {}}])
    job.run("--until-caught-up").failed(2, r"\[job\.no_schema\]", "its fields are empty or null")
    cluster.produce(topic, [version(0, 1)])
    job.catch_up()
    rows = whole_rows(job.lake())
    assert len(rows) == 5 and job.dead_letters() == []
    assert [row["n"] for row in rows if row["id"] == 1] == [3]


def test_the_comparison_itself_notices_what_is_lost():
    record = {"id": 1, "n": "x", "geo": {"lat": 1.5, "tags": ["a", None]}, "t": [1], "gone": {}}
    kept = {"id": 1, "n": None, "geo": {"lat": 1.5, "tags": ["a", None]}, "t": "[1]", "_rescued":
            '[{"path":"n","value":"x","reason":"convert.type"}]'}
    assert assert_all_values([kept], [record]) == 1
    for change in ({"_rescued": None}, {"n": 5}, {"t": "[2]"}, {"t": None}, {"geo": None}, {"m": 1},
                   {"geo": {"lat": 1.5, "tags": ["b"]}}, {"n": "x"}):
        with pytest.raises(AssertionError):
            assert_all_values([kept | change], [record])
    for rows in ([], [kept, kept]):
        with pytest.raises(AssertionError):
            assert_all_values(rows, [record])
