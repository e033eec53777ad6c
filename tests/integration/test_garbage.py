"""`sluice checkpoint gc`: what killed attempts left staged, on a local disk and on S3."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from job_harness import SLUICE, Job, text_rows
from s3_servers import SignedS3


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("s3")) as server:
        yield server


class LocalTarget:
    """Whole jobs from a folder into JSON lines, and what lies staged by a plain listing."""

    environment = {}

    def __init__(self, folder, server=None):
        del server
        self.folder = folder
        self.sent = []
        (folder / "in").mkdir()
        self.job = Job(folder, self.definition())

    def definition(self):
        return {"name": "visits", "windowSize": "300 ms", "checkpointLocation": "state",
                "leaseTimeout": "1 second",
                "sources": {"visits": {"type": "files", "path": "in", "classification": "json",
                                       "schema": "id bigint, city string"}},
                "sinks": {"lake": {"type": "files", "path": "lake", "format": "json"}}}

    def add(self, count=10):
        rows = [{"id": len(self.sent) + i, "city": "Berlin"} for i in range(count)]
        (self.folder / f"in/{len(self.sent):06d}.json").write_text(
            "".join(json.dumps(row) + "\n" for row in rows))
        self.sent += rows

    def start(self, *words, **how):
        return self.job.start(*words, env=self.environment, **how)

    def run(self, **how):
        return self.job.run("--until-caught-up", env=self.environment, timeout=180, **how)

    def gc(self, *words):
        return subprocess.run([SLUICE, "checkpoint", "gc", self.job.file.name, *words],
                              cwd=self.folder, env=dict(os.environ, **self.environment),
                              capture_output=True, text=True, timeout=120, check=False)

    def listed(self, *words):
        """By state: what `gc --json` lists."""
        done = self.gc("--json", *words)
        assert done.returncode == 0, done.stderr
        by_state = {}
        for one in json.loads(done.stdout)["leftovers"]:
            by_state.setdefault(one["state"], []).append(one)
        return by_state

    def staged(self):
        return sorted(str(path) for path in (self.folder / "lake/_staging").rglob("*")
                      if path.is_file())

    def drop_checkpoint(self):
        shutil.rmtree(self.folder / "state")

    def rows(self):
        return sorted(text_rows(self.folder / "lake"), key=lambda row: row["id"])


class S3Target(LocalTarget):
    def __init__(self, folder, server):
        self.server = server
        self.prefix = folder.name
        self.environment = dict(server.environment)
        super().__init__(folder)

    def definition(self):
        place = f"s3://{self.server.bucket}/{self.prefix}"
        return super().definition() | {
            "checkpointLocation": f"{place}/state", "storage": {"endpoint": self.server.url},
            "sinks": {"lake": {"type": "files", "path": f"{place}/lake", "format": "json"}}}

    def staged(self):
        return sorted(key for key, _ in self.server.uploads(f"{self.prefix}/lake/")
                      if ".probe-" not in key)

    def drop_checkpoint(self):
        for key in self.server.keys(f"{self.prefix}/state/"):
            self.server.client().delete_object(Bucket=self.server.bucket, Key=key)

    def rows(self):
        rows = []
        for key in self.server.keys(f"{self.prefix}/lake/"):
            if "/part-" in key:
                body = self.server.client().get_object(Bucket=self.server.bucket, Key=key)["Body"]
                rows += [json.loads(line) for line in body.read().splitlines()]
        return sorted(rows, key=lambda row: row["id"])


@pytest.fixture(params=["local", "s3"])
def target(request, tmp_path):
    if request.param == "local":
        return LocalTarget(tmp_path)
    return S3Target(tmp_path, request.getfixturevalue("signed"))


def killed_staging(target):
    """One epoch committed, then an attempt that staged and was killed; the staged names."""
    target.add()
    target.run().ok()
    target.add()
    target.run(failpoints="K5=kill")
    staged = target.staged()
    assert len(staged) == 1
    return staged


def test_leftovers_are_listed_then_removed(target):
    staged = killed_staging(target)
    for _ in range(2):
        listed = target.listed("--dry-run")
        assert list(listed) == ["garbage"]
        (one,) = listed["garbage"]
        assert one["place"].endswith(staged[0].rpartition("/lake/")[2])
        assert (one["sink"], one["epoch"], one["removed"]) == ("lake", 2, False)
        assert re.fullmatch(r"\d+\.1", one["attempt"]) and one["since"].startswith("20")
        assert target.staged() == staged
    shown = target.gc("--dry-run").stdout
    assert shown.startswith("1 leftover to remove\nsink  checkpoint"), shown
    done = target.gc()
    assert done.returncode == 0 and done.stdout.startswith("1 leftover removed\n"), done
    assert target.staged() == []
    assert target.gc("--dry-run").stdout == "nothing to remove\n"
    assert target.gc().stdout == "nothing was to be removed\n"
    target.run().ok()
    assert target.rows() == target.sent


def test_a_next_run_removes_them_too(target):
    killed_staging(target)
    target.run().ok()
    assert target.staged() == [] and target.listed("--dry-run") == {}
    assert target.rows() == target.sent


def test_what_is_decided_is_no_garbage(target):
    target.add()
    target.run(failpoints="K8=kill")
    assert len(target.staged()) == 1
    assert list(target.listed("--dry-run")) == ["kept"]
    shown = target.gc()
    assert shown.stdout == ("nothing was to be removed\n\n1 staged of decided epochs: no leftover, "
                            "the next run needs it\n"), shown
    assert len(target.staged()) == 1
    target.run().ok()
    assert target.rows() == target.sent and target.staged() == []


def test_other_checkpoints_stay_unless_named(target):
    staged = killed_staging(target)
    gone = target.listed("--dry-run")["garbage"][0]["checkpointId"]
    target.drop_checkpoint()
    # Without a checkpoint, and with another one.
    for _ in range(2):
        assert list(target.listed("--dry-run")) == ["other"]
        assert target.listed()["other"][0]["checkpointId"] == gone
        assert target.staged() == staged
        warned = target.run().ok()
    if isinstance(target, S3Target):  # A listing of objects has no uploads.
        assert gone in target.gc("--dry-run").stdout
    else:
        assert "sluice checkpoint gc JOB --dry-run" in warned.err
    wrong = target.gc("--checkpoint-id", "0" * 32)
    assert wrong.returncode == 0 and target.staged() == staged
    assert target.gc("--dry-run", "--checkpoint-id", gone).stdout.startswith("1 leftover to remove")
    assert target.staged() == staged
    assert target.gc("--checkpoint-id", gone).stdout.startswith("1 leftover removed")
    assert target.staged() == []


def test_a_running_job_is_left_alone(target):
    target.add()
    target.run().ok()
    with target.start(failpoints="K6=stop") as running:
        target.add()
        running.wait_stopped()
        staged = target.staged()
        assert len(staged) == 1
        assert list(target.listed("--dry-run")) == ["open"]
        assert "an attempt that may be going on" in target.gc("--dry-run").stdout
        running.send(signal.SIGCONT)
        running.wait_log("job starts")
        refused = target.gc()
        assert refused.returncode == 4 and "[checkpoint.superseded]" in refused.stderr, refused
        assert refused.stdout == ""
        running.stop().ok()
    assert target.rows() == target.sent


@pytest.mark.parametrize("point", ["K4", "K5", "K6", "K8"])
def test_a_stopped_job_that_wakes_after_gc_does_no_harm(target, point):
    target.add()
    target.run().ok()
    with target.start(failpoints=f"{point}=stop") as old:
        target.add()
        old.wait_stopped()
        collected = target.gc()
        assert collected.returncode == 0, collected.stderr
        target.add()
        target.run().ok()
        old.send(signal.SIGCONT)
        old.end().failed(4, r"\[checkpoint\.superseded\]")
    target.run().ok()
    assert target.rows() == target.sent
    target.gc()
    assert target.staged() == []


def test_a_collector_that_wakes_late_deletes_nothing_newer(target):
    """Stopped between its list and its removals, while a newer process staged and decided."""
    killed_staging(target)
    with target.start(failpoints="K14:2=stop") as old:
        old.wait_stopped()
        target.add()
        newer = target.run(failpoints="K8=kill")
        assert newer.code == -signal.SIGKILL
        (kept,) = target.listed("--dry-run")["kept"]
        old.send(signal.SIGCONT)
        old.end().failed(4, r"\[checkpoint\.superseded\]")
        assert [one["place"] for one in target.listed("--dry-run")["kept"]] == [kept["place"]]
    target.run().ok()
    assert target.rows() == target.sent and target.staged() == []


def test_mistakes_are_told(tmp_path):
    target = LocalTarget(tmp_path)
    assert target.gc("--dry-run").stdout == "nothing to remove\n"
    assert not pathlib.Path(tmp_path / "state").exists()
    target.add()
    target.run().ok()
    own = target.job.show()["checkpointId"]
    for words, says in [(("--checkpoint-id", "xyz"), "32 hex digits"),
                        (("--checkpoint-id", own), "this job's own checkpoint"),
                        (("--checkpoint-id", own[:8]), "this job's own checkpoint")]:
        done = target.gc(*words)
        assert done.returncode == 2 and says in done.stderr, done
    folder = subprocess.run([SLUICE, "checkpoint", "gc", "state"], cwd=tmp_path,
                            capture_output=True, text=True, timeout=60, check=False)
    assert folder.returncode == 2 and "give that" in folder.stderr
    target.job.write(target.job.definition | {"name": "others"})
    done = target.gc("--dry-run")
    assert done.returncode == 2 and "[checkpoint.foreign]" in done.stderr
