"""The parts of ./dev bench about columns that the records tell: detection and versions."""

import json
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess

import duckdb
import events
from job import DECLARED, ROOT
from registry_servers import Apicurio

_CHANGED = "the records show other columns"
# Longer than any run, so that it ends no epoch and all epochs but one are those of a change.
_ONE_WINDOW = 3600


def detection(bench):
    """Jobs whose columns are declared or detected, over the same topics."""
    records = [2_000_000] if bench.arguments.quick else [2_000_000, 10_000_000]
    for count in records:
        _detect(bench, "json", "JSON", count, bench.topic(count), DECLARED)
    count = records[-1]
    flat = re.sub("geo struct<lat:(.*?),lon:(.*?)>", r"lat \1, lon \2", DECLARED["schema"])
    flat = flat.replace("tags array<string>", "tags string")
    _write(bench, "rows-csv", events.csv_messages(count))
    _detect(bench, "csv", "CSV, 256 rows a message", count, "rows-csv",
            {"classification": "csv", "withHeader": "true", "schema": flat})
    _write(bench, "rows-avro", events.avro_messages(*_datums(bench), count))
    _detect(bench, "avro", "Avro files of 256 rows", count, "rows-avro",
            DECLARED | {"classification": "avro"})


def _detect(bench, key, form, records, topic, declared):
    # What is detected may have other types, which cost more or less by themselves: the third
    # declares those. The first run tells them.
    names = ["detected", "declared", "declared as detected"]
    sources = {"detected": {name: of for name, of in declared.items() if name != "schema"},
               "declared": declared}
    runs = {name: [] for name in names}
    learned = []
    for turn in range(bench.arguments.rounds):
        for name in names[turn % 3:] + names[:turn % 3]:
            job = bench.run_job(topic, 5, "--until-caught-up", source=sources[name]).wait()
            if name == "detected":
                [line] = [line for _, line in job.said if "columns learned" in line]
                found = re.search(r'columns="(.*)"', line)[1]
                sources["declared as detected"] = declared | {"schema": found}
                learned.append(job.time_of("columns learned"))
            rows = job.total("rows_written")
            assert _lake(job, "count(*), count(event_id)") == (rows, rows), job.said[-1]
            runs[name].append({"cpu": job.cpu, "wall": job.wall, "peak_mb": job.peak_mb,
                               "rows": rows})
            os.sync()
    assert len({run["rows"] for of in runs.values() for run in of}) == 1, runs
    bench.say(f"\n{form}: {records:,} events, windowSize 5 s, whole process; medians of "
              f"{bench.arguments.rounds} rounds")
    bench.say(f"  detected, {statistics.median(learned):.2f} s after the start: {found}")
    _table(bench, runs, records)
    bench.results[f"detection_{key}_{records}"] = {"columns": found, "learned": learned,
                                                   "runs": runs}
    for name in names[1:]:
        ratio = _cpu_ratio(runs, "detected", name)
        bench.target(f"{form}: CPU per record detected beside {name}", ratio, "<= 1.3",
                     ratio <= 1.3, "x")


def versions(bench):
    """Two versions of the events in turn beside the first alone."""
    records = 2_000_000 if bench.arguments.quick else 10_000_000
    # A declared int may still become a double once it is written. What JSON shows as a whole number
    # is a bigint, which may not.
    source = {"classification": "json", "schema": "quantity int", "inferSchema": "true"}
    _versions(bench, "json", "JSON", records, events.json_versions, source)

    schema, datums = _datums(bench)
    folder = bench.scratch / "registry"
    folder.mkdir()
    with Apicurio(folder) as registry:
        ids = [registry.register("clicks-value", json.dumps(one))
               for one in (schema, events.newer_schema(schema))]
        source = {"classification": "avro", "schema.registry.url": registry.url}
        _versions(bench, "avro", "Avro in envelopes", records,
                  lambda *what: events.avro_versions(datums, ids, *what), source)


