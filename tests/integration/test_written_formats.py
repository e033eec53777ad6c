"""Every format that a files sink writes, in every compression, read back by other engines.

One job reads Avro files and writes all its rows to one sink for each format and compression. What
was written is compared row by row and type by type, as pyarrow, DuckDB, fastavro and Spark read
it. Spark is half a gigabyte and comes with `./dev deps spark` only; its tests are skipped without.
"""

import bz2
import datetime
import decimal
import gzip
import io
import json
import os
import pathlib
import struct
import subprocess
import sys

import cramjam
import duckdb
import fastavro
import fastavro.read
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.orc
import pytest
from job_harness import ROOT, SLUICE, Job, data_files

UTC = datetime.timezone.utc
FLAT = {
    "id": "bigint", "b": "boolean", "i8": "tinyint", "i16": "smallint", "i32": "int",
    "i64": "bigint", "f": "float", "d": "double", "small": "decimal(9,2)", "big": "decimal(38,10)",
    "s": "string", "day": "date", "ts": "timestamp", "ntz": "timestamp_ntz", "far": "timestamp",
    "far_ntz": "timestamp_ntz", "far_day": "date"}
# Beyond what counts nanoseconds in 64 bits, and before the calendar changed.
FAR = ("far", "far_ntz", "far_day")
NESTED = {
    "bin": "binary", "l": "array<string>", "ll": "array<array<int>>", "m": "map<string,int>",
    "st": "struct<lat:double,deep:struct<x:int,l:array<struct<k:string,"
          "m:map<string,decimal(5,1)>>>>>"}
ALL = FLAT | NESTED
DDL = ", ".join(f"{name} {kind}" for name, kind in ALL.items())

TEXT = ("none", "uncompressed", "gzip", "bzip2", "zstd")
CODECS = {
    "parquet": ("snappy", "gzip", "zstd", "lz4", "brotli", "none", "uncompressed"),
    "orc": ("snappy", "zlib", "zstd", "lz4", "none", "uncompressed"),
    "avro": ("snappy", "deflate", "bzip2", "xz", "zstandard", "zstd", "none", "uncompressed"),
    "csv": TEXT, "json": TEXT}


def sinks(*formats):
    return [f"{form}_{codec}" for form in formats for codec in CODECS[form]]


def nullable(kind):
    return ["null", kind]


def record(name, **fields):
    return {"type": "record", "name": name,
            "fields": [{"name": field, "type": nullable(kind)} for field, kind in fields.items()]}


def logical(kind, name, **more):
    return {"type": kind, "logicalType": name} | more


def source_schema():
    utc, local = logical("long", "timestamp-micros"), logical("long", "local-timestamp-micros")
    small = logical("bytes", "decimal", precision=9, scale=2)
    big = logical("bytes", "decimal", precision=38, scale=10)
    tiny = logical("bytes", "decimal", precision=5, scale=1)
    day = logical("int", "date")

    def array(items):
        return {"type": "array", "items": nullable(items)}

    def mapping(values):
        return {"type": "map", "values": nullable(values)}

    return record(
        "Row", id="long", b="boolean", i8="int", i16="int", i32="int", i64="long", f="float",
        d="double", small=small, big=big, s="string", day=day, ts=utc, ntz=local, far=utc,
        far_ntz=local, far_day=day, bin="bytes", l=array("string"), ll=array(array("int")),
        m=mapping("int"), st=record(
            "St", lat="double", deep=record("Deep", x="int", l=array(
                record("Item", k="string", m=mapping(tiny))))))


