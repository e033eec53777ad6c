"""One writer per checkpoint, damaged and foreign checkpoints, and jobs changed on an old one."""

import json
import pathlib
import shutil
import signal

import pytest
from job_harness import (SALES_SQL, Job, as_row, assert_same, click, data_files, sales,
                         wait_until)


# The first file of the suite: that job's minute passes while the others run.
pytestmark = pytest.mark.usefixtures("one_minute_job")


def clicks(first, last):
    return [click(i) for i in range(first, last)]


def rows(first, last):
    return [as_row(event) for event in clicks(first, last)]


# Two processes.


def test_a_second_copy_is_refused(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    with job.start() as first:
        cluster.produce(topic, clicks(0, 20))
        job.wait_rows(20, running=first)
        job.run().failed(4, r"\[checkpoint\.superseded\]", "state")
        cluster.produce(topic, clicks(20, 40))
        job.wait_rows(40, running=first)
        first.stop().ok()
    assert_same(job.rows(), rows(0, 40))


@pytest.mark.parametrize("point", [None, "K1", "K4", "K6", "K8", "F4", "K10", "K12", "K13"])
def test_a_stopped_writer_is_succeeded_and_gives_way(cluster, tmp_path, point):
    """Stopped (anywhere, or at a point), taken over after the lease, continued: exits 4, rows exact."""
    topic = cluster.topic(2)
    job = Job(tmp_path, cluster.job(topic, leaseTimeout="1 second", window="300 ms"))
    job.catch_up()  # The start slot, so that the point is met by an epoch.
    with job.start(failpoints=f"{point}=stop" if point else "") as first:
        if point:
            cluster.produce(topic, clicks(0, 100))
        else:
            first.wait_log("job starts")
            first.send(signal.SIGSTOP)
            cluster.produce(topic, clicks(0, 100))
        first.wait_stopped()
        with job.start() as second:
            job.wait_rows(100, running=second)
            cluster.produce(topic, clicks(100, 200))
            job.wait_rows(200, running=second)
            first.send(signal.SIGCONT)
            first.end().failed(4, r"\[checkpoint\.superseded\]")
            cluster.produce(topic, clicks(200, 300))
            job.wait_rows(300, running=second)
            second.stop().ok()
    assert_same(job.rows(), rows(0, 300))
    job.catch_up()
    assert_same(job.rows(), rows(0, 300))


def test_a_checkpoint_deleted_under_a_stopped_writer(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, leaseTimeout="1 second", window="300 ms"))
    cluster.produce(topic, clicks(0, 20))
    job.catch_up()
    with job.start() as first:
        first.wait_log("job starts")
        first.send(signal.SIGSTOP)
        first.wait_stopped()
        shutil.rmtree(job.checkpoint)
        job.catch_up()
        cluster.produce(topic, clicks(20, 40))
        first.send(signal.SIGCONT)
        first.end().failed(4)
        job.catch_up()
    # Reprocessed once, as asked for; and nothing by the process whose checkpoint went away.
    assert_same(job.rows(), rows(0, 20) * 2 + rows(20, 40))


# Damage.


def slots(job):
    return sorted(job.checkpoint.glob("*/slot-*"))


@pytest.mark.parametrize("which", ["start", "first", "newest"])
@pytest.mark.parametrize("how", ["flip", "cut", "empty"])
def test_a_damaged_slot_is_refused_by_name(cluster, tmp_path, which, how):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    for first in range(0, 60, 20):
        cluster.produce(topic, clicks(first, first + 20))
        job.catch_up()
    victim = {"start": job.checkpoint / "start", "first": slots(job)[0], "newest": slots(job)[-1]}[which]
    good = victim.read_bytes()
    bad = {"flip": good[:-9] + bytes([good[-9] ^ 1]) + good[-8:], "cut": good[:-5], "empty": b""}[how]
    victim.write_bytes(bad)
    before = data_files(job.lake())
    name = str(victim.relative_to(job.checkpoint))
    done = job.run("--until-caught-up")
    assert done.code in (1, 2) and name in done.err and "checkpoint." in done.err, done.err
    assert data_files(job.lake()) == before
    victim.write_bytes(good)
    cluster.produce(topic, clicks(60, 80))
    job.catch_up()
    assert_same(job.rows(), rows(0, 80))