def _versions(bench, key, form, records, write, source):
    runs, told = {"one version": [], "two versions": []}, {}
    topics = {name: f"versions-{key}-{count}" for count, name in enumerate(runs, 1)}
    for count, name in enumerate(runs, 1):
        # The job has written rows of version 1 before it is measured: then a change counts most.
        topic = topics[name]
        first = _write(bench, topic, write(events.ALONE, 1))
        bench.run_job(topic, _ONE_WINDOW, "--until-caught-up", source=source).wait()
        shutil.copytree(bench.scratch / "job", bench.scratch / topic)
        told[name] = first + _write(bench, topic, write(records, count))
        assert told[name]["messages"] == events.ALONE + records
    for turn in range(bench.arguments.rounds):
        for name in list(runs)[::-1 if turn % 2 else 1]:
            begun = bench.scratch / topics[name]
            job = bench.run_job(topics[name], _ONE_WINDOW, "--until-caught-up", source=source,
                                begun=begun).wait()
            changes = sum(_CHANGED in line for _, line in job.said)
            new = "count(channel)" if changes else "0"
            rows, found, rescued = _lake(job, f"count(*), {new}, count(_rescued)")
            runs[name].append({
                "cpu": job.cpu, "wall": job.wall, "peak_mb": job.peak_mb,
                "files": len(job.seen) - len(list(begun.glob("lake/part-*"))),
                "epochs": job.total("epochs"), "changes": changes,
                "read_again": job.total("records") - records, "lag": job.total("lag"),
                "lost": abs(told[name]["kept"] - rows),
                "in_no_column": abs(told[name]["new"] - found) + rescued})
            os.sync()
    bench.say(f"\n{form}: {records:,} events, of one version or, after {events.ALONE:,}, two in "
              f"turn; one window; medians of {bench.arguments.rounds} rounds")
    _table(bench, runs, records, "files", "epochs", "changes")
    bench.results[f"versions_{key}_{records}"] = runs
    one, two = runs.values()
    ratio = _cpu_ratio(runs, "two versions", "one version")
    bench.target(f"{form}: CPU per record, two versions beside one", ratio, "<= 1.1", ratio <= 1.1,
                 "x")
    a_set = min(run["files"] / run["epochs"] for run in one)
    more = max(run["files"] for run in two) - min(run["files"] for run in one)
    bench.target(f"{form}: files that one change makes more, of {a_set:.3g} an epoch", more,
                 f"<= {a_set:.3g}", more <= a_set, "")
    for name, what in (("lag", "lag at the end"), ("lost", "rows lost or doubled"),
                       ("in_no_column", "values of version 2 that are in no column")):
        worst = max(run[name] for run in one + two)
        bench.target(f"{form}: {what}", worst, "0", worst == 0, "")


# --- what both need ---


def _apart(do):
    """What do() returns, from a process of its own. The kernel counts as a job's peak memory at
    least that of the process that starts it: this one is to stay small."""
    fork = multiprocessing.get_context("fork")
    told, tell = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: tell.send(do()))
    process.start()
    tell.close()
    try:
        return told.recv()
    except EOFError:
        raise SystemExit("bench: that failed") from None
    finally:
        process.join()


def _write(bench, topic, messages):
    if topic not in bench.topics:
        bench.say(f"writing to {topic}")
        bench.broker.create_topic(topic, partitions=events.PARTITIONS)
        bench.topics.add(topic)
    told = _apart(lambda: events.produce(bench.broker.bootstrap, topic, messages))
    os.sync()
    return told


def _datums(bench):
    file = bench.scratch / "events.avro"
    decoder = ROOT / "build/release/bin/decode_bench"
    subprocess.run([decoder, "--events", "200000", "--avro", file], check=True)
    return events.avro_datums(file)


def _lake(job, columns):
    """One row over all that the job wrote."""
    files = str(job.folder / "lake/part-*.parquet")
    sql = f"SELECT {columns} FROM read_parquet(?, union_by_name=true)"
    return _apart(lambda: duckdb.execute(sql, [files]).fetchone())


def _cpu_ratio(runs, name, beside):
    """The median of the rounds' ratios: runs of one round are neighbours in time."""
    return statistics.median(one["cpu"] / other["cpu"]
                             for one, other in zip(runs[name], runs[beside]))


def _table(bench, runs, records, *more):
    bench.say(f"  {'':20} {'us CPU each':>12} {'wall s':>7} {'peak MB':>8}"
              + "".join(f" {name:>8}" for name in more))
    for name, of in runs.items():
        one = {key: statistics.median(run[key] for run in of) for key in of[0]}
        bench.say(f"  {name:20} {1e6 * one['cpu'] / records:12.3f} {one['wall']:7.1f} "
                  f"{one['peak_mb']:8.0f}" + "".join(f" {one[key]:8.4g}" for key in more))
