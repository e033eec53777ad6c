"""What tests of whole jobs share: running `sluice`, producing to Kafka, reading the lake back.

    job = Job(tmp_path, cluster.job("clicks-1"))
    cluster.produce("clicks-1", [click(i) for i in range(100)])
    job.run("--until-caught-up").ok()
    assert_same(job.rows(), [sale(click(i)) for i in range(100)])

A lake is read as others read it: a plain listing without names that begin with _ or ., by pyarrow
and by DuckDB, which must agree; and it is compared row by row with rows computed in Python.
"""

import collections
import datetime
import decimal
import functools
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
from confluent_kafka import Producer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build/sluice"))
SLUICE_FAILPOINTS_BUILD = os.environ.get("SLUICE_FAILPOINTS_BUILD", str(ROOT / "build/failpoints/bin/sluice"))

# Name -> password of the broker's users. The passwords must turn up nowhere.
SASL_USERS = {"alice": "canary-alice-4f1b77", "literal": "canary-literal-0c9e21",
              "from-env": "canary-env-93ad58", "from-file": "canary-file-6be402"}

CLICKS_SCHEMA = (
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok boolean")
SALES_SQL = "SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'"

# The job file of the README, letter for letter but for the broker's address.
README_JOB = """\
name: clicks
windowSize: 5 seconds            # default 100 seconds
checkpointLocation: ./state/clicks
sources:
  clicks:
    type: kafka
    bootstrap.servers: 127.0.0.1:9092
    security.protocol: PLAINTEXT # default SSL, as in Glue
    topicName: clicks
    startingOffsets: earliest
    classification: json
    schema: event_id string, ts timestamp, user_id bigint, session string, event string, price \
double, quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags \
array<string>, ok boolean
transforms:
  - name: sales
    sql: SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'
sinks:
  lake:
    type: files
    from: sales                  # default: the last transform
    path: ./lake/clicks
    format: parquet
    compression: snappy
    partitionKeys: [city]
"""


def wait_until(condition, what, timeout=30):
    """Returns the condition's first true value; fails naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout} s still not: {what() if callable(what) else what}")
        time.sleep(0.02)


# Events and what the README's job makes of them.


def click(i, **changes):
    """Event i: no two are equal, and every column is null somewhere."""
    millis = 1_790_000_000_000 + i * 1237
    event = {
        "event_id": f"{i:016x}",
        "ts": datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z",
        "user_id": i * 7 if i % 11 else None,
        "session": f"s{i % 97}",
        "event": ("view", "cart", "buy", "pay")[i % 4] if i % 29 else None,
        "price": round((i * 31 % 9973) / 100, 2) if i % 13 else None,
        "quantity": i % 5,
        "city": ("Berlin", "São Paulo", "a/b=c", "Paris")[i % 4 if i % 3 else 0] if i % 17 else None,
        "geo": {"lat": i / 8, "lon": -i / 16} if i % 19 else None,
        "ua": 'Chrome "126"\n' if i % 7 else "",
        "tags": [f"t{i % 3}", None][: i % 3],
        "ok": i % 2 == 0,
    }
    if i % 23 == 0:
        del event["ua"], event["tags"]  # Missing is null.
    return event | changes


def as_row(event):
    """The event as a row of the declared schema."""
    row = {name: event.get(name) for name in click(1)}
    if row["ts"] is not None:
        row["ts"] = datetime.datetime.fromisoformat(row["ts"].replace("Z", "+00:00"))
    return row


def sales(events):
    """What SALES_SQL makes of the events."""
    rows = [as_row(event) for event in events if event.get("event") not in (None, "view")]
    for row in rows:
        known = row["price"] is not None and row["quantity"] is not None
        row["total"] = row["price"] * row["quantity"] if known else None
    return rows


# Comparing rows.


def _key(row):
    def plain(value):
        if isinstance(value, datetime.datetime):
            return value.astimezone(datetime.timezone.utc).isoformat()
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, decimal.Decimal):
            return int(value) if value == int(value) else str(value)
        raise TypeError(f"{type(value)} in a row")
    return json.dumps(row, sort_keys=True, default=plain)


def assert_same(got, expected):
    """Rows as multisets; says how many are lost, doubled or wrong, and shows some."""
    got, expected = collections.Counter(map(_key, got)), collections.Counter(map(_key, expected))
    missing, extra = expected - got, got - expected
    if not missing and not extra:
        return
    doubled = sum(count for row, count in extra.items() if row in expected)
    raise AssertionError(
        f"{sum(expected.values())} rows expected, {sum(got.values())} found; {sum(missing.values())}"
        f" missing, {doubled} doubled, {sum(extra.values()) - doubled} foreign\n" +
        "\n".join([f"missing: {row}" for row in list(missing)[:3]] +
                  [f"too many: {row}" for row in list(extra)[:3]]))


# The lake.


def data_files(folder):
    """Files that a reader sees, relative to the folder, sorted."""
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "_."]
        found += [os.path.relpath(os.path.join(path, name), folder)
                  for name in files if name[0] not in "_."]
    return sorted(found)


def lake_table(folder):
    """All rows of a Parquet lake as pyarrow sees them, partition columns included."""
    if not data_files(folder):
        return pyarrow.table({})
    dataset = pyarrow.dataset.dataset(str(folder), format="parquet", partitioning="hive")
    assert len(dataset.files) == len(data_files(folder)), "pyarrow lists other files"
    return dataset.to_table()


def lake_rows(folder):
    """Rows as dicts, by pyarrow; DuckDB must read the same ones."""
    files = [str(pathlib.Path(folder) / name) for name in data_files(folder)]
    if not files:
        return []
    rows = lake_table(folder).to_pylist()
    with duckdb.connect() as connection:
        table = connection.sql(
            "SELECT * FROM read_parquet(?, hive_partitioning=true, union_by_name=true)",
            params=[files]).to_arrow_table()
    assert_same(table.to_pylist(), rows)
    return rows


def text_rows(folder):
    """Rows of JSON lines files, such as dead letters."""
    rows = []
    for name in data_files(folder):
        text = (pathlib.Path(folder) / name).read_text(encoding="utf-8")
        assert text.endswith("\n"), f"{name} is torn"
        rows += [json.loads(line) for line in text.splitlines()]
    return rows


# Running jobs.


class Done:
    """A process that has ended: code, out, err (text)."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def ok(self):
        return self.failed(0)

    def failed(self, code, *patterns):
        """Asserts the exit code and that stderr matches every pattern; returns self."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self.err[-4000:]}"
        for pattern in patterns:
            assert re.search(pattern, self.err), f"no {pattern!r} in\n{self.err[-4000:]}"
        return self


class Running:
    """A process with its output gathered. Ends with the `with` block."""

    def __init__(self, command, cwd, env):
        self.process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._parts = {"out": bytearray(), "err": bytearray()}
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._parts["out"])),
            threading.Thread(target=self._read, args=(self.process.stderr, self._parts["err"]))]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    @staticmethod
    def _read(stream, into):
        with stream:
            for chunk in iter(lambda: stream.read1(65536), b""):
                into.extend(chunk)

    @property
    def err(self):
        return self._parts["err"].decode(errors="replace")

    def send(self, *signals):
        for number in signals:
            self.process.send_signal(number)

    def wait_log(self, pattern, timeout=30):
        """Returns the match once stderr has one; fails if the process ends before."""
        def look():
            ended = self.process.poll() is not None
            if ended:
                self._join()
            match = re.search(pattern, self.err)
            assert match or not ended, f"ended without {pattern!r}:\n{self.err[-4000:]}"
            return match
        return wait_until(look, lambda: f"{pattern!r} in\n{self.err[-4000:]}", timeout)

    def wait_stopped(self, timeout=30):
        """Returns once the process has stopped itself (a failpoint)."""
        def look():
            assert self.process.poll() is None, f"ended:\n{self.err[-4000:]}"
            stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] in "Tt"
        wait_until(look, lambda: f"stopped:\n{self.err[-4000:]}", timeout)

    def end(self, timeout=30):
        """Waits for the end."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.err[-4000:]}") from None
        self._join()
        return Done(code, self._parts["out"].decode(errors="replace"), self.err)

    def stop(self, timeout=30):
        """SIGINT, and waits."""
        self.send(signal.SIGINT)
        return self.end(timeout)

    def kill(self):
        self.process.kill()
        return self.end()

    def _join(self):
        for thread in self._threads:
            thread.join()

    # Metrics, for jobs started with metrics=True.

    @functools.cached_property
    def metrics_address(self):
        match = self.wait_log(r"metrics are served address=(\S+) port=(\d+)")
        return f"http://127.0.0.1:{match.group(2)}/metrics"

    def metrics_text(self):
        with urllib.request.urlopen(self.metrics_address, timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name, **labels):
        """Sum of the metric's samples that carry these labels; None if there is none."""
        total = None
        for line in self.metrics_text().splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not match or match.group(1) != name:
                continue
            found = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
            if all(found.get(key) == value for key, value in labels.items()):
                total = (total or 0) + float(match.group(3))
        return total

    def wait_read(self, records, timeout=30):
        """Returns once so many messages were delivered to the job."""
        def look():
            assert self.process.poll() is None, f"ended:\n{self.err[-4000:]}"
            return (self.metric("sluice_records_total") or 0) >= records
        wait_until(look, lambda: f"{records} records read\n{self.err[-4000:]}", timeout)


