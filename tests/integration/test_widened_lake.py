"""A lake whose columns were widened and added to, read as one table by pyarrow, DuckDB and Spark.

Spark is half a gigabyte and comes with `./dev deps spark` only; its test is skipped without it.
"""

import datetime
import math
import os
import pathlib
import subprocess
import sys

import duckdb
import fastavro
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from detected_rows import bare, schemas, whole_schema
from job_harness import ROOT, Job, data_files

DAY = datetime.date(2026, 11, 23)


def avro_schema(number):
    wide = ("int", "long")[number > 0]
    real = ("int", "double")[number > 0]
    day = ({"type": "int", "logicalType": "date"},
           {"type": "long", "logicalType": "local-timestamp-micros"})[number > 0]
    below = [{"name": "a", "type": wide}, {"name": "r", "type": real}]
    fields = [
        {"name": "id", "type": "long"}, {"name": "i", "type": ["null", wide]},
        {"name": "r", "type": real}, {"name": "f", "type": ("float", "double")[number > 0]},
        {"name": "d", "type": day}, {"name": "li", "type": {"type": "array", "items": real}},
        {"name": "m", "type": {"type": "map", "values": wide}}]
    if number > 1:
        below.append({"name": "b", "type": ["null", "string"]})
        below.append({"name": "in", "type": {"type": "record", "name": "In", "fields": [
            {"name": "z", "type": {"type": "array", "items": "long"}}]}})
        fields.append({"name": "fresh", "type": {"type": "array", "items": {
            "type": "record", "name": "Item", "fields": [{"name": "sku", "type": "string"}]}}})
    fields.append({"name": "s", "type": {"type": "record", "name": "S", "fields": below}})
    return {"type": "record", "name": "Row", "fields": fields}


def avro_row(number, i):
    noon = datetime.datetime.combine(DAY, datetime.time(12, 30, 1, 5))
    row = {"id": i, "i": [None, i, -i][i % 3] if number == 0 else 2**40 + i,
           "r": i if number == 0 else i + 0.5, "f": i / 4 if number == 0 else i / 7,
           "d": DAY if number == 0 else noon, "li": [i] * (i % 3) if number == 0 else [i / 8],
           "m": {"k": i} if number == 0 else {"k": 2**35, "l": i},
           "s": {"a": i if number == 0 else 2**33 + i, "r": i if number == 0 else i / 9}}
    if number > 1:
        row["s"] |= {"b": [None, f"b{i}"][i % 2], "in": {"z": [i, 2**50]}}
        row["fresh"] = [{"sku": f"s{i}"}] * (i % 3)
    return row


def as_read(row):
    """A day is the midnight that begins it once the column holds times."""
    midnight = datetime.datetime.combine(DAY, datetime.time())
    return bare(row | {"d": midnight if row["d"] == DAY else row["d"]})


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """(folder, rows by id): three versions of Avro files through one job, each in its epoch."""
    folder = tmp_path_factory.mktemp("widened")
    incoming = folder / "incoming"
    incoming.mkdir()
    job = Job(folder, {
        "name": "widened", "windowSize": "1 second", "checkpointLocation": "state",
        "sources": {"rows": {"type": "files", "path": str(incoming), "wholetext": True,
                             "classification": "avro"}},
        "sinks": {"lake": {"type": "files", "path": "lake"}}})
    rows = {}
    for number in range(3):
        batch = [avro_row(number, number * 1000 + i) for i in range(500)]
        with open(folder / "next", "wb") as out:
            fastavro.writer(out, avro_schema(number), batch)
        (folder / "next").rename(incoming / f"{number}.avro")
        job.catch_up()
        assert job.dead_letters() == []
        rows |= {row["id"]: as_read(row) for row in batch}
    return job.lake(), rows


def same(got, wanted):
    if isinstance(got, float) and isinstance(wanted, (int, float)):
        return got == wanted or math.isclose(got, wanted, rel_tol=1e-15)
    if isinstance(got, dict) and isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[key], wanted[key]) for key in got)
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted


