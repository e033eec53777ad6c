"""The Kafka source against a real broker: transactions, holes, losses, logins, restarts."""

import collections
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest
from broker import Broker
from confluent_kafka import Producer

SLUICE = pathlib.Path(os.environ.get("SLUICE_FAILPOINTS_BUILD", "build/failpoints/bin/sluice"))
DUMP = SLUICE.parent / "kafka_source_dump"
Dump = collections.namedtuple("Dump", "code values positions starts losses error message output places")


@pytest.fixture(scope="module")
def broker():
    with Broker(sasl=True, tls=True, properties={"log.retention.check.interval.ms": "1000"}) as one:
        yield one


def produce(broker, topic, values, partition=0, transaction=None, commit=True):
    settings = {"bootstrap.servers": broker.bootstrap, "linger.ms": 5}
    if transaction:
        settings["transactional.id"] = transaction
    producer = Producer(settings)
    if transaction:
        producer.init_transactions(30)
        producer.begin_transaction()
    for value in values:
        key, text = value if isinstance(value, tuple) else (None, value)
        while True:
            try:
                producer.produce(topic, text, key=key, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(30) == 0
    if transaction:
        producer.commit_transaction(30) if commit else producer.abort_transaction(30)


def command(broker, topic, *words, listener="PLAINTEXT", **options):
    options = {"bootstrap.servers": broker.addresses[listener], "security.protocol": listener,
               "topicName": topic, "startingOffsets": "earliest"} | options
    return [DUMP, *words, *[f"{name}={value}" for name, value in options.items() if value]]


def parse(code, output):
    values, found = collections.defaultdict(list), {}
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        line = json.loads(line)
        if "split" in line:
            values[line["split"]].append(line["value"])
        else:
            found |= line
    places = found.get("positions")
    offsets = places and {split: place.split(":")[0] for split, place in places.items()}
    return Dump(code, dict(values), offsets, found.get("starts"), found.get("losses"),
                found.get("error"), found.get("message"), output, places)


def dump(broker, topic, *words, **options):
    done = subprocess.run(command(broker, topic, *words, **options), capture_output=True, text=True,
                          timeout=120)
    return parse(done.returncode, done.stdout + done.stderr)


class Running:
    """A dump that goes on in the background; `wait_for(n)` returns once n records came."""

    def __init__(self, broker, topic, *words, **options):
        self.process = subprocess.Popen(command(broker, topic, *words, **options), text=True,
                                        stdout=subprocess.PIPE)
        self.lines = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def wait_for(self, records, timeout=60):
        deadline = time.monotonic() + timeout
        while sum('"offset"' in line for line in self.lines) < records:
            assert time.monotonic() < deadline, "".join(self.lines[-5:])
            time.sleep(0.02)

    def end(self, timeout=90):
        code = self.process.wait(timeout)
        self.thread.join()
        return parse(code, "".join(self.lines))


def texts(prefix, count, first=0):
    return [f"{prefix}{i}" for i in range(first, first + count)]


def test_reads_all_partitions_in_order(broker):
    broker.create_topic("plain", 4)
    for partition in range(4):
        produce(broker, "plain", texts(f"p{partition}-", 5000), partition)
    got = dump(broker, "plain")
    assert got.code == 0, got.output[-2000:]
    assert got.values == {f"plain/{p}": texts(f"p{p}-", 5000) for p in range(4)}
    assert set(got.positions.values()) == {"5000"}


def test_delivers_only_committed_transactions_and_moves_past_the_rest(broker):
    broker.create_topic("transactions", 1)
    expected = []
    for round_number in range(4):
        kept = texts(f"kept{round_number}-", 100)
        produce(broker, "transactions", kept, transaction="one")
        expected += kept
        produce(broker, "transactions", texts("dropped", 1000), transaction="one", commit=False)
    got = dump(broker, "transactions")
    assert got.code == 0, got.output[-2000:]
    assert got.values == {"transactions/0": expected}
    # 4 * (100 + 1000) records and a marker for each of the 8 transactions, the last ones too.
    assert got.positions == {"transactions/0": "4408"}
    again = dump(broker, "transactions", "--start", "transactions/0=4408")
    assert again.code == 0 and again.values == {}


def test_reads_to_the_last_stable_offset_only(broker):
    broker.create_topic("open", 1)
    produce(broker, "open", ["before"])
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "open"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("open", "undecided", partition=0)
    producer.flush(30)
    produce(broker, "open", ["after"])
    got = dump(broker, "open")
    assert got.values == {"open/0": ["before"]} and got.positions == {"open/0": "1"}
    late = dump(broker, "open", startingOffsets="latest")
    assert late.starts["open/0"][0] == "1"
    producer.commit_transaction(30)
    got = dump(broker, "open", "--start", f"open/0=1@{got.starts['open/0'][1]}")
    assert got.values == {"open/0": ["undecided", "after"]}


def test_holes_of_compaction_are_no_loss(broker):
    broker.create_topic("compacted", 1, {
        "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001",
        "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "100", "delete.retention.ms": "0"})
    for value in range(20):
        produce(broker, "compacted", [("key", f"v{value}")] * 50)
    deadline = time.monotonic() + 60
    while True:
        produce(broker, "compacted", [("other", "tick")])
        got = dump(broker, "compacted")
        assert got.code == 0, got.output[-2000:]
        if len(got.values["compacted/0"]) < 500 or time.monotonic() > deadline:
            break
    assert got.values["compacted/0"][-1] == "tick"
    assert len(got.values["compacted/0"]) < 1000, "the broker did not compact"


def test_deleted_records_stop_the_job_or_are_counted(broker):
    broker.create_topic("deleted", 1)
    produce(broker, "deleted", texts("d", 100))
    broker.delete_records("deleted", {0: 60})
    got = dump(broker, "deleted", "--start", "deleted/0=20")
    assert (got.code, got.error) == (1, "kafka.data_loss")
    assert "deleted/0 from offset 20 to 59 (at most 40)" in got.message
    got = dump(broker, "deleted", "--start", "deleted/0=20", failOnDataLoss="false")
    assert got.code == 0 and got.losses == [["deleted/0", "20", "60", 40]]
    assert got.values == {"deleted/0": texts("d", 40, 60)}


def test_a_topic_made_anew_stops_the_job(broker):
    for shape in (5, 10, 50):
        topic = f"anew{shape}"
        broker.create_topic(topic, 1)
        produce(broker, topic, texts("old", 10))
        before = dump(broker, topic)
        broker.delete_topic(topic)
        broker.create_topic(topic, 1)
        produce(broker, topic, texts("new", shape))
        start = f"{topic}/0=10@{before.starts[topic + '/0'][1]}"
        got = dump(broker, topic, "--start", start)
        assert (got.code, got.error) == (1, "kafka.topic_recreated") and got.values == {}
        got = dump(broker, topic, "--start", start, failOnDataLoss="false")
        assert got.values == {f"{topic}/0": texts("new", shape)}


def test_a_topic_made_anew_while_reading_is_noticed(broker):
    broker.create_topic("renewed", 1)
    produce(broker, "renewed", texts("old", 10))
    running = Running(broker, "renewed", "--refresh", "--records", "1000000")
    running.wait_for(10)
    broker.delete_topic("renewed")
    broker.create_topic("renewed", 1)
    got = running.end()
    assert (got.code, got.error) == (1, "kafka.topic_recreated"), got.output[-2000:]


def test_new_partitions_are_read_from_their_beginning(broker):
    broker.create_topic("growing", 1)
    produce(broker, "growing", ["first"])
    running = Running(broker, "growing", "--refresh", "--records", "21")
    running.wait_for(1)
    broker.add_partitions("growing", 3)
    produce(broker, "growing", texts("a", 10), 1)
    produce(broker, "growing", texts("b", 10), 2)
    got = running.end()
    assert got.values == {"growing/0": ["first"], "growing/1": texts("a", 10),
                          "growing/2": texts("b", 10)}


def test_starts_at_a_time(broker):
    broker.create_topic("times", 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    now = int(time.time() * 1000)
    for i in range(10):
        producer.produce("times", f"t{i}", partition=0, timestamp=now - 100_000 + i * 1000)
    producer.flush(30)
    wanted = str(now - 100_000 + 4500)
    got = dump(broker, "times", startingOffsets="", startingTimestamp=wanted)
    assert got.values == {"times/0": texts("t", 5, 5)}, got.output
    late = dump(broker, "times", startingOffsets="", startingTimestamp=str(now))
    assert (late.code, late.error) == (2, "kafka.no_such_time")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_logs_in(broker, mechanism, listener):
    topic = f"login-{mechanism}-{listener}"
    broker.create_topic(topic, 1)
    produce(broker, topic, ["hello"])
    options = {"listener": listener, "sasl.mechanism": mechanism, "sasl.username": "alice",
               "ssl.ca.location": broker.folder / "ca.pem" if listener == "SASL_SSL" else ""}
    got = dump(broker, topic, **options, **{"sasl.password": "alice-secret"})
    assert got.values == {f"{topic}/0": ["hello"]}, got.output
    begun = time.monotonic()
    got = dump(broker, topic, **options, **{"sasl.password": "canary-wrong"})
    assert (got.code, got.error) == (2, "kafka.auth"), got.output
    assert "canary-wrong" not in got.output
    assert time.monotonic() - begun < 15


def test_tls_is_verified(broker):
    broker.create_topic("tls", 1)
    produce(broker, "tls", ["hello"])
    got = dump(broker, "tls", listener="SSL", **{"ssl.ca.location": broker.folder / "ca.pem"})
    assert got.values == {"tls/0": ["hello"]}, got.output
    got = dump(broker, "tls", listener="SSL")
    assert (got.code, got.error) == (2, "kafka.tls"), got.output


def test_goes_on_after_broker_restarts(broker):
    broker.create_topic("restarts", 2)
    running = Running(broker, "restarts", "--records", "3000", "--patience", "90")
    expected = {f"restarts/{p}": [] for p in range(2)}
    for round_number in range(3):
        for partition in range(2):
            batch = texts(f"r{round_number}-", 500)
            produce(broker, "restarts", batch, partition)
            expected[f"restarts/{partition}"] += batch
        running.wait_for(1000 * (round_number + 1))
        if round_number == 0:
            broker.restart()
        if round_number == 1:
            broker.kill()
            broker.start()
    got = running.end()
    assert got.code == 0 and got.values == expected


def test_a_log_with_other_records_is_noticed_at_every_start(broker):
    broker.create_topic("epochs", 1)
    produce(broker, "epochs", texts("e", 5))
    before = dump(broker, "epochs")
    broker.kill()
    broker.start()
    produce(broker, "epochs", texts("e", 5, 5))
    produce(broker, "epochs", texts("t", 1), transaction="epochs")
    after = dump(broker, "epochs")
    topic_id = after.starts["epochs/0"][1]
    offset, old = before.places["epochs/0"].split(":")
    end, new, checked = after.places["epochs/0"].split(":")
    assert (offset, end, checked) == ("5", "12", "11") and int(new) > int(old), after.places
    # What a job has remembered that read records 5 to 7 of a leader whose log was lost.
    place = f"epochs/0=8:{old}@{topic_id}"
    for _ in range(2):
        got = dump(broker, "epochs", "--start", place)
        assert (got.code, got.error, got.values) == (1, "kafka.truncated", {}), got.output
        assert "read up to offset 8, but from offset 5 on" in got.message
    got = dump(broker, "epochs", "--start", place, failOnDataLoss="false")
    assert got.values == {"epochs/0": ["e8", "e9", "t0"]} and "records=3" in got.output, got.output
    for shared in (f"5:{old}", "5", f"5:{new}"):
        got = dump(broker, "epochs", "--start", f"epochs/0={shared}@{topic_id}")
        assert got.values == {"epochs/0": texts("e", 5, 5) + ["t0"]}, got.output
    assert dump(broker, "epochs", "--start", f"epochs/0={after.places['epochs/0']}").values == {}


def test_waits_for_the_broker_and_the_topic(broker):
    running = Running(broker, "later", "--records", "1", "--patience", "60")
    deadline = time.monotonic() + 30
    while not any("kafka.unknown_topic" in line for line in running.lines):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    broker.create_topic("later", 1)
    produce(broker, "later", ["at last"])
    got = running.end()
    assert got.values == {"later/0": ["at last"]}
