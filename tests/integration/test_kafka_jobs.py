"""Jobs on Kafka as it is: positions, new partitions and topics, transactions, compaction, bad records."""

import base64
import datetime
import json
import re
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from job_harness import (CLICKS_SCHEMA, Job, as_row, assert_same, click, data_files, wait_until)


def clicks(first, last):
    return [click(i) for i in range(first, last)]


def rows(first, last):
    return [as_row(event) for event in clicks(first, last)]


def test_partitions_and_topics_appear_while_running_and_while_stopped(cluster, tmp_path):
    grows = cluster.topic(1, name="grows")
    one, two = cluster.topic(1, name="match-one"), cluster.topic(2, name="other")
    job = Job(tmp_path / "a", cluster.job(f"{grows},{two}"))
    pattern = Job(tmp_path / "b", cluster.job(
        None, source={"subscribePattern": "match-[a-z]+", "startingOffsets": "latest"}))
    cluster.produce(grows, clicks(0, 100))
    cluster.produce(two, clicks(100, 200))
    with job.start() as first, pattern.start() as second:
        job.wait_rows(200, running=first)
        second.wait_log("job starts")
        wait_until((pattern.checkpoint / "start").exists, "a start slot")
        cluster.produce(one, clicks(0, 50))
        pattern.wait_rows(50, running=second)
        # New ones are read from their beginning, whatever startingOffsets says.
        cluster.broker.add_partitions(grows, 3)
        cluster.topic(1, name="match-two")
        cluster.topic(1, name="unmatched-two")
        cluster.produce(grows, clicks(200, 300), partition=1)
        cluster.produce(grows, clicks(300, 400), partition=2)
        cluster.produce("match-two", clicks(50, 150))
        cluster.produce("unmatched-two", clicks(1000, 1010))
        job.wait_rows(400, running=first)
        pattern.wait_rows(150, running=second)
        first.stop().ok().failed(0, f"a new split appeared .*split={grows}/2")
        second.stop().ok()
    cluster.broker.add_partitions(grows, 5)
    cluster.topic(1, name="match-three")
    cluster.produce(grows, clicks(400, 500), partition=4)
    cluster.produce("match-three", clicks(150, 200))
    job.catch_up()
    pattern.catch_up()
    assert_same(job.rows(), rows(0, 500))
    assert_same(pattern.rows(), rows(0, 200))


def test_latest_means_one_place_for_ever(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, window="10 minutes",
                                    source={"startingOffsets": "latest"}))
    cluster.produce(topic, clicks(0, 100))  # Before the start: not wanted.
    with job.start(metrics=True) as running:
        wait_until((job.checkpoint / "start").exists, "a start slot")
        cluster.produce(topic, clicks(100, 200))
        running.wait_read(100)
        cluster.produce(topic, clicks(200, 300))
        running.kill()
    assert data_files(job.lake()) == []
    cluster.produce(topic, clicks(300, 400))
    job.catch_up()
    assert_same(job.rows(), rows(100, 400))