def edge_rows():
    """The least and greatest values, hard texts, and null at every level."""
    inf, dec = float("inf"), decimal.Decimal

    def at(*parts):
        return datetime.datetime(*parts, tzinfo=UTC)

    least = {
        "id": 1, "b": False, "i8": -128, "i16": -2**15, "i32": -2**31, "i64": -2**63, "f": -inf,
        "d": -inf, "small": dec("-9999999.99"), "big": dec(f"-{'9' * 28}.{'9' * 10}"), "s": "",
        "day": datetime.date(1583, 1, 1), "ts": at(1969, 12, 31, 23, 59, 59, 999999),
        "ntz": datetime.datetime(1678, 1, 1, 0, 0, 0, 1), "far": at(1, 1, 1),
        "far_ntz": datetime.datetime(1, 1, 1), "far_day": datetime.date(1, 1, 1), "bin": b"",
        "l": [], "ll": [], "m": {}, "st": {"lat": None, "deep": None}}
    most = {
        "id": 2, "b": True, "i8": 127, "i16": 2**15 - 1, "i32": 2**31 - 1, "i64": 2**63 - 1,
        "f": inf, "d": inf, "small": dec("9999999.99"), "big": dec(f"{'9' * 28}.{'9' * 10}"),
        "s": 'say "hi", \\n; twice\r\nand\ta\\\n', "day": datetime.date(9999, 12, 31),
        "ts": at(2261, 12, 31, 23, 59, 59, 999999), "ntz": datetime.datetime(1969, 12, 31, 23, 59, 59),
        "far": at(9999, 12, 31, 23, 59, 59, 999999),
        "far_ntz": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
        "far_day": datetime.date(1582, 10, 4), "bin": bytes(range(256)), "l": [None, "", "a\nb"],
        "ll": [None, [], [None, -1]], "m": {"": None, "ä\"": 7},
        "st": {"lat": -0.0, "deep": {"x": None, "l": [None, {"k": None, "m": {"k": dec("-0.1")}}]}}}
    odd = most | {
        "id": 3, "f": float("nan"), "d": float("nan"), "small": dec("0.00"),
        "big": dec("-0.0000000001"), "s": " blanks, 'quotes' ", "ts": at(1969, 7, 20, 20, 17, 40),
        "l": ["x"], "m": None, "st": {"lat": 5e-324, "deep": {"x": 1, "l": []}}}
    return [least, most, odd, {name: None for name in ALL} | {"id": 4}]


def row(i):
    """No two are equal, and every column is null somewhere."""
    moment = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=i * 977, microseconds=i)
    return {
        "id": 100 + i, "b": i % 2 == 0 if i % 3 else None, "i8": i % 100, "i16": i * 7,
        "i32": i * 7919, "i64": i * 2**40, "f": i / 8, "d": i / 7 if i % 5 else None,
        "small": decimal.Decimal(i * 31) / 100, "big": decimal.Decimal(i) / 1000,
        "s": (f"text {i}", "ä☃🦆", "1", "NULL", "a,b")[i % 5] if i % 11 else None,
        "day": moment.date(), "ts": moment.replace(tzinfo=UTC) if i % 7 else None, "ntz": moment,
        "far": moment.replace(tzinfo=UTC), "far_ntz": moment, "far_day": moment.date(),
        "bin": bytes([i % 256]) * (i % 4), "l": [f"t{i}", None][: i % 3],
        "ll": [[i], []][: i % 3], "m": {f"k{i}": i} if i % 4 else None,
        "st": {"lat": i / 3, "deep": {"x": i, "l": [{"k": f"k{i}", "m": {}}]}} if i % 6 else None}


ROWS = edge_rows() + [row(i) for i in range(300)]


# ORC takes times before 1970 by the second: docs/written-formats.md.
SECONDS = "SELECT * REPLACE (" + ", ".join(
    f"CASE WHEN {name} < '1970-01-01' THEN date_trunc('second', {name}) ELSE {name} END AS {name}"
    for name in ("ts", "ntz")) + ") FROM rows"


def by_seconds(made):
    """The row as SECONDS makes it."""
    old = {name for name in ("ts", "ntz") if made[name] is not None and made[name].year < 1970}
    return made | {name: made[name].replace(microsecond=0) for name in old}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    incoming = folder / "incoming"
    incoming.mkdir()
    with open(folder / "next", "wb") as out:
        fastavro.writer(out, source_schema(), ROWS)
    (folder / "next").rename(incoming / "rows.avro")
    made = {}
    for name in sinks(*CODECS):
        form, codec = name.split("_")
        made[name] = {"type": "files", "path": f"lake/{name}", "format": form, "compression": codec,
                      "from": {"csv": "flat", "orc": "seconds"}.get(form, "rows")}
    made["avro17"] = {"type": "files", "path": "lake/avro17", "format": "avro", "version": "1.7",
                      "from": "flat"}
    whole = Job(folder, {
        "name": "formats", "windowSize": "1 second", "checkpointLocation": "state",
        "sources": {"rows": {"type": "files", "path": str(incoming), "wholetext": True,
                             "classification": "avro", "schema": DDL}},
        "transforms": [{"name": "flat", "sql": f"SELECT {', '.join(FLAT)} FROM rows"},
                       {"name": "seconds", "sql": SECONDS}],
        "sinks": made})
    whole.catch_up()
    assert whole.dead_letters() == []
    return whole


