"""Brokers that go away, logins and certificates, records that are gone, and disks that refuse."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from job_harness import (SALES_SQL, SASL_USERS, Job, as_row, assert_same, click, count_rows,
                         data_files, sales, wait_until)


def clicks(first, last, **changes):
    return [click(i, **changes) for i in range(first, last)]


def rows(first, last, **changes):
    return [as_row(event) for event in clicks(first, last, **changes)]


# The broker.


def test_the_broker_comes_late_and_goes_away(cluster, tmp_path):
    """Down at the start, stopped in the middle, frozen: the jobs go on by themselves."""
    topic = cluster.topic(2)
    job = Job(tmp_path / "a", cluster.job(topic))
    late = Job(tmp_path / "b", cluster.job(topic))
    cluster.produce(topic, clicks(0, 100))
    with job.start() as running:
        job.wait_rows(100, running=running)
        cluster.broker.stop()
        with late.start() as waiting:
            waiting.wait_log(r"kafka\.unreachable.*bootstrap\.servers")
            cluster.broker.start()
            cluster.produce(topic, clicks(100, 200))
            job.wait_rows(200, running=running, timeout=60)
            late.wait_rows(200, running=waiting, timeout=60)
            cluster.broker.pause()
            time.sleep(3)  # The fault itself: several windows without an answer.
            cluster.broker.resume()
            cluster.produce(topic, clicks(200, 300))
            job.wait_rows(300, running=running, timeout=60)
            late.wait_rows(300, running=waiting, timeout=60)
            waiting.stop().ok()
        running.stop().ok()
    for one in (job, late):
        assert_same(one.rows(), rows(0, 300))


def test_a_broker_that_dies_loses_nothing(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, window="300 ms"))
    with job.start() as running:
        cluster.produce(topic, clicks(0, 100))
        job.wait_rows(100, running=running)
        cluster.broker.kill()
        cluster.broker.start()
        cluster.produce(topic, clicks(100, 200))
        job.wait_rows(200, running=running, timeout=60)
        running.stop().ok()
    assert_same(job.rows(), rows(0, 200))


def test_an_unknown_topic_is_waited_for(cluster, tmp_path):
    job = Job(tmp_path, cluster.job("comes-later"))
    with job.start() as running:
        running.wait_log(r"kafka\.unknown_topic.*comes-later.*again_in=")
        cluster.topic(1, name="comes-later")
        cluster.produce("comes-later", clicks(0, 10))
        job.wait_rows(10, running=running)
        running.stop().ok()
    assert_same(job.rows(), rows(0, 10))


# Logins and certificates.


def login(cluster, listener, mechanism, user="alice", password=None):
    options = {"listener": listener}
    if mechanism:
        options |= {"sasl.mechanism": mechanism, "sasl.username": user,
                    "sasl.password": password or SASL_USERS[user]}
    if listener.endswith("SSL"):
        options["ssl.ca.location"] = str(cluster.broker.folder / "ca.pem")
    return options


@pytest.mark.parametrize("listener, mechanism", [
    ("SSL", None), ("SASL_SSL", "SCRAM-SHA-512"), ("SASL_SSL", "PLAIN"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-256")])
def test_logs_in_by_plain_options(cluster, tmp_path, listener, mechanism):
    topic = cluster.topic()
    cluster.produce(topic, clicks(0, 20))
    job = Job(tmp_path, cluster.job(topic, source=login(cluster, listener, mechanism)))
    job.catch_up()
    assert_same(job.rows(), rows(0, 20))


def test_a_wrong_password_stops_the_job(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, source=login(
        cluster, "SASL_SSL", "SCRAM-SHA-512", password="canary-wrong")))
    done = job.run().failed(2, r"\[kafka\.auth\]", "sasl.password")
    assert "canary-wrong" not in done.err


def test_a_wrong_certificate_authority_stops_the_job(cluster, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=another CA", "-keyout", "other.key", "-out", "other.pem"], cwd=tmp_path,
                   check=True, capture_output=True)
    topic = cluster.topic()
    options = login(cluster, "SSL", None) | {"ssl.ca.location": str(tmp_path / "other.pem")}
    Job(tmp_path, cluster.job(topic, source=options)).run().failed(
        2, r"\[kafka\.tls\]", r"ssl\.ca\.location")


# Records that are gone.


def test_records_deleted_before_they_were_read(cluster, tmp_path):
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 20), partition=0)
    cluster.produce(topic, clicks(20, 40), partition=1)
    job.catch_up()
    cluster.produce(topic, clicks(40, 60), partition=1)
    cluster.broker.delete_records(topic, {1: 33})
    job.run("--until-caught-up").failed(1, r"\[kafka\.data_loss\]", f"{topic}/1", "20 to 32")
    assert_same(job.rows(), rows(0, 40))
    job.write(cluster.job(topic, source={"failOnDataLoss": "false"}))
    with job.start(metrics=True) as running:
        job.wait_rows(47, running=running)
        assert running.metric("sluice_kafka_lost_records_total", topic=topic, partition="1") == 13
        running.stop().ok().failed(0, "records=13")
    assert_same(job.rows(), rows(0, 40) + rows(53, 60))


@pytest.mark.parametrize("fresh_records", [5, 20, 40])
def test_a_topic_made_anew_is_noticed(cluster, tmp_path, fresh_records):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 20))
    job.catch_up()
    cluster.broker.delete_topic(topic)
    cluster.topic(name=topic)
    cluster.produce(topic, clicks(100, 100 + fresh_records))
    job.run("--until-caught-up").failed(1, r"\[kafka\.topic_recreated\]", topic)
    assert_same(job.rows(), rows(0, 20))
    job.write(cluster.job(topic, source={"failOnDataLoss": "false"}))
    job.catch_up()
    assert_same(job.rows(), rows(0, 20) + rows(100, 100 + fresh_records))


def test_a_deleted_topic_stops_the_job_or_is_forgotten(cluster, tmp_path):
    for topic in ("gone-a", "gone-b"):
        cluster.topic(name=topic)
    pattern = {"subscribePattern": "gone-[a-z]"}
    job = Job(tmp_path, cluster.job(None, source=pattern))
    cluster.produce("gone-a", clicks(0, 20))
    cluster.produce("gone-b", clicks(20, 30))
    job.catch_up()
    cluster.broker.delete_topic("gone-b")
    job.run("--until-caught-up").failed(1, r"\[kafka\.topic_deleted\]", "gone-b/0 10")
    # Without it, and without saying so again.
    job.write(cluster.job(None, source=pattern | {"failOnDataLoss": "false"}))
    cluster.produce("gone-a", clicks(30, 40))
    job.catch_up().failed(0, "a split was deleted.*split=gone-b/0 read_up_to=10")
    assert "gone-b" not in json.dumps(job.show()["positions"])
    cluster.produce("gone-a", clicks(40, 50))
    assert "deleted" not in job.catch_up().err
    assert_same(job.rows(), rows(0, 50))
    # While it runs the others go on, and one made anew under the same name is read from its start.
    cluster.topic(name="gone-c")
    cluster.produce("gone-c", clicks(50, 60))
    with job.start() as running:
        job.wait_rows(60, running=running)
        cluster.broker.delete_topic("gone-c")
        cluster.produce("gone-a", clicks(60, 70))
        job.wait_rows(70, running=running)
        running.stop().ok()
    job.catch_up().failed(0, "a split was deleted.*gone-c/0")
    cluster.topic(name="gone-c")
    cluster.produce("gone-c", clicks(70, 80))
    job.catch_up()
    assert_same(job.rows(), rows(0, 80))


# Disks.


def test_a_target_that_cannot_be_a_folder(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, clicks(0, 10))
    (tmp_path / "file").write_text("in the way")
    job = Job(tmp_path, cluster.job(topic, sink={"path": "file/lake"}))
    job.run("--until-caught-up").failed(2, re.escape(str(tmp_path / "file")), "lake")
    job.write(cluster.job(topic, checkpointLocation="file/state"))
    job.run("--until-caught-up").failed(2, "file/state: Not a directory")
    job.write(cluster.job(topic))
    job.catch_up()
    assert_same(job.rows(), rows(0, 10))


@contextlib.contextmanager
def small_disk(folder, options):
    """A tmpfs on the folder, where mounting is allowed. Yields a function that changes its options."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: mounting needs root: {mounted.stderr.strip()}")

    def remount(changed):
        subprocess.run(["mount", "-o", f"remount,{changed}", folder], check=True)
    try:
        yield remount
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("what", ["lake", "state"])
def test_a_read_only_disk(cluster, tmp_path, what):
    topic = cluster.topic()
    cluster.produce(topic, clicks(0, 10))
    with small_disk(tmp_path / "disk", "size=8m,ro") as remount:
        changes = ({"sink": {"path": "disk/lake"}} if what == "lake"
                   else {"checkpointLocation": "disk/state"})
        job = Job(tmp_path, cluster.job(topic, **changes))
        job.run("--until-caught-up").failed(2, f"disk/{what}.*: Read-only file system")
        remount("rw")
        job.catch_up()
        assert_same(job.rows(), rows(0, 10))


