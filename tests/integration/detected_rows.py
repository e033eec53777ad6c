"""Rows whose columns were detected: read them as one table, and account for every value.

A record and the row made of it are compared as sets of leaves: (path, scalar). The leaves of a row
are what its columns hold and what `_rescued` does; both together must be the record's. Nulls, empty
arrays and empty objects are no leaves: nothing distinguishes them from a column that is not there.

    assert_all_values(rows, records)     # rows and records have a unique `id`
"""

import collections
import datetime
import json
import pathlib
import re

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
from job_harness import assert_same, count_rows, data_files, wait_until

RESCUED = "_rescued"
REASON = re.compile(r"(column|convert)\.[a-z_]+")


def schemas(folder):
    """The schema of every file of the lake."""
    found = []
    for name in data_files(folder):
        with pyarrow.parquet.ParquetFile(pathlib.Path(folder) / name) as file:
            found.append(file.schema_arrow.remove_metadata())
    return found


def whole_schema(folder):
    """The newest file's columns, which must be all there are, and the widest of their types.

    pyarrow.unify_schemas would say the same but for dates that became times, which it refuses.
    """
    *older, newest = schemas(folder)
    for schema in older:
        assert set(schema.names) <= set(newest.names), "an older file has columns the newest lacks"
    return newest


def whole_table(folder):
    """All rows of a lake whose files have different columns, by pyarrow."""
    return pyarrow.dataset.dataset(str(folder), schema=whole_schema(folder),
                                   format="parquet").to_table()


def whole_rows(folder):
    """The same as dicts; DuckDB must read the same ones."""
    files = [str(pathlib.Path(folder) / name) for name in data_files(folder)]
    if not files:
        return []
    table = whole_table(folder)
    with duckdb.connect() as connection:
        other = connection.sql("SELECT * FROM read_parquet(?, union_by_name=true)",
                               params=[files]).to_arrow_table()
    rows = table.to_pylist()
    assert_same([bare(row) for row in other.to_pylist()], [bare(row) for row in rows])
    return rows


def wait_count(job, running, count, timeout=60):
    """Returns once the lake has so many rows."""
    def look():
        assert running.process.poll() is None, f"ended:\n{running.err[-4000:]}"
        return count_rows(job.lake()) >= count
    wait_until(look, lambda: f"{count} rows; there are {count_rows(job.lake())}", timeout)


def columns(folder):
    """Name -> type, as text."""
    return {field.name: str(field.type) for field in whole_schema(folder)}


def bare(value):
    """Without what is null or empty, which readers fill in where a file lacks a column."""
    if isinstance(value, dict):
        cleaned = {name: bare(below) for name, below in value.items()}
        return {name: below for name, below in cleaned.items() if below not in (None, {}, [])}
    if isinstance(value, list):
        return [bare(below) for below in value]
    return value


# Paths of `_rescued`: geo.lat, tags[3], ['a.b'].c


STEP = re.compile(r"\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\.?([^.\[\]]+)")


def parse_path(text):
    """The steps: names, and numbers of elements."""
    steps, at = [], 0
    while at < len(text):
        match = STEP.match(text, at)
        assert match, f"{text!r} is no path at {at}"
        number, quoted, plain = match.groups()
        steps.append(int(number) if number is not None else
                     re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
        at = match.end()
    return tuple(steps)


def scalar(value):
    """One form for equal values: 1 is 1.0, and true is neither 1 nor "true"."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (int, float)):
        return ("number", int(value) if value == int(value) else value)
    if isinstance(value, datetime.datetime):
        return ("text", value.isoformat())
    return ("text", value)


def leaves(value, path=()):
    """Counter of (path, scalar)."""
    found = collections.Counter()
    if isinstance(value, dict):
        for name, below in value.items():
            found.update(leaves(below, (*path, name)))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            found.update(leaves(below, (*path, number)))
    elif value is not None:
        found[(path, scalar(value))] += 1
    return found


def row_leaves(row):
    """(leaves in columns, leaves in `_rescued`)."""
    rescued = collections.Counter()
    if row.get(RESCUED) is not None:
        entries = json.loads(row[RESCUED])
        assert entries, "an empty _rescued"
        for entry in entries:
            assert set(entry) == {"path", "value", "reason"}, entry
            assert REASON.fullmatch(entry["reason"]), entry
            rescued.update(leaves(entry["value"], parse_path(entry["path"])))
    return leaves({name: value for name, value in row.items() if name != RESCUED}), rescued


def assert_values(row, record):
    """Every value of the record is in its column, as JSON text if that is a string, or rescued."""
    held, rescued = row_leaves(row)
    wanted = leaves(record)
    got = held + rescued
    if got == wanted:
        return
    missing, extra = wanted - got, got - wanted
    for path, (kind, text) in list(extra):
        try:
            value = json.loads(text) if kind == "text" else text
        except ValueError:
            continue
        # An empty array or object has no leaves, and as text is one.
        if value != text and leaves(value, path) <= missing:
            missing -= leaves(value, path)
            del extra[(path, (kind, text))]
    assert not missing and not extra, (
        f"record {record}\nrow {row}\nlost: {list(missing)}\nforeign: {list(extra)}")


def assert_all_values(rows, records, key="id"):
    """0 rows lost, 0 doubled, 0 values lost. Returns the number of values that were rescued."""
    got = collections.Counter(row[key] for row in rows)
    wanted = collections.Counter(record[key] for record in records)
    assert max(wanted.values(), default=1) == 1, "the test's own records are not unique"
    lost, extra = wanted - got, got - wanted
    assert not lost and not extra, (
        f"{len(records)} rows expected, {len(rows)} found; {len(lost)} lost {list(lost)[:5]}, "
        f"{len(extra)} doubled or foreign {list(extra)[:5]}")
    by_key = {record[key]: record for record in records}
    rescued = 0
    for row in rows:
        assert_values(row, by_key[row[key]])
        rescued += sum(row_leaves(row)[1].values())
    return rescued
