"""Whole jobs with their lake, and their checkpoint, on S3: real servers, and what goes wrong.

The records come from a folder, so that a life of a job takes a second; test_kafka_jobs.py has the
broker, and ../sweep kills a job on S3 at each point.
"""

import collections
import io
import json
import os
import re
import signal
import subprocess
import urllib.parse

import pyarrow.parquet
import pytest
from http_fault_proxy import FaultProxy
import fault_actions
from job_harness import SLUICE, Job, wait_until
from s3_servers import ACCESS_KEY, SECRET_KEY, MotoS3, SignedS3

CITIES = ["Berlin", "São Paulo", "a b+c", "x/../y", "50%", "", None, "..", "a=b", "q?&#"]
CALLS = ["PutObjectIfNoneMatch", "PutObject", "GetObject", "HeadObject", "DeleteObject",
         "ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
         "AbortMultipartUpload", "ListMultipartUploads"]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with MotoS3(tmp_path_factory.mktemp("moto")) as server:
        yield server


class S3Job:
    """A job of its own prefix on `server`, reached at `url`."""

    def __init__(self, folder, server, url=None, sink=None, **changes):
        self.server = server
        self.prefix = folder.name
        self.sent = []
        self.input = folder / "in"
        self.input.mkdir()
        url = url or server.url
        self.environment = dict(server.environment)
        self.job = Job(folder, {
            "name": "visits", "windowSize": "1 second",
            "checkpointLocation": f"s3://{server.bucket}/{self.prefix}/state",
            "storage": {"endpoint": url},
            "sources": {"visits": {"type": "files", "path": "in", "classification": "json",
                                   "schema": "id bigint, city string"}},
            "sinks": {"lake": {"type": "files", "path": f"s3://{server.bucket}/{self.prefix}/lake",
                               "partitionKeys": ["city"]} | (sink or {})}} | changes)

    def add(self, count=100):
        rows = [{"id": len(self.sent) + i, "city": CITIES[(len(self.sent) + i) % len(CITIES)]}
                for i in range(count)]
        name = self.input / f"{len(self.sent):06d}.json"
        name.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.sent += rows

    def run(self, *words, **how):
        how["env"] = self.environment | how.pop("env", {})
        return self.job.run("--until-caught-up", *words, timeout=180, **how)

    def shown(self, what, *words):
        """`sluice checkpoint show` or `schema show` of its place: the server is found by the
        environment."""
        environment = dict(os.environ, AWS_ENDPOINT_URL_S3=self.server.url,
                           **self.server.environment)
        return subprocess.run([SLUICE, what, "show", self.job.checkpoint, *words], env=environment,
                              capture_output=True, text=True, timeout=60)

    def rows(self):
        """What a plain listing of the bucket shows."""
        client = self.server.client()
        rows = []
        for key in self.server.keys(f"{self.prefix}/lake/"):
            name = key.removeprefix(f"{self.prefix}/lake/")
            if name.startswith((".", "_")):  # Of a start's probe: no reader takes it for data.
                continue
            assert re.fullmatch(r"city=[^/]*/part-[0-9a-f]{8}-[^/]*\.snappy\.parquet", name), key
            body = client.get_object(Bucket=self.server.bucket, Key=key)["Body"].read()
            city = urllib.parse.unquote(name.split("/")[0].removeprefix("city="))
            city = None if city == "__HIVE_DEFAULT_PARTITION__" else city
            for row in pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist():
                rows.append((row["id"], city))
        return rows

    def check(self):
        """Every row once, and nothing left over."""
        expected = [(row["id"], row["city"] or None) for row in self.sent]
        got = self.rows()
        lost = collections.Counter(expected) - collections.Counter(got)
        doubled = collections.Counter(got) - collections.Counter(expected)
        assert not lost and not doubled, f"lost {lost}, doubled {doubled}"

    def no_leftovers(self):
        assert not self.server.uploads(self.prefix)
        assert not [key for key in self.server.keys(self.prefix) if ".probe-" in key]