def file_of(job, name):
    [found] = data_files(job.lake(name))
    return job.lake(name) / found


# Comparing rows.


def plain(value):
    """What can be compared and shown, the same for all that read it."""
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def expected(columns, form):
    rows = {}
    for made in ROWS if form != "orc" else map(by_seconds, ROWS):
        made = made | {"f": made["f"] if made["f"] is None else
                       struct.unpack("f", struct.pack("f", made["f"]))[0]}
        rows[made["id"]] = {name: plain(made[name]) for name in columns}
    return rows


def assert_rows(got, columns, form=None):
    wanted, found = expected(columns, form), {}
    for each in got:
        assert each["id"] not in found, f"row {each['id']} is there twice"
        found[each["id"]] = {name: plain(each[name]) for name in columns}
    assert found.keys() == wanted.keys()
    wrong = [(i, name, found[i][name], wanted[i][name]) for i in wanted for name in columns
             if found[i][name] != wanted[i][name]]
    assert not wrong, f"{len(wrong)} values differ: (id, column, got, wanted) {wrong[:3]}"


ARROW_TYPES = {
    "id": "int64", "b": "bool", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
    "f": "float", "d": "double", "small": "decimal128(9, 2)", "big": "decimal128(38, 10)",
    "s": "string", "day": "date32[day]", "bin": "binary"}
PYARROW_TYPES = {
    "bigint": pyarrow.int64(), "boolean": pyarrow.bool_(), "tinyint": pyarrow.int8(),
    "smallint": pyarrow.int16(), "int": pyarrow.int32(), "float": pyarrow.float32(),
    "double": pyarrow.float64(), "decimal(9,2)": pyarrow.decimal128(9, 2),
    "decimal(38,10)": pyarrow.decimal128(38, 10), "string": pyarrow.string(),
    "date": pyarrow.date32(), "timestamp": pyarrow.timestamp("us", "UTC"),
    "timestamp_ntz": pyarrow.timestamp("us")}


def duckdb_type(kind):
    """DDL as DuckDB has it; for the columns of a text file."""
    words = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ", "timestamp_ntz": "TIMESTAMP",
             "binary": "VARCHAR", "array<string>": "VARCHAR[]", "array<array<int>>": "INT[][]",
             "map<string,int>": "MAP(VARCHAR, INT)",
             NESTED["st"]: "STRUCT(lat DOUBLE, deep STRUCT(x INT, l STRUCT(k VARCHAR, "
                           "m MAP(VARCHAR, DECIMAL(5,1)))[]))"}
    return words.get(kind, kind)


def duckdb_rows(query, files):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        table = connection.sql(query, params=[[str(file) for file in files]]).to_arrow_table()
    return table.to_pylist(maps_as_pydicts="strict")


# Parquet.


@pytest.mark.parametrize("name", sinks("parquet"))
def test_parquet_is_read_by_pyarrow_and_duckdb(job, name):
    table = pyarrow.parquet.read_table(file_of(job, name))
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds.items() >= ARROW_TYPES.items()
    assert (kinds["ts"], kinds["ntz"]) == ("timestamp[us, tz=UTC]", "timestamp[us]")
    assert_rows(table.to_pylist(maps_as_pydicts="strict"), ALL)
    assert_rows(duckdb_rows("SELECT * FROM read_parquet(?)", [file_of(job, name)]), ALL)


# ORC.


@pytest.mark.parametrize("name", sinks("orc"))
def test_orc_is_read_by_pyarrow(job, name):
    file = pyarrow.orc.ORCFile(file_of(job, name))
    kinds = {field.name: str(field.type) for field in file.schema}
    assert kinds.items() >= ARROW_TYPES.items()
    assert (kinds["ts"], kinds["ntz"]) == ("timestamp[ns, tz=UTC]", "timestamp[ns]")
    # pyarrow reads ORC's timestamps as nanoseconds, which end in 1677 and 2262.
    near = [column for column in ALL if column not in ("far", "far_ntz")]
    table = file.read(columns=near)
    for column in ("ts", "ntz"):
        at = table.schema.get_field_index(column)
        zone = table.schema.field(at).type.tz
        table = table.set_column(at, column, table[column].cast(pyarrow.timestamp("us", zone)))
    assert_rows(table.to_pylist(maps_as_pydicts="strict"), near, "orc")


