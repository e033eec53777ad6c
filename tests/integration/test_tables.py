"""Joins of a stream with tables on disk and in a real PostgreSQL database."""

import datetime
import decimal
import json
import re
import subprocess

import pyarrow
import pyarrow.parquet
import pytest
from job_harness import SLUICE, Job, assert_same, count_rows, wait_until
from postgresql_server import PASSWORD, Postgresql

JOIN = "SELECT c.user_id, c.price, u.name FROM clicks c JOIN users u ON c.user_id = u.id"


@pytest.fixture(scope="module")
def database():
    with Postgresql() as server:
        yield server


@pytest.fixture(autouse=True)
def no_secret_is_told(capfd, tmp_path):
    """Nothing that a job writes, logs or remembers holds the password."""
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def define(cluster, topic, tables, sql=JOIN, **more):
    """A job whose clicks are detected unless more says otherwise."""
    source = {"schema": None} | more.pop("source", {})
    return cluster.job(topic, sql, source=source, tables=tables, **more)


def clicks(ids):
    return [{"user_id": i, "price": i + 0.5} for i in ids]


def joined(ids, names):
    return [{"user_id": i, "price": i + 0.5, "name": names[i]} for i in ids if i in names]


def users(database, name, rows):
    database.run(f"CREATE TABLE {name} (id int, name text)")
    add_users(database, name, rows)


def add_users(database, name, rows):
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {name} VALUES (%s, %s)", list(rows.items()))
    connection.close()


def check(job, environment):
    done = subprocess.run([SLUICE, "check", job.file.name], cwd=job.folder, capture_output=True,
                          text=True, timeout=60, env={"PATH": "/usr/bin:/bin"} | environment)
    assert PASSWORD not in done.stdout + done.stderr
    return done


# Joins, and tables that change.


@pytest.mark.parametrize("source", [{}, {"schema": "user_id bigint, price double"}],
                         ids=["detected", "declared"])
def test_a_database_is_joined_and_seen_afresh_by_each_epoch(cluster, database, tmp_path, source):
    name = f"users_{'declared' if source else 'detected'}"
    known = {i: f"user {i}" for i in range(0, 5000, 2)}
    users(database, name, known)
    database.run(f"INSERT INTO {name} VALUES (NULL, 'nobody')")
    topic = cluster.topic(2)
    job = Job(tmp_path, define(cluster, topic, {"users": database.table(name)}, source=source))
    cluster.produce(topic, clicks(range(1000)) + [{"user_id": None, "price": 1.0}])
    job.catch_up(env=database.environment)
    expected = joined(range(1000), known)
    assert_same(job.rows(), expected)
    # Without a restart: what is added to the table is met by the epochs behind it.
    with job.start(env=database.environment, metrics=True) as running:
        running.wait_log("reading starts")
        for first in (1000, 2000):
            new = {i: f"new {i}" for i in range(first + 1, first + 100, 2)}
            add_users(database, name, new)
            known |= new
            cluster.produce(topic, clicks(range(first, first + 100)))
            expected += joined(range(first, first + 100), known)
            job.wait_rows(len(expected), running=running)
        # 2,501 rows were there, then 50 more, then 50 more; an epoch may have been cut in two.
        assert running.metric("sluice_table_rows_total", table="users") >= 2551 + 2601
        done = running.stop().ok()
    assert_same(job.rows(), expected)
    assert re.search(r"a table is read for each epoch table=users type=postgresql "
                     r"at=\"?postgresql://127.0.0.1:\d+/postgres, public.users", done.err), done.err
    assert PASSWORD not in done.err


def test_left_join_and_a_table_that_is_scanned_twice(cluster, database, tmp_path):
    users(database, "people", {1: "Ada", 2: "Eve"})
    topic = cluster.topic()
    sql = ("SELECT c.a, c.b, x.name AS left_name, y.name AS right_name FROM clicks c "
           "LEFT JOIN people x ON c.a = x.id LEFT JOIN people y ON c.b = y.id")
    job = Job(tmp_path, define(cluster, topic, {"people": database.table("people")}, sql))
    cluster.produce(topic, [{"a": 1, "b": 2}, {"a": 2, "b": 3}, {"a": None, "b": 1}])
    job.catch_up(env=database.environment)
    assert_same(job.rows(), [
        {"a": 1, "b": 2, "left_name": "Ada", "right_name": "Eve"},
        {"a": 2, "b": 3, "left_name": "Eve", "right_name": None},
        {"a": None, "b": 1, "left_name": None, "right_name": "Ada"}])