@pytest.mark.parametrize("which", ["signed", "moto"])
def test_a_lake_and_its_checkpoint_on_s3(tmp_path, request, which):
    server = request.getfixturevalue(which)
    job = S3Job(tmp_path, server)
    for _ in range(3):
        job.add()
        job.run().ok()
    job.check()
    job.no_leftovers()
    assert len(json.loads(job.shown("checkpoint", "--json").stdout)["decisions"]) == 3
    learned = job.shown("schema")
    assert "nothing is learned yet" in learned.stderr, learned
    # Small files: one a partition and epoch.
    assert len(server.keys(f"{job.prefix}/lake/")) <= 3 * len(CITIES)


def test_only_the_lake_on_s3_and_settings_of_the_sinks_own(tmp_path, signed):
    job = S3Job(tmp_path, signed, checkpointLocation="state",
                storage={"endpoint": "http://127.0.0.1:9", "region": "nowhere-1"},
                sink={"storage": {"endpoint": signed.url, "region": "eu-central-1",
                                  "accessKeyId": "${ENV:MY_ID}",
                                  "secretAccessKey": "${ENV:MY_SECRET}"}})
    job.environment = {"MY_ID": ACCESS_KEY, "MY_SECRET": SECRET_KEY}
    job.add()
    job.run().ok()
    # Decided and not committed: the next process commits it with the same settings.
    job.add()
    job.run(failpoints="K8=kill")
    job.run().ok()
    job.check()
    job.no_leftovers()


def test_a_lake_of_big_files_goes_in_parts(tmp_path, signed):
    job = S3Job(tmp_path, signed, sink={"partitionKeys": [], "format": "json"},
                sources={"visits": {"type": "files", "path": "in", "classification": "json",
                                    "schema": "id bigint, text string"}})
    (job.input / "big.json").write_text(
        "".join(json.dumps({"id": i, "text": "x" * 2000}) + "\n" for i in range(10_000)))
    with FaultProxy(signed.url.removeprefix("http://")) as proxy:
        job.job.write(job.job.definition | {"storage": {"endpoint": proxy.url}})
        job.run().ok()
        assert proxy.count("UploadPart") >= 3
    keys = signed.keys(f"{job.prefix}/lake/")
    assert len(keys) == 1
    lines = signed.client().get_object(Bucket=signed.bucket, Key=keys[0])["Body"].read().splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(10_000))
    job.no_leftovers()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["lose_reply", "slow_down", "duplicate"])
def test_every_call_may_fail(tmp_path, signed, call, fault):
    """Every second one of its kind does."""
    with FaultProxy(signed.url.removeprefix("http://"), seed=1) as proxy:
        job = S3Job(tmp_path, signed, proxy.url)
        proxy.add_rule(getattr(fault_actions, fault)(), call=call, nth=range(1, 10_000, 2))
        for _ in range(2):
            job.add(40)
            job.run().ok()
        if call != "AbortMultipartUpload":  # Of which a life without an error has none.
            assert proxy.faulted(call) > 0
    job.check()


def test_everything_fails_at_times(tmp_path, signed):
    with FaultProxy(signed.url.removeprefix("http://"), seed=2) as proxy:
        job = S3Job(tmp_path, signed, proxy.url)
        for action in (fault_actions.lose_reply(), fault_actions.slow_down(),
                       fault_actions.reset(), fault_actions.cut_request(100)):
            proxy.add_rule(action, probability=0.05)
        for _ in range(4):
            job.add(40)
            job.run().ok()
    job.check()


