"""CSV through the whole job, from the broker to Parquet."""

import base64
import csv
import datetime
import gzip
import io

from job_harness import Job, assert_same
from test_compression import WRITERS

SCHEMA = ("id bigint, ts timestamp, user_id bigint, event string, price double, quantity int, "
          "city string, ua string, ok boolean")


def sale(i):
    """Row i: texts with separators, quotes and line ends, and every column null somewhere."""
    millis = 1_790_000_000_000 + i * 1237
    return {
        "id": i,
        "ts": datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc),
        "user_id": i * 7 if i % 11 else None,
        "event": ("view", "cart; buy", 'say "hi"', "São Paulo")[i % 4] if i % 29 else None,
        "price": round((i * 31 % 9973) / 100, 2) if i % 13 else None,
        "quantity": i % 5,
        "city": ("Berlin", "a\nb", "x\r\ny")[i % 3] if i % 17 else None,
        "ua": 'Chrome "126"' if i % 7 else "",
        "ok": i % 2 == 0,
    }


def message(sales, header, columns):
    """The rows as a program writes them: null is nothing, an empty text has quotes."""
    out = io.StringIO(newline="")
    if header:
        out.write(";".join(columns) + "\r\n")
    for row in sales:
        cells = []
        for name in columns:
            value = row[name]
            if isinstance(value, datetime.datetime):
                value = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            if isinstance(value, bool):
                value = str(value).lower()
            one = io.StringIO(newline="")
            csv.writer(one, delimiter=";", lineterminator="\r\n",
                       quoting=csv.QUOTE_ALL if value == "" else csv.QUOTE_MINIMAL).writerow([value, 0])
            cells.append("" if value is None else one.getvalue().rpartition(";")[0])
        out.write(";".join(cells) + "\r\n")
    return out.getvalue().encode()


def source(**options):
    return {"classification": "csv", "schema": SCHEMA, "separator": ";", "multiLine": "true"} | options


def test_rows_of_many_messages_and_bad_ones_beside_them(cluster, tmp_path):
    topic = cluster.topic(3)
    columns = list(sale(1))
    job = Job(tmp_path, cluster.job(topic, source=source()))
    sales = [sale(i) for i in range(600)]
    good, at = [], 0
    while at < len(sales):  # One row in the first, seven in the seventh, one in the next.
        more = 1 + len(good) % 7
        good.append(message(sales[at:at + more], False, columns))
        at += more
    bad = [b"1;2\r\n", b'1;"open', b"x;;;;;;;;\n", b"\xff;;;;;;;;\n", b"\r\n", b"a\0b;;;;;;;;"]
    cluster.produce(topic, [value for pair in zip(good, bad * 30) for value in pair])
    job.catch_up()
    assert_same(job.rows(), sales)
    letters = job.dead_letters()
    assert len(letters) == len(good)
    assert {letter["code"] for letter in letters} == {
        "csv.cells", "csv.quote", "convert.format", "csv.utf8", "csv.empty", "csv.nul"}
    assert all(letter["origin"]["topic"] == topic for letter in letters)


def test_headers_in_any_order_and_rows_beside_a_bad_one(cluster, tmp_path):
    topic = cluster.topic(1)
    columns = list(sale(1))
    job = Job(tmp_path, cluster.job(topic, source=source(withHeader="true", quoteChar='"')))
    sales = [sale(i) for i in range(200)]
    messages = []
    for i in range(0, 200, 10):
        order = columns[i % len(columns):] + columns[:i % len(columns)]
        text = message(sales[i:i + 10], True, order)
        messages.append(text + b"too;few\r\n")
    cluster.produce(topic, messages)
    job.catch_up()
    assert_same(job.rows(), sales)
    letters = job.dead_letters()
    assert [letter["code"] for letter in letters] == ["csv.cells"] * 20
    assert {letter["bytes"] for letter in letters} == {"too;few"}


def test_mixed_codecs_in_one_topic(cluster, tmp_path):
    topic = cluster.topic(3)
    columns = list(sale(1))
    job = Job(tmp_path, cluster.job(topic, source=source(withHeader="true")))
    sales = [sale(i) for i in range(2000)]
    writers = [lambda data: data, *WRITERS.values()]
    broken = gzip.compress(message(sales[:5], True, columns))[:-6]
    values = [writers[i % len(writers)](message(sales[i:i + 5], True, columns))
              for i in range(0, 2000, 5)]
    cluster.produce(topic, [*values[:100], broken, *values[100:]])
    job.catch_up()
    assert_same(job.rows(), sales)
    [letter] = job.dead_letters()
    assert letter["code"] == "compression.broken"
    assert base64.b64decode(letter["base64"]) == broken
