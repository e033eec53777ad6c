"""Many keys, types that flip, two versions side by side: bounded, settled, and nothing lost.

SLUICE_DETECTION_RECORDS=10000000 takes as many records of two interleaved versions instead of a
million. CPU per record is printed, not asserted.
"""

import json
import os
import pathlib
import threading
import time

import duckdb
import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pytest
from detected_rows import assert_all_values, columns, whole_rows, whole_schema
from job_harness import Job, data_files

RECORDS = int(os.environ.get("SLUICE_DETECTION_RECORDS", 1_000_000))
CHANGED = "the records show other columns; the next epoch has them"


class Measured:
    """Peak memory and CPU seconds of a process, looked at until it ends."""

    def __init__(self, running):
        self.peak = self.cpu = 0
        self._pid = running.process.pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _look(self):
        proc = pathlib.Path(f"/proc/{self._pid}")
        while not self._ended.wait(0.02):
            try:
                for line in (proc / "status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        self.peak = max(self.peak, int(line.split()[1]) * 1024)
                fields = (proc / "stat").read_text().rpartition(")")[2].split()
                ticks = int(fields[11]) + int(fields[12])
                self.cpu = max(self.cpu, ticks / os.sysconf("SC_CLK_TCK"))
            except (OSError, IndexError):
                return


def measured_catch_up(job, timeout=300):
    began = time.monotonic()
    with job.start("--until-caught-up") as running, Measured(running) as used:
        done = running.end(timeout).ok()
    print(f"{time.monotonic() - began:.1f} s, {used.cpu:.1f} CPU s, peak {used.peak >> 20} MB, "
          f"{done.err.count(CHANGED)} changes, {len(data_files(job.lake()))} files")
    return done, used


def detected(cluster, topic, window="1 hour", **more):
    return cluster.job(topic, window=window, source={"schema": None}, **more)


def nested_columns(kind):
    """Columns of a struct's fields, nested ones included."""
    total = 0
    for field in kind:
        total += 1
        below = field.type
        while hasattr(below, "value_type"):
            below = below.value_type
        total += nested_columns(below) if getattr(below, "num_fields", 0) else 0
    return total


@pytest.mark.parametrize("form", ["at the top", "in a struct", "beside known columns"])
def test_a_key_of_its_own_in_every_record(cluster, tmp_path, form):
    count = 100_000
    topic = cluster.topic(2)
    keys = [{"id": i, "data": {f"key_{i}": i}} if form == "in a struct"
            else {"id": i, f"key_{i}": {"n": i}} for i in range(count)]
    job = Job(tmp_path, detected(cluster, topic))
    known = 0
    if form == "beside known columns":
        known = 100
        cluster.produce(topic, [{"id": -1 - i, "value": i} for i in range(known)])
        job.catch_up()
    cluster.produce(topic, keys)
    done, used = measured_catch_up(job)
    assert done.err.count(CHANGED) <= 10
    assert nested_columns(whole_schema(job.lake())) <= 1_001, "with _rescued"
    assert len(data_files(job.lake())) <= 2 * 12
    records = [{"id": -1 - i, "value": i} for i in range(known)] + keys
    assert_all_values(slim_rows(job.lake()), records)
    assert used.peak < 1 << 30, f"peak {used.peak >> 20} MB; the job's memory is 1 GiB"


def slim_rows(folder):
    """As whole_rows, of tables with a thousand columns, nearly all null: column by column."""
    rows = []
    for name in data_files(folder):
        table = pyarrow.parquet.read_table(folder / name)
        part = [{} for _ in range(len(table))]
        for field, column in zip(table.schema, table.combine_chunks().columns):
            fill(part, (field.name,), column.chunk(0) if column.num_chunks else None)
        rows += part
    return rows


def fill(rows, path, column):
    """Puts what is not null into the rows."""
    if column is None or column.null_count == len(column):
        return
    if pyarrow.types.is_struct(column.type):
        for field, below in zip(column.type, column.flatten()):
            fill(rows, (*path, field.name), below)
        return
    places = pyarrow.compute.indices_nonzero(column.is_valid())
    for place, value in zip(places.to_pylist(), column.take(places).to_pylist()):
        at = rows[place]
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = value


def test_two_versions_record_by_record_cost_one_change(cluster, tmp_path):
    """One more set of files than one version, and what both say is in columns."""
    one, two = cluster.topic(2), cluster.topic(2)
    old = {"id": 0, "user": 1, "event": "view", "price": 1.5, "geo": {"lat": 1.25}}

    def records(versions):
        for i in range(RECORDS):
            if i % 2 == 0 or versions == 1:
                yield b'{"id":%d,"user":%d,"event":"view","price":1.5,"geo":{"lat":1.25}}' % (
                    i, i % 1000)
            else:
                yield (b'{"id":%d,"user":%d,"event":"view","price":1.5,"geo":{"lat":1.25,"lon":%d},'
                       b'"session":"s%d"}' % (i, i % 1000, i, i % 1000))
    used = {}
    for versions, topic in ((1, one), (2, two)):
        job = Job(tmp_path / str(versions), detected(cluster, topic))
        # What the first records are is all that is known at first.
        cluster.produce(topic, [json.dumps(old | {"id": -1}).encode()])
        job.catch_up()
        cluster.produce(topic, records(versions))
        done, used[versions] = measured_catch_up(job)
        assert "lag=0" in done.err and job.dead_letters() == []
        assert done.err.count(CHANGED) == versions - 1
        used[versions].files = len(data_files(job.lake()))
        used[versions].epochs = len(job.show()["decisions"])
        found = columns(job.lake())
        with duckdb.connect() as connection:
            sql = f"FROM read_parquet('{job.lake()}/*.parquet', union_by_name=true) WHERE id >= 0"
            [row] = connection.sql(f"SELECT count(*), count(DISTINCT id), max(id), "
                                   f"count(_rescued), sum(\"user\"), sum(price), sum(geo.lat) {sql}"
                                   ).fetchall()
            users = sum(i % 1000 for i in range(RECORDS))
            assert row == (RECORDS, RECORDS, RECORDS - 1, 0, users, 1.5 * RECORDS, 1.25 * RECORDS)
            if versions == 2:
                assert found["session"] == "string"
                [row] = connection.sql(
                    f"SELECT count(*), sum(geo.lon = id), sum(session = 's' || (id % 1000)), "
                    f"count(session) {sql} AND id % 2 = 1").fetchall()
                assert row == (RECORDS // 2,) * 4
                [row] = connection.sql(f"SELECT count(geo.lon), count(session) {sql} AND id % 2 = 0"
                                       ).fetchall()
                assert row == (0, 0)
    for versions, of in used.items():
        print(f"{versions} version(s): {of.cpu / RECORDS * 1e6:.2f} CPU us a record, "
              f"{of.files} files, {of.epochs} epochs")
    assert used[2].epochs <= used[1].epochs + 1
    assert used[2].files <= used[1].files + 2, "one set more: a file of each partition"


def test_two_versions_while_the_job_runs_add_one_set_of_files(cluster, tmp_path):
    topic = cluster.topic(1)
    job = Job(tmp_path, detected(cluster, topic, window="10 minutes"))
    sent = [{"id": i, "a": i} for i in range(100)]
    cluster.produce(topic, sent)
    with job.start(metrics=True) as running:
        running.wait_read(100)
        more = [{"id": i, "a": i} | ({"b": i} if i % 2 else {}) for i in range(100, 5000)]
        cluster.produce(topic, more)
        running.wait_read(5000)
        done = running.stop().ok()
    assert done.err.count(CHANGED) == 1
    assert len(data_files(job.lake())) == 2
    assert_all_values(whole_rows(job.lake()), sent + more)