def test_a_table_is_not_read_for_rows_that_do_not_come(cluster, database, tmp_path):
    users(database, "unread", {1: "Ada"})
    definition = define(cluster, cluster.topic(), {"users": database.table("unread")},
                        "SELECT * FROM clicks WHERE price > 100")
    definition["transforms"].append(
        {"name": "named", "sql": "SELECT s.user_id, u.name FROM users u JOIN sales s "
                                 "ON s.user_id = u.id"})
    definition["sinks"]["lake"]["from"] = "named"
    definition["sinks"]["raw"] = {"type": "files", "path": "raw", "from": "clicks"}
    job = Job(tmp_path, definition)
    topic = definition["sources"]["clicks"]["topicName"]
    with job.start(env=database.environment, metrics=True) as running:
        cluster.produce(topic, [{"user_id": 1, "price": 5.0}])
        job.wait_rows(1, sink="raw", running=running)
        assert running.metric("sluice_table_rows_total", table="users") == 0
        cluster.produce(topic, [{"user_id": 1, "price": 500.0}])
        assert_same(job.wait_rows(1, running=running), [{"user_id": 1, "name": "Ada"}])
        assert running.metric("sluice_table_rows_total", table="users") == 1
        running.stop().ok()


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_files_are_joined_and_may_be_replaced(cluster, tmp_path, form):
    folder = tmp_path / "reference"
    folder.mkdir()

    def write(rows):
        new = folder / "_new"
        if form == "parquet":
            pyarrow.parquet.write_table(pyarrow.table(
                {"id": pyarrow.array(rows, pyarrow.int32()),
                 "name": pyarrow.array(rows.values()).dictionary_encode()}), new)
        elif form == "csv":
            new.write_text("id,name\n" + "".join(f'{i},"{name}"\n' for i, name in rows.items()))
        else:
            new.write_text("".join(json.dumps({"id": i, "name": name}) + "\n"
                                   for i, name in rows.items()))
        new.rename(folder / f"users.{form}")

    known = {i: f"user, number {i}" for i in range(0, 3000, 3)}
    write(known)
    options = {"withHeader": True} if form == "csv" else {}
    topic = cluster.topic()
    tables = {"users": {"type": "files", "path": "reference", "format": form} | options}
    job = Job(tmp_path, define(cluster, topic, tables))
    cluster.produce(topic, clicks(range(500)))
    job.catch_up()
    expected = joined(range(500), known)
    assert_same(job.rows(), expected)
    with job.start() as running:
        running.wait_log("reading starts")
        known = {i: f"other {i}" for i in range(600)}
        write(known)
        cluster.produce(topic, clicks(range(500, 700)))
        expected += joined(range(500, 700), known)
        job.wait_rows(len(expected), running=running)
        # While it is gone the job waits; nothing is lost or doubled.
        (folder / f"users.{form}").rename(folder / "_away")
        cluster.produce(topic, clicks(range(100)))
        running.wait_log("cannot go on; trying again.*table users: .*leads to no file")
        (folder / "_away").rename(folder / f"users.{form}")
        expected += joined(range(100), known)
        job.wait_rows(len(expected), running=running)
        running.stop().ok()
    assert_same(job.rows(), expected)


# The types of PostgreSQL.

TYPES = """
CREATE TABLE all_types (
  id int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, yes bool,
  money numeric(38,10), small numeric(4,0), free numeric, text text, code varchar(5),
  padded char(4), bytes bytea, day date, at timestamp, at_zone timestamptz, id_of uuid,
  doc json, docb jsonb, ints int[], texts text[], prices numeric(6,2)[], days date[],
  zones timestamptz[], uuids uuid[], span interval, hour time, address inet)
"""
VALUES = [
    (1, -32768, -2147483648, -9223372036854775808, 1.5, 1e300, True,
     decimal.Decimal("-1234567890123456789012345678.0123456789"), decimal.Decimal("-9999"),
     decimal.Decimal("1E+60"), "Straße\n\"", "abc", "ab", b"\x00\xff\x10",
     datetime.date(1, 1, 1), datetime.datetime(1, 1, 1, 0, 0, 0, 1),
     datetime.datetime(1999, 12, 31, 23, 59, 59, 999999, datetime.timezone.utc),
     "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"a":  1}', '{"b": [1, null]}', [1, None, 3],
     ["a", None, "ü"], [decimal.Decimal("1.25"), None], [datetime.date(2024, 2, 29)],
     [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)],
     ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "1 day 02:03:04", "12:34:56", "10.0.0.1/8"),
    (2, 32767, 2147483647, 9223372036854775807, -0.25, -1e-300, False,
     decimal.Decimal("9999999999999999999999999999.9999999999"), decimal.Decimal("9999"),
     decimal.Decimal("0.000000000000000000000000000000000000000000001"), "", "", "",
     b"", datetime.date(9999, 12, 31), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
     datetime.datetime(1, 1, 2, tzinfo=datetime.timezone.utc), None, "[]", "null", [], [], [], [],
     [], [], "-3 mons", "00:00", "::1"),
    (3,) + (None,) * 28,
]