def test_replies_are_lost_over_many_epochs(tmp_path, signed):
    """Every third one of each kind of call, in the same job."""
    with FaultProxy(signed.url.removeprefix("http://")) as proxy:
        job = S3Job(tmp_path, signed, proxy.url, windowSize="100 ms", minEpochsToRetain=1)
        job.job.definition["sources"]["visits"]["maxOffsetsPerTrigger"] = 20
        job.job.write(job.job.definition)
        for call in [*CALLS, "GetBucketLifecycleConfiguration"]:
            proxy.add_rule(fault_actions.lose_reply(), call=call, nth=range(3, 10_000, 3))
        for _ in range(4):
            job.add(60)
            job.run().ok()
            # Its uploads are given up by the next one.
            job.add(60)
            job.run(failpoints="K6=kill").failed(-signal.SIGKILL)
        job.run().ok()
        for call in CALLS:
            assert proxy.faulted(call) > 0, proxy.counts()
        proxy.clear()
        # Uploads that were begun twice are given up once their epoch is retained no more; those of
        # probes after an hour.
        for _ in range(2):
            job.add(60)
            job.run().ok()
        left = [key for key, _ in signed.uploads(f"{job.prefix}/")]
        assert all("/.probe-" in key for key in left), left
    job.check()
    assert json.loads(job.shown("checkpoint", "--json").stdout)["committedEpoch"] >= 10


def test_an_upload_given_up_by_somebody_stops_the_job_by_name(tmp_path, signed):
    job = S3Job(tmp_path, signed)
    job.add()
    job.run(failpoints="K8=kill")
    uploads = signed.uploads(job.prefix)
    assert uploads
    for key, upload in uploads:
        signed.client().abort_multipart_upload(Bucket=signed.bucket, Key=key, UploadId=upload)
    ended = job.run()
    assert ended.code == 1
    assert "storage.staged_missing" in ended.err and "/lake/city=" in ended.err
    assert job.rows() == []


def test_what_a_user_can_mend_is_said_at_once(tmp_path, signed):
    job = S3Job(tmp_path, signed)
    job.add()
    ended = job.run(env={"AWS_SECRET_ACCESS_KEY": "canary-wrong"})
    assert ended.code == 2 and "storage.denied" in ended.err and "canary" not in ended.err
    definition = job.job.definition
    job.job.write(definition | {"checkpointLocation": f"s3://no-such-bucket/{job.prefix}"})
    ended = job.run()
    assert ended.code == 2 and "storage.no_bucket" in ended.err and "no-such-bucket" in ended.err
    job.job.write(definition | {"storage": {"endpont": "x"}})
    ended = job.run()
    assert ended.code == 2 and "did you mean 'endpoint'" in ended.err
    job.job.write(definition | {"storage": {"endpoint": "http://127.0.0.1:9"}})
    with job.job.start(env=job.environment) as running:
        running.wait_log("cannot be reached")
    job.job.write(definition)
    job.run().ok()
    job.check()


def test_a_clock_that_is_off_is_named(tmp_path, signed):
    with FaultProxy(signed.url.removeprefix("http://")) as proxy:
        job = S3Job(tmp_path, signed, proxy.url)
        job.add()
        proxy.add_rule(fault_actions.skewed())
        job.run().failed(2, r"storage\.clock", "set the clock of this machine")
        proxy.clear()
        job.run().ok()
    job.check()


def test_credentials_that_end_while_the_job_runs(tmp_path, signed):
    """The job goes on by itself once they are mended."""
    with FaultProxy(signed.url.removeprefix("http://")) as proxy:
        job = S3Job(tmp_path, signed, proxy.url)
        job.add()
        with job.job.start(env=job.environment) as running:
            wait_until(lambda: len(job.rows()) == 100, "the first rows")
            rule = proxy.add_rule(fault_actions.expired_token())
            job.add()
            proxy.wait_for(lambda: rule.acted > 5)
            proxy.clear()
            wait_until(lambda: len(job.rows()) == 200, "the rows after it", timeout=60)
            running.send(signal.SIGINT)
            running.end(60).ok()
    job.check()
    job.no_leftovers()