def long_clicks(first, last):
    return [click(i, ua=os.urandom(1000).hex()) for i in range(first, last)]


def test_a_full_disk_under_the_lake(cluster, tmp_path):
    topic = cluster.topic(2)
    with small_disk(tmp_path / "disk", "size=8m") as remount:
        job = Job(tmp_path, cluster.job(topic, sink={"path": "disk/lake"}))
        events = long_clicks(0, 500)
        cluster.produce(topic, events)
        with job.start() as running:
            job.wait_rows(500, running=running)
            more = long_clicks(500, 8000)
            cluster.produce(topic, more)
            running.wait_log(r"storage\.full.*disk/lake.*No space")
            # Windows that closed before the disk was full are whole; nothing of a later one shows.
            seen = [row["event_id"] for row in job.rows()]
            assert len(seen) == len(set(seen)) and len(seen) < 8000
            # Killed in that state, the next start meets the same and goes on once there is room.
            running.kill()
        with job.start() as running:
            running.wait_log(r"storage\.full.*disk/lake.*No space")
            remount("size=64m")
            job.wait_rows(8000, running=running, timeout=60)
            running.stop().ok()
        assert_same(job.rows(), [as_row(event) for event in events + more])


def test_a_full_disk_under_the_checkpoint(cluster, tmp_path):
    topic = cluster.topic(2)
    with small_disk(tmp_path / "disk", "size=8m"):
        job = Job(tmp_path, cluster.job(topic, window="300 ms", checkpointLocation="disk/state"))
        cluster.produce(topic, clicks(0, 100))
        filler = tmp_path / "disk/filler"

        def fill():
            with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        with job.start() as running:
            job.wait_rows(100, running=running)
            fill()
            cluster.produce(topic, clicks(100, 200))
            running.wait_log(r"storage\.full.*disk/state.*No space")
            assert_same(job.rows(), rows(0, 100))
            running.kill()
        # A start on a full disk cannot prove its checkpoint, says so, and ends.
        with job.start() as running:
            running.end().failed(1, r"disk/state.*No space")
        filler.unlink()
        job.catch_up()
        assert_same(job.rows(), rows(0, 200))


def test_a_commit_that_cannot_happen_can_be_stopped(cluster, tmp_path):
    """A decided epoch waits for its target; two signals end the job, and the next start commits it."""
    topic = cluster.topic()
    cluster.produce(topic, clicks(0, 50))
    with small_disk(tmp_path / "disk", "size=8m") as remount:
        job = Job(tmp_path, cluster.job(topic, sink={"path": "disk/lake"}))
        for point in ("K8", "K15"):  # The epoch's own process, and one that recovers it.
            with job.start("--until-caught-up", failpoints=f"{point}=stop") as running:
                running.wait_stopped()
                # A tmpfs counts a link as an inode: the data is there, its final name is refused.
                usage = os.statvfs(tmp_path / "disk")
                remount(f"nr_inodes={usage.f_files - usage.f_ffree}")
                running.send(signal.SIGCONT)
                running.wait_log(r"does not commit; trying again.*storage\.full.*disk/lake")
                running.send(signal.SIGTERM, signal.SIGINT)
                running.end(15).ok()
            assert job.show()["uncommittedEpoch"] == 1
            remount("nr_inodes=10000")
        job.catch_up()
        assert_same(job.rows(), rows(0, 50))