def test_types_come_through_without_loss(cluster, database, tmp_path):
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute(TYPES)
        marks = [f"%s::{cast}" if cast else "%s" for cast in (
            [None] * 20 + ["int[]", "text[]", "numeric(6,2)[]", "date[]", "timestamptz[]", "uuid[]",
                           None, None, None])]
        cursor.executemany(f"INSERT INTO all_types VALUES ({', '.join(marks)})", VALUES)
        cursor.execute("SET timezone = 'UTC'")
        # What a server writes as text, Python is told as text too.
        cursor.execute("""SELECT id, i2, i4, i8, f4, f8, yes, money, small, free::text, text, code,
            padded, bytes, day, at, at_zone, id_of::text, doc::text, docb::text, ints, texts, prices,
            days, zones, uuids::text[], span::text, hour::text, address::text FROM all_types""")
        names = [column.name for column in cursor.description]
        expected = [dict(zip(names, row)) for row in cursor.fetchall()]
    connection.close()
    for row in expected:
        row["bytes"] = None if row["bytes"] is None else bytes(row["bytes"])
    topic = cluster.topic()
    sql = "SELECT t.* FROM clicks c JOIN all_types t ON c.id = t.id"
    job = Job(tmp_path, define(cluster, topic, {"all_types": database.table("all_types")}, sql))
    cluster.produce(topic, [{"id": i} for i in (1, 2, 3)])
    job.catch_up(env=database.environment)
    table = pyarrow.parquet.read_table(job.lake())
    types = {field.name: str(field.type) for field in table.schema}
    assert [types[name] for name in ("i2", "f4", "money", "free", "day", "at", "at_zone")] == [
        "int16", "float", "decimal128(38, 10)", "string", "date32[day]", "timestamp[us]",
        "timestamp[us, tz=UTC]"]
    for name in names:
        got = dict(zip(table["id"].to_pylist(), table[name].to_pylist()))
        assert got == {row["id"]: row[name] for row in expected}, name


@pytest.mark.parametrize("kind, value", [
    ("date", "'infinity'"), ("timestamptz", "'-infinity'"), ("numeric(5,2)", "'NaN'"),
    ("int[]", "'{{1},{2}}'")])
def test_a_value_that_no_column_holds_stops_the_job_unless_declared_as_text(
        cluster, database, tmp_path, kind, value):
    name = "odd_" + re.sub(r"\W", "_", kind)
    database.run(f"CREATE TABLE {name} (id int, v {kind})", f"INSERT INTO {name} VALUES (1, {value})")
    topic = cluster.topic()
    sql = "SELECT t.v FROM clicks c JOIN odd t ON c.id = t.id"
    definition = define(cluster, topic, {"odd": database.table(name)}, sql)
    cluster.produce(topic, [{"id": 1}])
    failed = Job(tmp_path / "one", definition).run("--until-caught-up", env=database.environment)
    failed.failed(1, r"table odd: column v: .*declare the column as string")
    definition["tables"]["odd"]["schema"] = "id int, v string"
    job = Job(tmp_path / "two", definition)
    job.catch_up(env=database.environment)
    assert_same(job.rows(), [{"v": value.strip("'")}])


# What goes wrong.


