#!/usr/bin/env python3
"""Kills a job under load at random moments, and compares what it wrote row by row.

A producer writes unique (partition, seq, crc) records without a pause, two of three batches in
transactions of which a third is aborted, one record in 500 not readable. The job filters nothing: a
partitioned lake, a second sink and the dead letters must hold every committed record exactly once.

Each life of the job ends with a kill: at a random moment, or at a failpoint at a random arrival. What
the checkpoint says afterwards decides which step a kill hit:

    starting     nothing was open yet
    staging      an epoch was open, nothing decided and uncommitted
    committing   an epoch was decided, by this process, and had no commit record
    recovery     an epoch decided by an earlier process had no commit record yet

The run goes on until so many lives have ended and each of the last three steps was hit --each times.
With --s3 lakes, dead letters and checkpoint are on an S3 server. With --stop the process is stopped
instead of killed, another one takes over, and the first one is then continued: it must end with exit
code 4.

Exits 1, and says which rows, if one is lost or doubled. The seed printed repeats the choices made, not
the timing.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/kafka"), str(ROOT / "tests/integration")]

from broker import Broker  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from job_harness import Cluster, Job, data_files, text_rows  # noqa: E402
from places import LocalPlace, S3Place  # noqa: E402
from s3_servers import SignedS3  # noqa: E402

import pyarrow.dataset  # noqa: E402

PARTITIONS = 4
SINKS = ("lake", "second", "letters")
STEPS = ("starting", "staging", "committing", "recovery")
# Failpoints by the step they are meant for, with the first and the last arrival worth waiting for.
STAGING = {"K1": (1, 40), "K4": (1, 30), "K5": (1, 6), "K6": (1, 2), "K2": (1, 3), "K13": (1, 2),
           "K14": (1, 4), "K3": (1, 1)}
COMMITTING = {"K8": (1, 2), "K10": (1, 4), "K12": (1, 2)}
# In a recovery each point is met at once; the arrival says how far it comes.
RECOVERY = {"K15": (1, 1), "K10": (1, 3), "K12": (1, 1)}
LOCAL = {"staging": STAGING | {"F1": (1, 12), "F2": (1, 12), "F3": (1, 4)},
         "committing": COMMITTING | {"F4": (1, 12), "F5": (1, 6)},
         "recovery": RECOVERY | {"F4": (1, 6), "F5": (1, 3)}}
# The first arrivals are those of the probes at the start.
S3 = {"staging": STAGING | {"M1": (7, 40), "M2": (7, 40)},
      "committing": COMMITTING | {"M3": (7, 20), "M4": (7, 20), "M7": (10, 13)},
      "recovery": RECOVERY | {"M3": (7, 14), "M4": (7, 14), "M7": (9, 10)}}


def checksum(partition, seq):
    return zlib.crc32(f"{partition}/{seq}".encode())


class Load:
    """The producer, in a thread. What was committed is known once stop() has returned."""

    def __init__(self, bootstrap, topic, rate, seed):
        self._bootstrap, self._topic, self._rate = bootstrap, topic, rate
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self.good = [0] * PARTITIONS  # Committed records per partition: seq 0 to n - 1, with gaps below.
        self.rows, self.bad = set(), set()
        self.aborted = 0
        self.error = None
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()
        if self.error:
            raise self.error

    def _run(self):
        try:
            settings = {"bootstrap.servers": self._bootstrap, "linger.ms": 2, "log_level": 2}
            plain = Producer(settings)
            atomic = Producer(settings | {"transactional.id": "load"})
            atomic.init_transactions(60)
            begun, made = time.monotonic(), 0
            while not self._stopping.is_set():
                made += self._batch(plain, atomic)
                ahead = made / self._rate - (time.monotonic() - begun)
                if ahead > 0:
                    self._stopping.wait(ahead)
        except Exception as error:  # Told by stop().
            self.error = error

    def _batch(self, plain, atomic):
        """One batch of records of one kind, acknowledged; returns how many."""
        kind = self._random.choice(("plain", "commit", "commit", "commit", "abort"))
        producer = plain if kind == "plain" else atomic
        count = self._random.randint(1, self._rate // 10)
        rows, bad = [], []
        if kind != "plain":
            producer.begin_transaction()
        for _ in range(count):
            partition = self._random.randrange(PARTITIONS)
            seq = self.good[partition]
            self.good[partition] += 1
            if self._random.randrange(500) == 0:
                value = f"{partition} {seq} is no JSON"
                bad.append((partition, seq))
            else:
                value = json.dumps({"p": partition, "seq": seq, "crc": checksum(partition, seq),
                                    "pad": "x" * self._random.randrange(200)})
                rows.append((partition, seq))
            producer.produce(self._topic, value, partition=partition)
        if producer.flush(60) != 0:
            raise RuntimeError("the broker did not acknowledge the load")
        if kind == "commit":
            producer.commit_transaction(60)
        if kind == "abort":
            producer.abort_transaction(60)
            self.aborted += count
            return count
        self.rows.update(rows)
        self.bad.update(bad)
        return count


def definition(cluster, topic, window, place):
    """The job: two sinks, one partitioned, and small files so that an epoch has several."""
    source = cluster.source(topic, schema="p int, seq bigint, crc bigint, pad string")
    return {
        "name": "kills", "windowSize": window, "checkpointLocation": place.location("state"),
        "deadLetters": place.location("letters"), "spoolDirectory": "spool",
        "leaseTimeout": "1 second", "sources": {"load": source},
        "transforms": [{"name": "checked", "sql": "SELECT p, seq, crc, length(pad) AS n FROM load"}],
        "sinks": {"lake": {"type": "files", "path": place.location("lake"), "partitionKeys": ["p"]},
                  "second": {"type": "files", "path": place.location("second"), "from": "checked",
                             "targetFileSize": "64 KiB"}}}


class Kills:
    """The lives of the job."""

    def __init__(self, job, place, choices, window_seconds):
        self.job, self.place, self.random = job, place, choices
        self.points = LOCAL if place.kind == "local" else S3
        # How long a point is waited for; a start on S3 takes longer.
        self.patience = (3 if place.kind == "local" else 5) * window_seconds
        self.per_step = collections.Counter()
        self.per_point = collections.Counter()
        self.takeovers = 0

    def state(self):
        """(newest committed epoch, the decided and uncommitted one), or Nones before the start slot."""
        if not self.has_start():
            return None, None
        shown = self.job.show()
        return shown["committedEpoch"], shown["uncommittedEpoch"]

    def has_start(self):
        return self.place.read("state/start") is not None

    def point(self, of):
        name = self.random.choice(list(of))
        return f"{name}:{self.random.randint(*of[name])}=kill"

    def one_life(self, step):
        """Starts the job, kills it aiming at the step, and notes which step it hit."""
        before = self.state()[1]
        armed, moment = None, self.random.uniform(0.2, 3)
        if step == "recovery" and before is not None:
            armed = self.point(self.points["recovery"])
        elif step in ("committing", "recovery"):
            armed = self.point(self.points["committing"])
        elif step == "staging":
            armed = self.point(self.points["staging"])
        # A point that is not met in a while is left, and the kill falls at any moment.
        limit = moment if armed is None else self.patience
        with self.job.start(failpoints=armed or "") as running:
            try:
                running.process.wait(limit)
            except subprocess.TimeoutExpired:
                running.process.kill()
                armed = None
            done = running.end()
        if done.code != -signal.SIGKILL:
            raise AssertionError(f"the job ended by itself with {done.code}:\n{done.err[-3000:]}")
        after = self.state()[1]
        if after is not None:
            hit = "recovery" if after == before else "committing"
        else:
            hit = "staging" if "job starts" in done.err else "starting"
        self.per_step[hit] += 1
        self.per_point[armed.partition(":")[0] if armed else "any moment"] += 1
        return hit

    def one_takeover(self):
        """Stops the job somewhere, lets another one take over and work, and continues the first."""
        before = self.state()[0]
        points = self.points["staging"] | self.points["committing"]
        armed = self.random.choice([None, self.point(points).replace("kill", "stop")])
        with self.job.start(failpoints=armed or "") as first:
            limit = time.monotonic() + (
                self.random.uniform(0.5, 3) if armed is None else self.patience)
            while time.monotonic() < limit and not stopped(first.process.pid):
                time.sleep(0.01)
            if not stopped(first.process.pid):
                armed = None
                first.send(signal.SIGSTOP)
            if not self.has_start():
                first.send(signal.SIGCONT, signal.SIGKILL)
                return
            with self.job.start(failpoints="") as second:
                deadline = time.monotonic() + 60
                while (self.state()[0] or 0) < (before or 0) + 3:
                    if second.process.poll() is not None or time.monotonic() > deadline:
                        raise AssertionError(f"no takeover:\n{second.end(1).err[-3000:]}")
                    time.sleep(0.1)
                first.send(signal.SIGCONT)
                done = first.end(60)
                if done.code != 4:
                    raise AssertionError(f"the old writer ended with {done.code}:\n{done.err[-3000:]}")
                second.kill()
        self.takeovers += 1
        self.per_point[armed.partition(":")[0] if armed else "any moment"] += 1


def stopped(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0] in "Tt"


def files_of(folder, keys):
    """Which files hold the rows, for a report."""
    found = []
    for name in data_files(folder):
        dataset = pyarrow.dataset.dataset(str(folder / name), format="parquet", partitioning="hive",
                                          partition_base_dir=str(folder))
        held = set(zip(*[dataset.to_table().column(c).to_pylist() for c in ("p", "seq")]))
        if held & keys:
            found.append(f"{name} ({len(held & keys)} of them)")
    return found


def compare(name, got, expected):
    """Prints and counts what is wrong with the keys of a sink."""
    counts = collections.Counter(got)
    lost = expected - counts.keys()
    foreign = counts.keys() - expected
    doubled = {key for key, count in counts.items() if count > 1 and key in expected}
    print(f"{name}: {len(got)} rows, {len(lost)} lost, {len(doubled)} doubled, "
          f"{len(foreign)} foreign", flush=True)
    for what, keys in (("lost", lost), ("doubled", doubled), ("foreign", foreign)):
        if keys:
            print(f"  {what}, for example: {sorted(keys)[:5]}")
    return lost, doubled, foreign


def listing(place):
    """What a plain listing shows, by name, with how long it is."""
    return {path: len(data) for name in SINKS for path, data in place.visible(name).items()}


def verify(place, folder, load):
    """True if every committed record is in each sink or the dead letters exactly once. Works on
    copies of what a plain listing shows, in `folder`."""
    for name in SINKS:
        (folder / name).mkdir(parents=True)
        for path, data in place.visible(name).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return verify_folders(folder, load)


def verify_folders(top, load):
    right = True
    for sink in ("lake", "second"):
        folder = top / sink
        table = pyarrow.dataset.dataset(str(folder), format="parquet", partitioning="hive").to_table(
            columns=["p", "seq", "crc"])
        rows = list(zip(*(table.column(c).to_pylist() for c in ("p", "seq", "crc"))))
        wrong = [row for row in rows if row[2] != checksum(row[0], row[1])]
        if wrong:
            print(f"{sink}: {len(wrong)} rows with a wrong checksum, for example {wrong[:3]}")
        lost, doubled, foreign = compare(sink, [row[:2] for row in rows], load.rows)
        if doubled or foreign:
            print("  in", *files_of(folder, doubled | foreign)[:6], sep="\n    ")
        right = right and not (lost or doubled or foreign or wrong)
    letters = [tuple(map(int, letter["bytes"].split()[:2]))
               for letter in text_rows(top / "letters")]
    return not any(compare("dead letters", letters, load.bad)) and right


def main():
    parser = argparse.ArgumentParser(description="Kill a job under load; compare row by row.")
    parser.add_argument("--kills", type=int, default=120, help="lives of the job (default 120)")
    parser.add_argument("--each", type=int, default=None,
                        help="kills at least of each step (default 25, or fewer with few kills)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run")
    parser.add_argument("--rate", type=int, default=2000, help="records per second (default 2000)")
    parser.add_argument("--window", type=float, default=1, help="windowSize in seconds (default 1)")
    parser.add_argument("--s3", action="store_true", help="lakes and checkpoint on an S3 server")
    parser.add_argument("--stop", action="store_true", help="stop, take over, continue; --kills times")
    parser.add_argument("--quick", action="store_true", help="20 kills, 4 of each step")
    parser.add_argument("--keep", action="store_true", help="keep the folder, also of a good run")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.kills, arguments.each = 20, 4
    each = min(25, arguments.kills // 4) if arguments.each is None else arguments.each
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    words = ["--quick"] if arguments.quick else ["--kills", str(arguments.kills)]
    words += [word for word in ("--stop", "--s3") if getattr(arguments, word[2:])]
    print(f"seed {seed}; to repeat: ./dev kills {' '.join(words)} --seed {seed}", flush=True)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-kills-"))
    good = False
    begun = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            broker = stack.enter_context(Broker())
            place = LocalPlace(folder / "job")
            if arguments.s3:
                (folder / "s3").mkdir()
                server = stack.enter_context(SignedS3(folder / "s3"))
                place = S3Place(server, "kills")
                # Of `sluice checkpoint show`, too.
                os.environ.update(server.environment, AWS_ENDPOINT_URL_S3=server.url)
            cluster = Cluster(broker)
            topic = cluster.topic(PARTITIONS)
            window = f"{int(arguments.window * 1000)} ms"
            job = Job(folder / "job", definition(cluster, topic, window, place))
            load = Load(broker.bootstrap, topic, arguments.rate, seed)
            kills = Kills(job, place, random.Random(seed), arguments.window)
            load.start()
            try:
                if arguments.stop:
                    while kills.takeovers < arguments.kills:
                        kills.one_takeover()
                else:
                    run_kills(kills, arguments.kills, each)
            finally:
                load.stop()
            took = time.monotonic() - begun
            job.catch_up(timeout=180)
            # Nothing may be left staged, and an idle run must change nothing.
            files = listing(place)
            job.catch_up()
            good = files == listing(place)
            if not good:
                print("a run with nothing to read changed the files")
            print("kills per step:", ", ".join(f"{s} {kills.per_step[s]}" for s in STEPS)
                  if not arguments.stop else f"{kills.takeovers} takeovers")
            print("kills per point:", ", ".join(f"{p} {n}" for p, n in sorted(kills.per_point.items())))
            print(f"records: {len(load.rows)} committed, {len(load.bad)} unreadable, "
                  f"{load.aborted} aborted; {took:.0f} s")
            good = verify(place, folder / "seen", load) and good
    finally:
        if good and not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"kept: {folder}")
    print("0 lost, 0 doubled" if good else f"FAILED with seed {seed}")
    return 0 if good else 1


def run_kills(kills, total, each):
    """Lives until the total and the least number for each step are reached."""
    wanted = STEPS[1:]
    lives = 0
    while lives < total or any(kills.per_step[step] < each for step in wanted):
        lives += 1
        if lives > 4 * total + 40:
            raise AssertionError(f"the steps are not hit often enough: {dict(kills.per_step)}")
        short = [step for step in wanted if kills.per_step[step] < each]
        # Two aimed at a step, one at any moment.
        aim = kills.random.choice(short or wanted) if lives % 3 else "any"
        hit = kills.one_life(aim)
        if lives % 20 == 0:
            print(f"  {lives} kills; newest in {hit}; epochs {kills.state()[0]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