# Avro.


def read_zstandard(file):
    """A block; fastavro itself wants another package for it."""
    return io.BytesIO(bytes(cramjam.zstd.decompress(fastavro.schemaless_reader(file, "bytes"))))


@pytest.mark.parametrize("name", sinks("avro"))
def test_avro_is_read_by_fastavro_and_sluice(job, name, monkeypatch):
    monkeypatch.setitem(fastavro.read.BLOCK_READERS, "zstandard", read_zstandard)
    with open(file_of(job, name), "rb") as file:
        reader = fastavro.reader(file)
        codec = name.split("_")[1]
        wanted = {"none": "null", "uncompressed": "null", "zstd": "zstandard"}.get(codec, codec)
        assert reader.codec == wanted
        kinds = {field["name"]: field["type"][1] for field in reader.writer_schema["fields"]}
        got = list(reader)
    assert kinds["small"] == logical("bytes", "decimal", precision=9, scale=2)
    assert kinds["day"] == logical("int", "date")
    assert kinds["ts"] == logical("long", "timestamp-micros")
    assert kinds["ntz"] == logical("long", "local-timestamp-micros")
    assert (kinds["i8"], kinds["i64"], kinds["bin"]) == ("int", "long", "bytes")
    assert_rows(got, ALL)
    assert decoded(job, file_of(job, name), "avro", ALL) == json_lines(job)


def test_avro_1_7_has_texts_for_logical_types(job):
    with open(file_of(job, "avro17"), "rb") as file:
        reader = fastavro.reader(file)
        kinds = {field["name"]: field["type"][1] for field in reader.writer_schema["fields"]}
        got = {each["id"]: each for each in reader}
    assert {kinds[name] for name in ("small", "big", "day", "ts", "ntz")} == {"string"}
    assert got[1]["big"] == f"-{'9' * 28}.{'9' * 10}"
    assert got[3]["big"] == "-0.0000000001"
    assert (got[1]["day"], got[1]["ts"]) == ("1583-01-01", "1969-12-31T23:59:59.999999Z")
    assert got[4]["ts"] is None


# JSON lines and CSV.


def opened(file):
    """The plain bytes."""
    data = file.read_bytes()
    if file.suffix == ".gz":
        return gzip.decompress(data)
    if file.suffix == ".bz2":
        return bz2.decompress(data)
    if file.suffix == ".zst":
        return pyarrow.input_stream(str(file)).read()
    return data


def decoded(job, file, classification, columns, **options):
    """A file's rows as `sluice decode` prints them."""
    words = [SLUICE, "decode", "--classification", classification, "--schema",
             ", ".join(f"{name} {ALL[name]}" for name in columns), str(file)]
    for name, value in options.items():
        words[2:2] = ["--set", f"{name}={value}"]
    done = subprocess.run(words, cwd=job.folder, capture_output=True, text=True, check=True)
    assert '"code"' not in done.stderr, done.stderr
    return sorted(done.stdout.splitlines())


def json_lines(job):
    return sorted(opened(file_of(job, "json_none")).decode().removesuffix("\n").split("\n"))


@pytest.mark.parametrize("name", sinks("json"))
def test_json_is_read_by_python_and_duckdb(job, name):
    file = file_of(job, name)
    lines = opened(file).decode()
    assert sorted(lines.removesuffix("\n").split("\n")) == json_lines(job)
    got = [json.loads(line, parse_float=decimal.Decimal) for line in lines.split("\n") if line]
    assert [each["id"] for each in got] == [made["id"] for made in ROWS]
    assert all(list(each) == list(ALL) for each in got)
    assert got[1]["big"] == decimal.Decimal(f"{'9' * 28}.{'9' * 10}")
    assert got[1]["st"]["deep"]["l"][1]["m"] == {"k": decimal.Decimal("-0.1")}
    if file.suffix == ".bz2":
        return  # DuckDB does not read bzip2.
    # It takes JSON's numbers for doubles, which are too short for `big`.
    names = [column for column in ALL if column != "big"]
    columns = "{" + ", ".join(f"{n}: '{duckdb_type(ALL[n])}'" for n in names) + "}"
    rows = duckdb_rows(
        f"SELECT * REPLACE (from_base64(bin) AS bin) FROM read_json(?, columns = {columns}, "
        "format = 'newline_delimited')", [file])
    assert_rows(rows, names)