class Job:
    """A job in a folder of its own. `definition` is a dict, or a text written as it is."""

    def __init__(self, folder, definition, name="job"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / f"{name}.yaml"
        self.write(definition)

    def write(self, definition):
        """(Re)writes the job file. JSON is YAML."""
        self.definition = definition
        text = definition if isinstance(definition, str) else json.dumps(definition, indent=1)
        self.file.write_text(text, encoding="utf-8")

    @property
    def checkpoint(self):
        """Its folder, or its place on S3 as a text."""
        location = (self.definition["checkpointLocation"] if isinstance(self.definition, dict)
                    else "state/clicks")
        return location if "://" in location else self.folder / location

    def lake(self, sink="lake"):
        if isinstance(self.definition, str):
            return self.folder / "lake/clicks"
        return self.folder / self.definition["sinks"][sink]["path"]

    def start(self, *words, failpoints=None, metrics=False, env=None, binary=None):
        """`sluice run` in the background. failpoints: as SLUICE_FAILPOINTS, with that build."""
        environment = dict(os.environ, **(env or {}))
        environment.pop("SLUICE_FAILPOINTS", None)
        if failpoints is not None:
            environment["SLUICE_FAILPOINTS"] = failpoints
            binary = binary or SLUICE_FAILPOINTS_BUILD
        command = [binary or SLUICE, "run", self.file.name, *words]
        if metrics:
            command += ["--metrics-address", "127.0.0.1:0"]
        return Running(command, self.folder, environment)

    def run(self, *words, timeout=60, **how):
        """`sluice run` to its end."""
        with self.start(*words, **how) as running:
            return running.end(timeout)

    def catch_up(self, *words, **how):
        """`sluice run --until-caught-up`, which must end well."""
        return self.run("--until-caught-up", *words, **how).ok()

    def rows(self, sink="lake"):
        return lake_rows(self.lake(sink))

    def wait_rows(self, count, sink="lake", timeout=30, running=None):
        """Returns the rows once there are at least so many."""
        def look():
            if running is not None:
                assert running.process.poll() is None, f"ended:\n{running.err[-4000:]}"
            return count_rows(self.lake(sink)) >= count
        wait_until(look, lambda: f"{count} rows; there are {count_rows(self.lake(sink))}", timeout)
        return self.rows(sink)

    def dead_letters(self):
        """The dead letters, with `origin` parsed."""
        rows = text_rows(self.checkpoint / "dead-letters")
        for row in rows:
            row["origin"] = json.loads(row["origin"]) if row.get("origin") else None
        return rows

    def show(self):
        """What `sluice checkpoint show --json` says."""
        done = subprocess.run([SLUICE, "checkpoint", "show", str(self.checkpoint), "--json"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def counts(self):
        """Counts of all retained epochs, added up."""
        total = collections.Counter()
        for decision in self.show()["decisions"]:
            total.update(decision["counts"])
        return total


def count_rows(folder):
    """Rows a reader sees; the metadata says."""
    total = 0
    for name in data_files(folder):
        with pyarrow.parquet.ParquetFile(pathlib.Path(folder) / name) as file:
            total += file.metadata.num_rows
    return total


class Cluster:
    """The broker, with what tests do to it."""

    _numbers = itertools.count(1)

    def __init__(self, broker):
        self.broker = broker

    def topic(self, partitions=1, configs=None, name=None):
        """Makes a topic, of a fresh name unless given, and returns the name."""
        name = name or f"t{next(self._numbers)}"
        # Events of any time stay.
        self.broker.create_topic(name, partitions, {"retention.ms": "-1"} | (configs or {}))
        return name

    def produce(self, topic, values, partition=None, transaction=None, commit=True, **more):
        """Writes values (dicts as JSON, bytes, None) and returns once all are acknowledged.

        A value may be (key, value). Without a partition they go round robin. With a transaction they
        are in one of that id, committed or aborted.
        """
        settings = {"bootstrap.servers": self.broker.bootstrap, "linger.ms": 5}
        if transaction:
            settings["transactional.id"] = transaction
        producer = Producer(settings)
        if transaction:
            producer.init_transactions(30)
            producer.begin_transaction()
        count = len(producer.list_topics(topic, 30).topics[topic].partitions)
        failed = []
        for i, value in enumerate(values):
            key, value = value if isinstance(value, tuple) else (None, value)
            data = json.dumps(value).encode() if isinstance(value, (dict, list)) else value
            while True:
                try:
                    producer.produce(topic, data, key=key,
                                     partition=i % count if partition is None else partition,
                                     on_delivery=lambda e, m: failed.append(e) if e else None,
                                     **more)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(30) == 0 and not failed, failed[:3]
        if transaction:
            producer.commit_transaction(30) if commit else producer.abort_transaction(30)

    def source(self, topic, **options):
        """Options of a Kafka source with the clicks' schema; None removes one."""
        listener = options.pop("listener", "PLAINTEXT")
        all_of_them = {
            "type": "kafka", "bootstrap.servers": self.broker.addresses[listener],
            "security.protocol": listener, "topicName": topic, "startingOffsets": "earliest",
            "classification": "json", "schema": CLICKS_SCHEMA} | options
        return {name: value for name, value in all_of_them.items() if value is not None}

    def job(self, topic, sql=None, window="1 second", source=None, sink=None, **more):
        """A job definition: one source `clicks`, at most one step `sales`, one sink `lake`.

        more: options of the job, with _ for nothing; source and sink: changed options.
        """
        definition = {
            "name": "job", "windowSize": window, "checkpointLocation": "state",
            "sources": {"clicks": self.source(topic, **(source or {}))},
            "sinks": {"lake": {"type": "files", "path": "lake"} | (sink or {})}} | more
        if sql is not None:
            definition["transforms"] = [{"name": "sales", "sql": sql}]
        return definition