def assert_rows(got, rows):
    got = {row["id"]: bare(row) for row in got}
    assert got.keys() == rows.keys()
    wrong = [(got[i], rows[i]) for i in rows if not same(got[i], rows[i])]
    assert not wrong, f"{len(wrong)} of {len(rows)} differ: got {wrong[0][0]}\nwanted {wrong[0][1]}"


def test_columns_widen_as_far_as_readers_follow(lake):
    folder, _ = lake
    kinds = [{field.name: str(field.type) for field in schema} for schema in schemas(folder)]
    assert len(kinds) == 3
    assert (kinds[0]["i"], kinds[1]["i"]) == ("int32", "int64")
    assert (kinds[0]["r"], kinds[1]["r"]) == ("int32", "double")
    assert (kinds[0]["f"], kinds[1]["f"]) == ("float", "double")
    assert (kinds[0]["d"], kinds[1]["d"]) == ("date32[day]", "timestamp[us]")
    assert "fresh" not in kinds[1] and "fresh" in kinds[2]
    assert set(kinds[2]) == {"id", "i", "r", "f", "d", "li", "m", "s", "fresh", "_rescued"}


def test_pyarrow_reads_a_widened_lake_whole(lake):
    folder, rows = lake
    table = pyarrow.dataset.dataset(str(folder), schema=whole_schema(folder),
                                    format="parquet").to_table()
    assert_rows(table.to_pylist(maps_as_pydicts="strict"), rows)


def test_duckdb_reads_a_widened_lake_whole(lake):
    folder, rows = lake
    files = [str(folder / name) for name in data_files(folder)]
    with duckdb.connect() as connection:
        for order in (files, files[::-1]):
            table = connection.sql("SELECT * FROM read_parquet(?, union_by_name=true)",
                                   params=[order]).to_arrow_table()
            assert_rows(table.to_pylist(maps_as_pydicts="strict"), rows)
        # Statistics of old files must not hide rows from a filter on the wider type.
        [row] = connection.sql("SELECT count(*) FROM read_parquet(?, union_by_name=true) "
                               "WHERE r = 7.0 OR r = 1007.5", params=[files]).fetchall()
        assert row == (2,)


@pytest.fixture(scope="module")
def spark():
    """One session; skips where Spark is not installed."""
    where = subprocess.run([ROOT / "scripts/deps.sh", "--where", "spark"], check=True,
                           capture_output=True, text=True).stdout
    folder = pathlib.Path(where.strip().partition("=")[2])
    if not folder.is_dir():
        pytest.skip("Spark is not installed; ./dev deps spark (0.5 GB)")
    sys.path.append(str(folder))
    os.environ["SPARK_HOME"] = str(folder / "pyspark")
    from pyspark.sql import SparkSession
    session = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", False)
               .config("spark.driver.memory", "1g").config("spark.driver.bindAddress", "127.0.0.1")
               .config("spark.driver.host", "127.0.0.1")
               .config("spark.sql.session.timeZone", "UTC").getOrCreate())
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
    del os.environ["SPARK_HOME"]
    sys.path.remove(str(folder))


def test_spark_reads_a_widened_lake_whole(lake, spark, tmp_path):
    folder, rows = lake
    empty = whole_schema(folder).empty_table()
    pyarrow.parquet.write_table(empty, tmp_path / "schema.parquet")
    schema = spark.read.parquet(str(tmp_path / "schema.parquet")).schema
    frame = spark.read.schema(schema).parquet(str(folder))
    assert_rows([row.asDict(recursive=True) for row in frame.collect()], rows)
    assert frame.filter("r = 7.0 or r = 1007.5").count() == 2
    found = {row["id"] for row in frame.filter("s.a = 7 or i = 1099511628784").collect()}
    assert found >= {7, 1008}
    assert [row["n"] for row in frame.selectExpr("count(s.in.z) as n").collect()] == [500]
    # Reading one column looks at no other.
    assert frame.select("id").count() == len(rows)