def test_a_database_that_goes_away_is_waited_for(cluster, tmp_path):
    with Postgresql() as database:
        known = {i: f"user {i}" for i in range(2000)}
        users(database, "users", known)
        topic = cluster.topic()
        job = Job(tmp_path, define(cluster, topic, {"users": database.table("users")}))
        cluster.produce(topic, clicks(range(100)))
        expected = joined(range(100), known)
        with job.start(env=database.environment) as running:
            job.wait_rows(len(expected), running=running)
            database.stop()
            cluster.produce(topic, clicks(range(100, 300)))
            running.wait_log("cannot go on; trying again.*table.unavailable: .*table users")
            assert count_rows(job.lake()) == len(expected)
            database.start()
            expected += joined(range(100, 300), known)
            job.wait_rows(len(expected), running=running)
            # A table that is dropped and made anew with other types is not taken for the old one.
            database.run("ALTER TABLE users ALTER COLUMN name TYPE varchar(20)")
            cluster.produce(topic, clicks(range(300, 400)))
            running.wait_log("no longer those of the job's start")
            database.run("ALTER TABLE users ALTER COLUMN name TYPE text")
            expected += joined(range(300, 400), known)
            job.wait_rows(len(expected), running=running)
            done = running.stop().ok()
        assert PASSWORD not in done.err
        assert_same(job.rows(), expected)
        # At the start it is waited for as well, and a stop ends the wait.
        database.stop()
        with job.start(env=database.environment) as running:
            running.wait_log("a table cannot be read yet; trying again")
            running.stop().ok()


MISTAKES = {
    "password": ({}, {"TABLES_PASSWORD": "wrong-secret"}, r"password authentication failed.*table\.login"),
    "table": ({"dbtable": "no_such"}, {}, r"job.yaml:\d+:\d+: table users .*no_such.* does not exist"),
    "database": ({"url": None}, {}, r"does not exist.*table\.database"),
    "tls": ({"sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}, {}, r"sslmode verify-full .*certificate.*table\.tls"),
    "column": ({"schema": "idd int"}, {}, r"has no column idd; did you mean id\?"),
    "narrow": ({"schema": "id smallint"}, {}, r"id is int in the database"),
    "type": ({"type": "mysql"}, {}, r"there is no table called 'mysql'.*Known: files, postgresql"),
    "query": ({"dbtable": "(SELECT 1) AS t"}, {}, r"make a view of it"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_at_the_start(cluster, database, tmp_path, mistake):
    changed, environment, pattern = MISTAKES[mistake]
    database.run("CREATE TABLE IF NOT EXISTS plain (id int, name text)")
    options = database.table("plain") | changed
    if options["url"] is None:
        options["url"] = f"postgresql://127.0.0.1:{database.port}/no_such"
    job = Job(tmp_path, define(cluster, cluster.topic(), {"users": options}))
    done = job.run(env=database.environment | environment)
    done.failed(2, pattern)
    assert "wrong-secret" not in done.err and PASSWORD not in done.err


def test_a_missing_file_is_told_at_the_start(cluster, tmp_path):
    tables = {"users": {"type": "files", "path": "no/such", "format": "parquet"}}
    job = Job(tmp_path, define(cluster, cluster.topic(), tables))
    job.run().failed(2, r"job.yaml:\d+:\d+: table users \(files\): path no/such does not exist")


def test_check_shows_tables_and_no_secret(cluster, database, tmp_path):
    database.run("CREATE TABLE shown (id int, name text)")
    tables = {"users": database.table("shown"),
              "spare": database.table("shown", password=PASSWORD)}
    source = {"schema": "user_id bigint, price double"}
    job = Job(tmp_path / "in", define(cluster, cluster.topic(), tables, source=source))
    done = check(job, database.environment)
    assert done.returncode == 0, done.stderr
    text = job.file.read_text()
    job.file.unlink()  # The only file that may hold a password in plain text.
    assert PASSWORD in text
    assert "table users (postgresql)" in done.stdout and "password: (secret)" in done.stdout
    assert re.search(r"table spare: nothing reads it", done.stderr)
    assert re.search(r"table spare .*password stands in the job file in plain text", done.stderr)


def test_the_tables_rows_stream_through_bounded_memory(cluster, database, tmp_path):
    """A table of more bytes than the job may hold, of which few rows meet one."""
    database.run("CREATE TABLE large AS SELECT i AS id, repeat(md5(i::text), 20) AS name "
                 "FROM generate_series(1, 500000) i")
    topic = cluster.topic()
    job = Job(tmp_path, define(
        cluster, topic, {"users": database.table("large")}, maxMemory="256 MiB",
        sql="SELECT c.user_id, length(u.name) AS n FROM clicks c "
            "JOIN users u ON c.user_id = u.id"))
    cluster.produce(topic, clicks([7, 499_999]))
    with job.start(env=database.environment, metrics=True) as running:
        rows = job.wait_rows(2, running=running, timeout=120)
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", open(
            f"/proc/{running.process.pid}/status", encoding="ascii").read()).group(1)) >> 10
        running.stop().ok()
    assert_same(rows, [{"user_id": 7, "n": 640}, {"user_id": 499_999, "n": 640}])
    assert peak < 450, f"{peak} MiB"