def test_starts_at_offsets_and_times(cluster, tmp_path):
    topic = cluster.topic(3)
    base = 1_790_000_000_000
    for i in range(60):
        cluster_partition = i % 3
        cluster.produce(topic, [click(i)], partition=cluster_partition, timestamp=base + i * 1000)
    offsets = {topic: {"0": 5, "1": -2, "2": -1}}
    job = Job(tmp_path / "offsets", cluster.job(
        topic, source={"startingOffsets": json.dumps(offsets)}))
    job.catch_up()
    expected = [i for i in range(60) if i % 3 == 1 or (i % 3 == 0 and i // 3 >= 5)]
    assert_same(job.rows(), [as_row(click(i)) for i in expected])

    at = datetime.datetime.fromtimestamp(base / 1000 + 30, datetime.timezone.utc)
    job = Job(tmp_path / "time", cluster.job(topic, source={
        "startingOffsets": None, "startingTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}))
    job.catch_up()
    assert_same(job.rows(), rows(30, 60))

    job = Job(tmp_path / "assign", cluster.job(
        None, source={"assign": json.dumps({topic: [0, 2]})}))
    job.catch_up()
    assert_same(job.rows(), [as_row(click(i)) for i in range(60) if i % 3 != 1])


def test_headers_and_record_timestamps(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, [click(1)], timestamp=1_790_000_000_123,
                    headers=[("trace", b"abc"), ("raw", b"\xff\x00"), ("none", None)])
    cluster.produce(topic, [click(2)], timestamp=1_790_000_001_000)
    job = Job(tmp_path, cluster.job(
        topic, "SELECT event_id, glue_streaming_kafka_headers AS h, __src_timestamp AS t FROM clicks",
        source={"includeHeaders": "true", "addRecordTimestamp": "true"}))
    job.catch_up()
    utc = datetime.timezone.utc
    assert_same(job.rows(), [
        {"event_id": click(1)["event_id"],
         "h": [{"key": "trace", "value": b"abc"}, {"key": "raw", "value": b"\xff\x00"},
               {"key": "none", "value": None}],
         "t": datetime.datetime.fromtimestamp(1_790_000_000.123, utc)},
        {"event_id": click(2)["event_id"], "h": None,
         "t": datetime.datetime.fromtimestamp(1_790_000_001, utc)}])


def test_a_cap_is_a_rate(cluster, tmp_path):
    topic = cluster.topic(4)
    job = Job(tmp_path, cluster.job(topic, window="500 ms", source={"maxOffsetsPerTrigger": "250"}))
    cluster.produce(topic, clicks(0, 1000))
    started = time.monotonic()
    job.catch_up()
    # One epoch at once, the others at the ticks after it.
    assert time.monotonic() - started > 3 * 0.5 - 0.1
    counts = [decision["counts"]["source clicks delivered"] for decision in job.show()["decisions"]]
    assert max(counts) <= 250 and len(counts) >= 4
    assert_same(job.rows(), rows(0, 1000))


def test_bytes_cap_an_epoch(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, window="200 ms",
                                    source={"maxBytesPerTrigger": "20 KiB"}))
    cluster.produce(topic, clicks(0, 400))
    job.catch_up()
    counts = [decision["counts"]["source clicks bytes"] for decision in job.show()["decisions"]]
    assert max(counts) <= 20 * 1024 + 2 * 400 and len(counts) >= 4
    assert_same(job.rows(), rows(0, 400))


def test_only_committed_transactions_are_written(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic))
    for i in range(5):
        cluster.produce(topic, clicks(i * 100, i * 100 + 100), transaction="good")
        cluster.produce(topic, clicks(5000, 5100), transaction="bad", commit=False)
    # The log now ends with aborted records and control records: the end must be reached all the same.
    job.catch_up()
    assert_same(job.rows(), rows(0, 500))
    cluster.produce(topic, clicks(5000, 6000), transaction="bad", commit=False)
    job.catch_up()
    assert_same(job.rows(), rows(0, 500))


def test_caught_up_is_the_last_stable_offset(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 10))
    producer = Producer({"bootstrap.servers": cluster.broker.bootstrap, "transactional.id": "open"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for event in clicks(10, 20):
        producer.produce(topic, json.dumps(event))
    producer.flush(30)
    cluster.produce(topic, clicks(20, 30))
    job.catch_up()
    assert_same(job.rows(), rows(0, 10))
    producer.commit_transaction(30)
    job.catch_up()
    assert_same(job.rows(), rows(0, 30))


def test_a_compacted_topic_with_tombstones(cluster, tmp_path):
    topic = cluster.topic(1, {
        "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001",
        "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "100"})

    def survivors():
        consumer = Consumer({"bootstrap.servers": cluster.broker.bootstrap, "group.id": "look",
                             "enable.auto.commit": False})
        part = TopicPartition(topic, 0, 0)
        consumer.assign([part])
        end = consumer.get_watermark_offsets(part, 30)[1]
        found = []
        while not found or found[-1].offset() < end - 1:
            message = consumer.poll(10)
            assert message is not None and not message.error()
            found.append(message)
        consumer.close()
        return found

    for round_number in range(6):
        cluster.produce(topic, [(f"k{i % 20}", click(round_number * 100 + i)) for i in range(100)])
    cluster.produce(topic, [("k3", None), ("k7", None)])

    def compacted():
        cluster.produce(topic, [("tick", click(9999))])  # Rolls the segment.
        return len(survivors()) < 200
    wait_until(compacted, "compacted", 60)
    job = Job(tmp_path, cluster.job(topic))
    job.catch_up()
    left = survivors()
    # The cleaner may have gone on since the job read: what is left now is the least it must have.
    got = {row["event_id"] for row in job.rows()}
    assert {json.loads(message.value())["event_id"] for message in left if message.value()} <= got
    assert len(job.rows()) < 300
    assert job.counts()["source clicks tombstones"] == 2
    assert job.dead_letters() == []


def test_bad_records_go_to_the_dead_letters_with_their_origin(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic))
    bad = {10: b"{not json", 20: b"\xff\xfe{}", 30: b"", 40: b'{"user_id": "seven"}',
           50: b'[{"event_id": "a"}, {"user_id": []}, {"event_id": "b"}]'}
    values = [bad.get(i, click(i)) for i in range(100)]
    cluster.produce(topic, values, partition=1)
    job.catch_up()
    nothing = dict.fromkeys(click(1))
    assert_same(job.rows(), [as_row(event) for event in values if isinstance(event, dict)] +
                [nothing | {"event_id": "a"}, nothing | {"event_id": "b"}])
    letters = {letter["origin"]["offset"]: letter for letter in job.dead_letters()}
    assert sorted(letters) == sorted(bad)
    for offset, letter in letters.items():
        assert letter["origin"]["topic"] == topic and letter["origin"]["partition"] == 1
        assert letter["source"] == "clicks" and letter["step"] == "decode"
        assert letter["job"] == "job" and letter["epoch"] == 1 and letter["reason"]
        whole = (letter["bytes"].encode() if letter.get("bytes") is not None
                 else base64.b64decode(letter["base64"]))
        assert whole == (b'{"user_id": []}' if offset == 50 else bad[offset])
    assert letters[10]["code"] == "json.syntax" and letters[10]["byte"] == 1
    assert letters[20]["code"] == "json.utf8" and letters[30]["code"] == "message.empty"
    assert letters[40]["code"] == "convert.type" and letters[40]["field"] == "user_id"
    assert letters[50]["row"] == 1
    assert job.counts()["dead letters"] == 5
    job.catch_up()
    assert len(job.dead_letters()) == 5


@pytest.mark.parametrize("options, code", [
    ({"badRecords": "fail"}, r"data\.bad_record"),
    ({"maxBadRecordRate": "0.01"}, r"data\.bad_record_rate")])
def test_too_many_bad_records_stop_the_job(cluster, tmp_path, options, code):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source=options))
    cluster.produce(topic, [*clicks(0, 20), b"oops", *clicks(20, 30)])
    done = job.run("--until-caught-up").failed(3, code, "clicks")
    assert "oops" not in done.err
    assert job.rows() == [] and job.dead_letters() == []
    # The user's choice changed, the job goes on.
    job.write(cluster.job(topic))
    job.catch_up()
    assert_same(job.rows(), rows(0, 30))
    assert len(job.dead_letters()) == 1


def test_bad_records_can_be_skipped(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source={"badRecords": "skip"}))
    cluster.produce(topic, [b"oops", *clicks(0, 10), b"{"])
    job.catch_up()
    assert_same(job.rows(), rows(0, 10))
    assert job.dead_letters() == [] and job.counts()["skipped"] == 2


def test_group_offsets_follow_the_commits(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, source={"kafka.group.id": "lag-tool"}))
    cluster.produce(topic, clicks(0, 100))
    job.catch_up()
    consumer = Consumer({"bootstrap.servers": cluster.broker.bootstrap, "group.id": "lag-tool"})

    def committed():
        found = consumer.committed([TopicPartition(topic, p) for p in (0, 1)], 30)
        return [part.offset for part in found] == [50, 50]
    wait_until(committed, "group offsets")
    consumer.close()