@pytest.mark.parametrize("name", sinks("csv"))
def test_csv_is_read_by_pyarrow_duckdb_and_sluice(job, name):
    file = file_of(job, name)
    table = pyarrow.csv.read_csv(
        file, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={n: PYARROW_TYPES[kind] for n, kind in FLAT.items()}, null_values=[""],
            strings_can_be_null=True, quoted_strings_can_be_null=False))
    assert_rows(table.to_pylist(), FLAT)
    assert_rows_of_sluice(job, file)
    if file.suffix == ".bz2":
        return  # DuckDB does not read bzip2.
    columns = "{" + ", ".join(f"{n}: '{duckdb_type(kind)}'" for n, kind in FLAT.items()) + "}"
    assert_rows(duckdb_rows(
        f"SELECT * FROM read_csv(?, columns = {columns}, header = true, delim = ',', quote = '\"', "
        "escape = '\"', nullstr = '', allow_quoted_nulls = false, auto_detect = false)",
        [file]), FLAT)


def assert_rows_of_sluice(job, file):
    flat = []
    for line in json_lines(job):
        flat.append({name: value for name, value in json.loads(line).items() if name in FLAT})
    got = decoded(job, file, "csv", FLAT, withHeader="true", multiLine="true")
    key = json.dumps
    assert sorted(key(json.loads(line)) for line in got) == sorted(map(key, flat))


# Spark.


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


def spark_rows(frame):
    """Rows, the times as microseconds: Python's own time zone has no part in it."""
    for name in ("ts", "ntz", "far", "far_ntz"):
        if name in frame.columns:
            frame = frame.withColumn(name, frame[name].cast("timestamp"))
            frame = frame.selectExpr("* EXCEPT (" + name + ")", f"unix_micros({name}) AS {name}")
    return [each.asDict(recursive=True) for each in frame.collect()]


def spark_kinds(frame):
    return {field.name: field.dataType.simpleString() for field in frame.schema}


@pytest.mark.parametrize("name", [name for name in sinks("parquet", "orc")
                                  if name != "parquet_brotli"])  # Spark comes without brotli.
def test_spark_reads_columns(job, spark, name):
    form = name.split("_")[0]
    frame = spark.read.format(form).load(str(file_of(job, name)))
    # Spark takes ORC's timestamps without a time zone as such in its session's.
    own = {"ntz": "timestamp", "far_ntz": "timestamp"} if form == "orc" else {}
    assert spark_kinds(frame) == ALL | own
    rows = spark_rows(frame)
    if form == "parquet":
        assert_rows(rows, ALL)
        return
    # ORC from Arrow does not say which calendar it means; Spark takes the Julian one before 1582.
    assert_rows(rows, [column for column in ALL if column not in FAR], "orc")
    days = {each["id"]: each["far_day"] for each in rows}
    assert days[1] == datetime.date(1, 1, 3)
    assert {i: plain(day) for i, day in days.items() if i > 4} == {
        i: wanted["far_day"] for i, wanted in expected(FAR, "orc").items() if i > 4}


@pytest.mark.parametrize("codec", ["none", "gzip", "bzip2"])
def test_spark_reads_text(job, spark, codec):
    lines = spark.read.schema(DDL).json(str(file_of(job, f"json_{codec}")))
    assert_rows(spark_rows(lines), ALL)
    cells = (spark.read.schema(", ".join(f"{name} {kind}" for name, kind in FLAT.items()))
             .option("header", True).option("multiLine", True).option("escape", '"')
             # Otherwise it takes the empty text for null, too.
             .option("nullValue", "\\N")
             .csv(str(file_of(job, f"csv_{codec}"))))
    assert_rows(spark_rows(cells), FLAT)
