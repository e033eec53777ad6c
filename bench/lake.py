"""The parts of ./dev bench about the lake: S3, many epochs, many partition values."""

import io
import itertools
import os
import pathlib
import statistics
import time

import pyarrow.parquet
from job import DECLARED, Job
from s3_servers import SignedS3

_RATE = 300_000
_PER_EPOCH = 100_000
_FOLDERS = itertools.count(1)
_TICK = os.sysconf("SC_CLK_TCK")


def s3(bench):
    """Epochs of a topic that is there already, paced by a cap, to an S3 server on this machine."""
    records = 2_000_000 if bench.arguments.quick else 10_000_000
    window = 2
    topic = bench.topic(records)
    folder = bench.scratch / "s3"
    folder.mkdir()
    with SignedS3(folder) as server:
        place = f"s3://{server.bucket}/bench"
        job = bench.run_job(
            topic, window, "--until-caught-up", "--metrics-address", "0",
            source=DECLARED | {"maxOffsetsPerTrigger": _RATE * window},
            sink={"path": f"{place}/lake"}, environment=server.environment,
            top={"checkpointLocation": f"{place}/state", "storage": f"{{endpoint: {server.url}}}"})
        seen = _watch(job)
        job.wait()
        rows = job.total("rows_written")
        found = sum(
            pyarrow.parquet.ParquetFile(io.BytesIO(server.client().get_object(
                Bucket=server.bucket, Key=key)["Body"].read())).metadata.num_rows
            for key in server.keys("bench/lake/part-"))
    assert (found, job.total("records")) == (rows, records), job.said[-1]
    commits = [metrics["sluice_commit_seconds"] for metrics, _ in seen.values()]
    rate = records / (job.wall - job.time_of("reading starts"))
    bench.say(f"\n{records:,} events to a local S3 server, {_RATE:,}/s by maxOffsetsPerTrigger, "
              f"windowSize {window} s: {len(commits)} epochs seen, {rate:,.0f}/s, "
              f"{job.cpu / job.wall:.2f} cores, peak {job.peak_mb:.0f} MB")
    bench.say(f"         trigger to commit record, median {statistics.median(commits):.2f} s")
    worst = max(commits)
    bench.target("trigger to commit record on S3, worst epoch", worst, "<= 2 s", worst <= 2, "s")
    bench.results["s3"] = {"commits": commits, "rate": rate, "cpu": job.cpu, "peak_mb": job.peak_mb}


def epochs(bench):
    """One job, very many epochs: what a record costs at the end beside the beginning."""
    count, each = (1000, 10_000) if bench.arguments.quick else (1000, _PER_EPOCH)
    topic = bench.topic(count * each)
    job = bench.run_job(topic, 0.1, "--until-caught-up", "--metrics-address", "0",
                        source=DECLARED | {"maxOffsetsPerTrigger": each})
    seen = _watch(job)
    job.wait()
    assert job.total("records") == count * each, job.said[-1]
    bench.say(f"\n{count:,} epochs of {each:,} records each, windowSize 100 ms: {job.wall:.0f} s, peak "
              f"{job.peak_mb:.0f} MB")
    cost = [1e6 * _cost(seen, each, count * i // 10, count * (i + 1) // 10) for i in range(10)]
    bench.say("         us CPU a record, tenth by tenth: " + " ".join(f"{one:.3f}" for one in cost))
    ratio = cost[-1] / cost[0]
    bench.target("CPU per record of the last tenth beside the first", ratio, "<= 1.1", ratio <= 1.1,
                 "x")
    bench.results["epochs"] = {"cost": cost, "wall": job.wall, "peak_mb": job.peak_mb}


def values(bench):
    """Partition values: what 200 cost beside one, and what 1,000 take of memory."""
    records = 2_000_000
    topic = bench.topic(records)
    runs = {1: [], 200: []}
    for turn in range(bench.arguments.rounds):
        for count in (1, 200) if turn % 2 else (200, 1):
            job = _partitioned(bench, topic, count, {"maxOffsetsPerTrigger": _PER_EPOCH}, 0.1)
            runs[count].append({"cpu": job.cpu, "wall": job.wall, "peak_mb": job.peak_mb})
            os.sync()
    bench.say(f"\n{records:,} events in epochs of {_PER_EPOCH:,}, by partition values; medians of "
              f"{bench.arguments.rounds} rounds")
    cost = {}
    for count, of in runs.items():
        cost[count] = statistics.median(run["cpu"] for run in of)
        bench.say(f"         {count:5} values: {1e6 * cost[count] / records:.3f} us CPU a record")
    ratio = cost[200] / cost[1]
    bench.target("CPU per record with 200 partition values beside one", ratio, "<= 1.5",
                 ratio <= 1.5, "x")
    job = _partitioned(bench, topic, 1000, {}, 5, memory="256 MiB")
    bench.say(f"\n{records:,} events, 1,000 partition values, maxMemory 256 MiB: {job.wall:.1f} s")
    bench.target("peak memory", job.peak_mb, "<= 268 MB", job.peak_mb <= 268, "MB")
    bench.results["values"] = {"runs": runs, "peak_mb_1000": job.peak_mb}


def _partitioned(bench, topic, values, options, window, **more):
    # A folder of its own, since file systems are slow to give out what was removed just before.
    job = Job(
        bench.scratch / f"values-{next(_FOLDERS)}", bench.broker.bootstrap, topic, window,
        "--until-caught-up", source=DECLARED | options,
        sql=f"SELECT *, user_id % {values} AS shard FROM clicks WHERE event <> 'view'",
        sink={"partitionKeys": "[shard]"}, **more).wait()
    folders = len(list(pathlib.Path(job.folder / "lake").glob("shard=*")))
    assert folders == values, (folders, values)
    return job


def _watch(job):
    """Epochs committed -> (metrics, CPU seconds so far), as seen ten times a second."""
    seen = {}
    while True:
        # Not reaped here: the job's own wait asks what it has cost.
        stat = pathlib.Path(f"/proc/{job.process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        if fields[0] == "Z":
            return seen
        try:
            metrics = job.metrics()
        except OSError:  # It is ending.
            metrics = {}
        cpu = sum(map(int, fields[11:13])) / _TICK
        if metrics.get("sluice_epochs_total", 0) > 0:
            seen[int(metrics["sluice_epochs_total"])] = metrics, cpu
        time.sleep(0.1)


def _cost(seen, each, first, last):
    """CPU seconds a record between two epochs, by those that were seen nearest to them."""
    begin, end = (min(seen, key=lambda epoch: abs(epoch - wanted)) for wanted in (first, last))
    return (seen[end][1] - seen[begin][1]) / (each * (end - begin))