def test_a_missing_slot_is_not_guessed_around(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    for first in range(0, 60, 20):
        cluster.produce(topic, clicks(first, first + 20))
        job.catch_up()
    # All that is left is the newest, which names no position.
    for slot in slots(job)[:-1]:
        slot.unlink()
    done = job.run("--until-caught-up")
    assert done.code in (1, 2) and "checkpoint." in done.err
    assert_same(job.rows(), rows(0, 60))


def test_foreign_checkpoints_are_refused(cluster, tmp_path):
    topic = cluster.topic()
    cluster.produce(topic, clicks(0, 20))
    other = cluster.job(topic)
    other["sources"] = {"orders": other["sources"]["clicks"]}
    Job(tmp_path, other).catch_up()
    job = Job(tmp_path, cluster.job(topic))
    job.run("--until-caught-up").failed(2, r"\[checkpoint\.removed_source\]", "'orders'")
    (tmp_path / "state/start").write_bytes(b"v1\n{\"batchWatermarkMs\":0}\n")
    done = job.run("--until-caught-up")
    assert done.code in (1, 2) and "start" in done.err and "checkpoint." in done.err


# Changed jobs.


def test_changed_sql_and_window_take_effect_at_the_next_epoch(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic, "SELECT event_id, 1 AS v FROM clicks"))
    cluster.produce(topic, clicks(0, 20))
    job.catch_up()
    # Killed between decision and commit: the epoch is committed as it was decided.
    cluster.produce(topic, clicks(20, 40))
    assert job.run("--until-caught-up", failpoints="K8=kill").code == -9
    job.write(cluster.job(topic, "SELECT event_id, 2 AS v FROM clicks", window="3 seconds"))
    cluster.produce(topic, clicks(40, 60))
    job.catch_up()
    assert_same(job.rows(), [{"event_id": click(i)["event_id"], "v": 1 if i < 40 else 2}
                             for i in range(60)])


def test_a_new_sink_starts_with_the_next_epoch(cluster, tmp_path):
    topic = cluster.topic()
    definition = cluster.job(topic)
    job = Job(tmp_path, definition)
    cluster.produce(topic, clicks(0, 20))
    job.catch_up()
    definition["sinks"]["second"] = {"type": "files", "path": "second"}
    job.write(definition)
    cluster.produce(topic, clicks(20, 40))
    job.catch_up()
    assert_same(job.rows(), rows(0, 40))
    assert_same(job.rows("second"), rows(20, 40))


def test_a_removed_sink_or_source_needs_drop(cluster, tmp_path):
    one, two = cluster.topic(), cluster.topic()
    full = cluster.job(one)
    full["sources"]["others"] = cluster.source(two)
    full["sinks"]["lake"]["from"] = "clicks"
    full["sinks"]["second"] = {"type": "files", "path": "second", "from": "others"}
    job = Job(tmp_path, full)
    cluster.produce(one, clicks(0, 20))
    cluster.produce(two, clicks(100, 120))
    job.catch_up()
    # A decided epoch is committed first, into the sink that is about to go.
    cluster.produce(one, clicks(20, 40))
    cluster.produce(two, clicks(120, 140))
    assert job.run("--until-caught-up", failpoints="K8=kill").code == -9
    job.write(cluster.job(one))
    job.run("--until-caught-up").failed(2, r"\[checkpoint\.removed_source\]", "'others'", "--drop others")
    job.run("--until-caught-up", "--drop", "others").failed(
        2, r"\[checkpoint\.removed_sink\]", "'second'", "--drop second")
    cluster.produce(one, clicks(40, 60))
    job.catch_up("--drop", "others", "--drop", "second")
    assert_same(job.rows(), rows(0, 60))
    job.write(full)
    assert_same(job.rows("second"), rows(100, 140))
    job.write(cluster.job(one))
    job.catch_up()  # It is forgotten: no need to say so again.


def test_a_removed_topic_needs_drop(cluster, tmp_path):
    one, two, three = cluster.topic(), cluster.topic(2), cluster.topic()
    job = Job(tmp_path, cluster.job(f"{one},{two}"))
    cluster.produce(one, clicks(0, 20))
    cluster.produce(two, clicks(20, 40))
    job.catch_up()
    cluster.produce(one, clicks(40, 50))
    cluster.produce(two, clicks(100, 110))
    job.write(cluster.job(one))
    job.run("--until-caught-up").failed(
        2, r"\[checkpoint\.removed_split\]", f"{two}/0 .read up to 10", f"--drop clicks/{two}")
    job.catch_up("--drop", f"clicks/{two}")
    job.catch_up()  # It is forgotten.
    assert_same(job.rows(), rows(0, 50))
    # With another topic altogether startingOffsets counts again.
    cluster.produce(three, clicks(50, 60))
    job.write(cluster.job(three, source={"startingOffsets": "latest"}))
    job.run("--until-caught-up").failed(2, f"--drop clicks/{one}")
    job.catch_up("--drop", f"clicks/{one}")
    cluster.produce(three, clicks(60, 70))
    job.catch_up("--drop", f"clicks/{one}")
    assert_same(job.rows(), rows(0, 50) + rows(60, 70))


def test_a_changed_path_commits_the_old_epoch_to_the_old_place(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(topic))
    cluster.produce(topic, clicks(0, 20))
    assert job.run("--until-caught-up", failpoints="K8=kill").code == -9
    job.write(cluster.job(topic, sink={"path": "elsewhere", "partitionKeys": ["city"]}))
    cluster.produce(topic, clicks(20, 40))
    job.catch_up()
    assert_same(job.rows(), rows(20, 40))
    job.write(cluster.job(topic))
    assert_same(job.rows(), rows(0, 20))
