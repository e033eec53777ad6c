"""Kills of a job while its columns change: 0 rows lost, 0 doubled, 0 values lost.

Each life is killed at a failpoint that such a life arrives at, then restarted; at the end rows are
compared with records one by one. The short form takes the points around a change. The long one
(./dev kills --columns, or SLUICE_DETECTION_KILLS=all) takes every point that is reached, at its
first, middle and last arrival, in a job's first life and in later ones, and kills at 60 random
moments instead of 8.
"""

import os
import random
import re
import signal
import subprocess

import pytest
from detected_rows import assert_all_values, whole_rows
from job_harness import Job
from schema_versions import VERSIONS, mixed

LONG = os.environ.get("SLUICE_DETECTION_KILLS") == "all"
# Reading, staging, preparing, deciding, committing, recording: where a change is half done.
SHORT = ("K1", "K2", "K4", "K5", "K6", "K8", "F4", "K10", "K12", "K13")


def detected(cluster, topic):
    return cluster.job(topic, window="300 ms", source={"schema": None}, leaseTimeout="1 second")


class Changing:
    """A job, and a topic that each life finds new columns in."""

    def __init__(self, cluster, folder, seed):
        self.cluster, self.topic = cluster, cluster.topic(2)
        self.job = Job(folder, detected(cluster, self.topic))
        self.random = random.Random(seed)
        self.sent = []
        self.lives = 0

    def add(self, count=120):
        """Records with a column, and a field of a struct, that no life has seen."""
        self.lives += 1
        batch = mixed(self.random, len(self.sent), count)
        for record in batch[count // 2:]:
            record[f"new_{self.lives}"] = record["id"]
            record["deep"] = {"a": 1, f"new_{self.lives}": [record["id"]]}
        self.cluster.produce(self.topic, batch)
        self.sent += batch

    def check(self):
        self.job.catch_up()
        assert_all_values(whole_rows(self.job.lake()), self.sent)


def arrivals(done):
    """Point -> how often the life arrived at it."""
    found = re.findall(r"^failpoint (\S+): (\d+) arrivals", done.err, re.MULTILINE)
    assert found, done.err
    return {name: int(count) for name, count in found}


def places(counts):
    """Point:arrival, for kills."""
    chosen = []
    for name, count in sorted(counts.items()):
        if LONG:
            chosen += [f"{name}:{n}" for n in sorted({1, (count + 1) // 2, count})]
        elif name in SHORT:
            chosen += [f"{name}:{n}" for n in {1, count if name in ("K1", "K4", "K2") else 1}]
    return chosen


def kill_at(changing, place):
    done = changing.job.run("--until-caught-up", failpoints=f"{place}=kill")
    # A life may be shorter than the one that was counted.
    assert done.code in (0, -signal.SIGKILL), f"{place}: exit {done.code}\n{done.err[-4000:]}"
    return done.code != 0


@pytest.fixture
def seed():
    number = random.SystemRandom().randrange(10**6)
    print("seed", number)
    return number


def test_a_kill_anywhere_in_a_change_loses_nothing(cluster, tmp_path, seed):
    changing = Changing(cluster, tmp_path, seed)
    changing.add()
    changing.job.catch_up()
    changing.add()
    counts = arrivals(changing.job.catch_up(failpoints="*=count"))
    hit = []
    for place in places(counts):
        changing.add()
        if kill_at(changing, place):
            hit.append(place)
        if LONG:  # Killed again in the recovery, and once more in the middle of what follows.
            kill_at(changing, "K15:1")
            kill_at(changing, "K4:2")
    print("killed at", " ".join(hit))
    assert len(hit) >= (len(places(counts)) + 1) // 2
    changing.check()


def test_a_kill_anywhere_in_the_first_life_loses_nothing(cluster, tmp_path, seed):
    counted = Changing(cluster, tmp_path / "counted", seed)
    counted.add()
    counts = arrivals(counted.job.catch_up(failpoints="*=count"))
    chosen = places(counts) if LONG else [f"{name}:1" for name in ("K17", "K1", "K4", "K6", "K8")
                                          if name in counts]
    hit = []
    for place in chosen:
        first = Changing(cluster, tmp_path / place.replace(":", "-"), seed)
        first.add()
        hit += [place] * kill_at(first, place)
        first.add()
        first.check()
    print("killed at", " ".join(hit))
    assert len(hit) >= (len(chosen) + 1) // 2


def test_kills_at_any_moment_lose_nothing(cluster, tmp_path, seed):
    changing = Changing(cluster, tmp_path, seed)
    for _ in range(60 if LONG else 8):
        changing.add(200)
        with changing.job.start() as running:
            try:
                running.process.wait(changing.random.uniform(0.05, 1.5))
            except subprocess.TimeoutExpired:
                running.kill()
            assert running.process.returncode == -signal.SIGKILL, running.err
    changing.check()


# Values at random.


NAMES = ["a", "b", "A", "c.d", "e", "f", "g", "h", "x y", "é"]
PLAIN = {"a": 7, "b": 0.5, "A": "s", "c.d": [1], "e": {"a": 2}, "f": [{"a": 3}], "g": True}


def any_value(choices, depth=0):
    kind = choices.random()
    if kind < .4:
        return choices.choice([0, -3, 2**31, 2**53 + 1, 2**63 - 1, 2**64 + 5, 0.5, 1e300, -2.25])
    if kind < .6:
        return choices.choice(["", "x", "1", "2026-01-01", "true", "null", "[1]", '{"q":1}', "ü\n"])
    if kind < .78:
        return choices.choice([True, False, None])
    if depth > 3:
        return 1
    if kind < .88:
        return [any_value(choices, depth + 1) for _ in range(choices.randrange(4))]
    return {name: any_value(choices, depth + 1)
            for name in choices.sample(NAMES, choices.randrange(4))}


def any_record(choices, i, phase):
    """More names and stranger values with every phase, so that columns are known at first."""
    record = {"id": i}
    for name in NAMES[:2 + phase]:
        if choices.random() < .7:
            strange = choices.random() < .1 * phase
            record[name] = any_value(choices) if strange else PLAIN.get(name, str(i))
    return record


@pytest.mark.parametrize("number", range(30 if LONG else 3))
def test_values_at_random_and_stops_lose_nothing(cluster, tmp_path, seed, number):
    choices = random.Random(seed)
    topic = cluster.topic(choices.randrange(1, 4))
    job = Job(tmp_path, detected(cluster, topic))
    sent = []

    def add(count, phase):
        batch = [any_record(choices, len(sent) + i, phase) for i in range(count)]
        cluster.produce(topic, batch)
        sent.extend(batch)

    def let_run(running, most):
        try:
            running.process.wait(choices.uniform(0.1, most))
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"the job ended by itself:\n{running.err[-4000:]}")

    for phase in range(5):
        add(choices.choice([1, 50, 400]), phase)
        with job.start() as running:
            let_run(running, 1.5)
            add(100, phase + 1)
            let_run(running, 1)
            if choices.random() < .5:
                running.kill()
            else:
                running.stop().ok()
    job.catch_up()
    assert_all_values(whole_rows(job.lake()), sent)
