"""Rows of small epochs wait for one another (maxDelay), and are written once whatever happens.

With SLUICE_CARRY_KILLS=all the job is killed at the first, the middle and the last arrival at each
point, else at the middle one.
"""

import json
import os
import re
import signal
import subprocess

import pytest
from job_harness import SLUICE, Job, assert_same, data_files, text_rows, wait_until
from s3_servers import SignedS3

POINTS = {"C1", "C2", "C3", "K4", "K5", "K6", "K7", "K8", "K10", "K12", "K13"}
PER_EPOCH = 20


def text(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def without_nulls(rows):
    """For comparing rows, some of which have a column that others lack."""
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


class CarryJob(Job):
    """Epochs of 20 records each, whose rows go to a partitioned lake and to a plain one."""

    def __init__(self, folder, lake=None, plain=None, **changes):
        sinks = {"lake": {"type": "files", "path": "lake", "format": "json",
                          "partitionKeys": ["city"], "maxDelay": "1 hour"} | (lake or {}),
                 "plain": {"type": "files", "path": "plain", "format": "json"} | (plain or {})}
        super().__init__(folder, {
            "name": "carry", "windowSize": "100 ms", "checkpointLocation": "state",
            "sources": {"visits": {"type": "files", "path": "in", "classification": "json",
                                   "schema": "id bigint, city string",
                                   "maxOffsetsPerTrigger": PER_EPOCH}},
            "sinks": sinks} | changes)
        (self.folder / "in").mkdir()
        self.sent = []

    def add(self, count=100):
        rows = [{"id": i, "city": ("Bonn", "Oslo", None)[i % 3]}
                for i in range(len(self.sent), len(self.sent) + count)]
        (self.folder / "in" / f"{len(self.sent):06d}.json").write_text(text(rows))
        self.sent += rows

    def lake_rows(self, name="lake"):
        """Rows of the partitioned lake: in each partition in the order of the records."""
        rows = []
        for file in data_files(self.folder / name):
            city = re.match("city=([^/]*)/", file).group(1)
            city = None if city == "__HIVE_DEFAULT_PARTITION__" else city
            lines = (self.folder / name / file).read_text().splitlines()
            ids = [json.loads(line)["id"] for line in lines]
            assert ids == sorted(ids), file
            rows += [{"id": i, "city": city} for i in ids]
        return rows

    def check(self):
        assert_same(self.lake_rows(), self.sent)
        assert_same([{"city": None} | row for row in text_rows(self.folder / "plain")], self.sent)

    def carried_files(self):
        return data_files(self.checkpoint / self.show()["checkpointId"] / "carried")


def test_small_epochs_become_one_set_of_files(tmp_path):
    job = CarryJob(tmp_path)
    job.add(200)
    job.catch_up()
    job.check()
    assert job.show()["committedEpoch"] >= 10
    # The sink beside it writes each epoch.
    assert len(data_files(job.lake())) == 3
    assert len(data_files(job.lake("plain"))) >= 10
    assert job.carried_files() == []
    before = data_files(job.lake())
    job.catch_up()
    assert data_files(job.lake()) == before


def test_they_are_written_when_they_fill_a_file(tmp_path):
    job = CarryJob(tmp_path, lake={"targetFileSize": "4 KiB"})
    job.add(2000)
    job.catch_up()
    job.check()
    files = data_files(job.lake())
    assert 6 <= len(files) <= 60, files


def test_they_are_written_when_they_are_due_though_nothing_else_comes(tmp_path):
    job = CarryJob(tmp_path, lake={"maxDelay": "3 seconds"})
    with job.start(metrics=True) as running:
        job.add(100)
        wait_until(lambda: len(text_rows(job.lake("plain"))) == 100, "the rows of the other sink")
        assert data_files(job.lake()) == []
        assert running.metric("sluice_carried_rows", sink="lake") == 100
        shown = subprocess.run([SLUICE, "checkpoint", "show", job.checkpoint], check=True,
                               capture_output=True, text=True, timeout=60)
        assert "100 rows carried over" in shown.stdout
        wait_until(lambda: len(job.lake_rows()) == 100, "the carried rows")
        wait_until(lambda: running.metric("sluice_carried_rows", sink="lake") == 0, "no carried rows")
        running.stop().ok()
    job.check()
    assert job.carried_files() == []


def test_no_row_waits_longer_than_it_may(tmp_path):
    """Where an epoch is as long as that, each is written."""
    job = CarryJob(tmp_path, windowSize="1 second", lake={"maxDelay": "900 ms"})
    with job.start() as running:
        job.add(60)
        wait_until(lambda: len(job.lake_rows()) == 60, "the rows")
        running.stop().ok()
    job.check()
    assert all(decision["sinks"][0]["carriedRows"] == 0 for decision in job.show()["decisions"])


def test_a_stop_writes_them(tmp_path):
    job = CarryJob(tmp_path)
    with job.start() as running:
        job.add(100)
        wait_until(lambda: len(text_rows(job.lake("plain"))) == 100, "the rows of the other sink")
        assert data_files(job.lake()) == []
        running.stop().ok()
    job.check()
    assert len(data_files(job.lake())) == 3


def test_many_small_artefacts_become_few(tmp_path):
    job = CarryJob(tmp_path)
    with job.start() as running:
        job.add(90 * PER_EPOCH)
        wait_until(lambda: len(text_rows(job.lake("plain"))) == 90 * PER_EPOCH, "the rows", 60)
        last = job.show()["decisions"][-1]["sinks"][0]
        assert last["carriedRows"] == 90 * PER_EPOCH
        assert 0 < last["carriedArtefacts"] < 64
        running.stop().ok()
    job.check()
    assert job.carried_files() == []


def test_new_columns_leave_nothing_behind(tmp_path):
    """What was carried is written with the columns it was read with, by itself."""
    job = CarryJob(tmp_path, lake={"partitionKeys": []})
    source = job.definition["sources"]["visits"]
    del source["schema"]
    job.write(job.definition)
    with job.start() as running:
        job.add(60)
        wait_until(lambda: len(text_rows(job.lake("plain"))) == 60, "the rows")
        assert data_files(job.lake()) == []
        (job.folder / "in" / "b.json").write_text(
            text({"id": 1000 + i, "city": "Rome", "price": i / 2} for i in range(20)))
        wait_until(lambda: len(text_rows(job.lake("plain"))) == 80, "the rows with a new column")
        assert_same(without_nulls(text_rows(job.lake())), without_nulls(job.sent))
        running.stop().ok()
    assert_same(without_nulls(text_rows(job.lake())), without_nulls(job.sent) +
                [{"id": 1000 + i, "city": "Rome", "price": i / 2} for i in range(20)])
    assert len(data_files(job.lake())) == 2


def crash_with_carried_rows(job):
    """Leaves a checkpoint whose newest decision is committed and carries 60 rows."""
    job.add(60)
    job.run("--until-caught-up", failpoints="K18=kill")
    carried = job.show()["decisions"][-1]["sinks"][0]["carriedRows"]
    assert 0 < carried <= 60
    assert data_files(job.lake()) == []
    return carried


def test_a_changed_job_applies_only_afterwards(tmp_path):
    job = CarryJob(tmp_path)
    carried = crash_with_carried_rows(job)
    definition = json.loads(json.dumps(job.definition))
    definition["sinks"]["lake"] |= {"path": "other", "format": "csv", "partitionKeys": []}
    job.write(definition)
    job.catch_up()
    old = job.lake_rows("lake")
    assert_same(old, job.sent[:carried])
    assert len(data_files(tmp_path / "other")) == (1 if carried < 60 else 0)


def test_a_sink_that_is_given_up_gets_its_rows_first(tmp_path):
    job = CarryJob(tmp_path)
    carried = crash_with_carried_rows(job)
    definition = json.loads(json.dumps(job.definition))
    del definition["sinks"]["lake"]
    job.write(definition)
    job.run("--until-caught-up").failed(2, "removed_sink")
    job.run("--until-caught-up", "--drop", "lake").ok()
    assert_same(job.lake_rows("lake"), job.sent[:carried])


def test_rows_that_cannot_be_written_for_a_given_up_sink_are_counted(tmp_path):
    job = CarryJob(tmp_path)
    carried = crash_with_carried_rows(job)
    folder = job.checkpoint / job.show()["checkpointId"] / "carried/lake"
    file = next(folder.iterdir())
    file.write_bytes(file.read_bytes()[:-9])
    job.run("--until-caught-up").failed(1, "checkpoint.damaged", file.name)
    definition = json.loads(json.dumps(job.definition))
    del definition["sinks"]["lake"]
    job.write(definition)
    done = job.run("--until-caught-up", "--drop", "lake").ok()
    assert re.search(f"abandoned.* rows={carried}", done.err), done.err


def test_rows_that_the_sink_refuses_become_dead_letters(tmp_path):
    job = CarryJob(tmp_path)
    rows = [{"id": i, "city": "x" * 400 if i == 7 else "Bonn"} for i in range(60)]
    (tmp_path / "in" / "a.json").write_text(text(rows))
    job.run("--until-caught-up", failpoints="K18=kill")
    job.catch_up()
    letters = job.dead_letters()
    assert [(letter["step"], letter["code"]) for letter in letters] == [
        ("lake", "files.partition_value")]
    assert json.loads(letters[0]["bytes"])["id"] == 7
    assert len(job.lake_rows()) == 59


def arrivals(ended):
    return {name: int(count)
            for name, count in re.findall(r"failpoint (\S+): (\d+) arrivals", ended.err)}


def places_to_kill(folder, make):
    """Point -> arrivals, of a life that goes on after one that left carried rows behind."""
    job = make(folder)
    job.add(60)
    job.run("--until-caught-up", failpoints="K18=kill")
    job.add(60)
    found = arrivals(job.run("--until-caught-up", failpoints="*=count").ok())
    assert POINTS <= found.keys(), found
    return {point: found[point] for point in POINTS}


def kill_everywhere(folder, make, check):
    for point, count in sorted(places_to_kill(folder / "count", make).items()):
        whole = os.environ.get("SLUICE_CARRY_KILLS") == "all"
        for place in sorted({1, (count + 1) // 2, count}) if whole else [(count + 1) // 2]:
            job = make(folder / f"{point}-{place}")
            job.add(60)
            job.run("--until-caught-up", failpoints="K18=kill")
            job.add(60)
            job.run("--until-caught-up", failpoints=f"{point}:{place}=kill")
            # Its recovery is killed as well.
            job.run("--until-caught-up", failpoints=f"{point}=kill")
            job.catch_up()
            check(job)


def test_killed_at_every_point(tmp_path):
    def check(job):
        job.check()
        before = data_files(job.lake())
        job.catch_up()
        assert data_files(job.lake()) == before
    kill_everywhere(tmp_path, CarryJob, check)


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("s3")) as server:
        yield server


def test_carried_on_s3(tmp_path, signed, monkeypatch):
    for name, value in signed.environment.items():
        monkeypatch.setenv(name, value)
    job = CarryJob(tmp_path, storage={"endpoint": signed.url},
                   lake={"partitionKeys": []},
                   checkpointLocation=f"s3://{signed.bucket}/carry/state")
    job.add(60)
    job.run("--until-caught-up", failpoints="K18=kill")
    carried = [key for key in signed.keys("carry/") if "/carried/lake/" in key]
    assert carried and data_files(job.lake()) == []
    job.add(60)
    job.catch_up()
    assert_same(text_rows(job.lake()), job.sent)
    assert len(data_files(job.lake())) == 2


def test_a_zombie_and_rows_carried_for_long(tmp_path):
    """The old process stops within its collection; a newer one carries on for many epochs; woken,
    the old one removes nothing of it."""
    job = CarryJob(tmp_path, leaseTimeout="1 second", minEpochsToRetain=2)
    crash_with_carried_rows(job)
    with job.start(failpoints="K14=stop") as zombie:
        zombie.wait_stopped()
        with job.start() as running:
            job.add(400)
            wait_until(lambda: len(text_rows(job.lake("plain"))) == 460, "the rows")
            zombie.send(signal.SIGCONT)
            assert zombie.end().code == 4
            assert job.show()["decisions"][-1]["sinks"][0]["carriedRows"] > 0
            running.send(signal.SIGKILL)
    job.catch_up()
    job.check()
