"""The console sink: what a job prints beside what it writes, and who reads it."""

import json
import os
import pathlib
import pty
import re
import subprocess

import pytest
from job_harness import SLUICE, SLUICE_FAILPOINTS_BUILD, Job, text_rows

HEADER = re.compile(r"^Epoch: (\d+), ([\d,]+) rows? \((\w+)\)$", re.M)


class ConsoleJob:
    """Two sinks of the same rows: JSON lines in `lake`, and the console."""

    def __init__(self, folder, first="lake", **screen):
        sinks = {"lake": {"type": "files", "path": "lake", "format": "json"},
                 "screen": {"type": "console"} | screen}
        if first == "screen":
            sinks = dict(reversed(sinks.items()))
        self.input = folder / "in"
        self.input.mkdir()
        self.sent = []
        self.job = Job(folder, {
            "name": "looked-at", "windowSize": "200 ms", "checkpointLocation": "state",
            "leaseTimeout": "1 second",
            "sources": {"visits": {"type": "files", "path": "in", "classification": "json",
                                   "schema": "id bigint, city string"}},
            "sinks": sinks})

    def add(self, count):
        rows = [{"id": len(self.sent) + i, "city": f"city {len(self.sent) + i}"}
                for i in range(count)]
        (self.input / f"{len(self.sent):06d}.json").write_text(
            "".join(json.dumps(row) + "\n" for row in rows))
        self.sent += rows

    def run(self, **how):
        return self.job.run("--until-caught-up", **how)

    def command(self, binary=SLUICE):
        return [binary, "run", self.job.file.name, "--until-caught-up"]

    def rows(self):
        return sorted(text_rows(self.job.lake()), key=lambda row: row["id"])


def test_json_goes_to_a_pipe_while_the_lake_gets_all(tmp_path):
    looked = ConsoleJob(tmp_path, format="json", numRows=5)
    looked.add(100)
    done = looked.run().ok()
    assert [json.loads(line) for line in done.out.splitlines()] == looked.sent[:5]
    assert "shows only the first rows of the epoch" in done.err and "shown=5 of=100" in done.err
    assert looked.rows() == looked.sent
    looked.add(3)
    done = looked.run().ok()
    assert [json.loads(line) for line in done.out.splitlines()] == looked.sent[100:]
    assert "only the first rows" not in done.err
    assert looked.rows() == looked.sent


def test_a_table_for_each_epoch_that_had_rows(tmp_path):
    looked = ConsoleJob(tmp_path)
    looked.add(3000)
    done = looked.run().ok()
    lines = done.out.splitlines()
    assert lines[:4] == ["Epoch: 1, 3,000 rows (screen)", "id  city", "--  -------", " 0  city 0"]
    assert lines[-2:] == ["only showing top 20 rows", ""]
    assert len(lines) == 3 + 20 + 2
    assert looked.run().ok().out == ""
    looked.add(1)
    assert looked.run().ok().out == "Epoch: 2, 1 row (screen)\n  id  city\n----  ---------\n" \
        "3000  city 3000\n\n"


@pytest.mark.parametrize("point, prints", [("K6", 0), ("K8", 0), ("K12", 1)])
def test_a_killed_job_prints_a_decided_epoch_at_least_once(tmp_path, point, prints):
    """Before the decision nothing is printed; after the print it is repeated, word for word."""
    looked = ConsoleJob(tmp_path, numRows=2)
    looked.add(50)
    killed = looked.run(failpoints=f"{point}=kill")
    assert len(HEADER.findall(killed.out)) == prints
    again = looked.run().ok()
    assert HEADER.findall(again.out) == [("1", "50", "screen")]
    if prints:
        assert again.out == killed.out
    assert looked.rows() == looked.sent


@pytest.mark.parametrize("first", ["lake", "screen"])
def test_a_reader_that_goes_away_ends_the_job_with_a_reason_and_loses_nothing(tmp_path, first):
    looked = ConsoleJob(tmp_path, first=first)
    looked.add(10)
    # A reader that is there at the start and never reads.
    reader, writer = os.pipe()
    # Stopped at its decision, so that the reader is gone when it is to print.
    environment = dict(os.environ, SLUICE_FAILPOINTS="K8=stop")
    job = subprocess.Popen(looked.command(SLUICE_FAILPOINTS_BUILD), cwd=looked.job.folder,
                           env=environment, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    os.waitpid(job.pid, os.WUNTRACED)
    os.close(reader)
    job.send_signal(18)  # SIGCONT
    _, err = job.communicate(timeout=60)
    assert job.returncode == 1, err
    assert "the reader of standard output went away" in err and "[console.closed]" in err, err
    assert "Nothing is lost" in err
    assert "sink screen, commit of epoch 1" in err
    done = looked.run().ok()
    assert HEADER.findall(done.out) == [("1", "10", "screen")]
    assert looked.rows() == looked.sent


def test_a_closed_standard_output_is_refused_at_the_start(tmp_path):
    looked = ConsoleJob(tmp_path)
    looked.add(10)
    command = " ".join(looked.command())
    done = subprocess.run(["bash", "-c", f"{command} >&-"], cwd=looked.job.folder,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "standard output is closed" in done.stderr, done.stderr
    assert "sink screen" in done.stderr
    assert not looked.rows()
    # No file of the job took its place.
    for path in pathlib.Path(looked.job.folder).rglob("*"):
        assert path.is_dir() or b"Epoch: " not in path.read_bytes()
    looked.run().ok()
    assert looked.rows() == looked.sent


def test_a_job_without_its_console_goes_on(tmp_path):
    looked = ConsoleJob(tmp_path)
    looked.add(10)
    looked.run(failpoints="K8=kill")
    del looked.job.definition["sinks"]["screen"]
    looked.job.write(looked.job.definition)
    looked.run().failed(2, r"checkpoint\.removed_sink")
    done = looked.job.run("--until-caught-up", "--drop", "screen").ok()
    assert HEADER.findall(done.out) == [("1", "10", "screen")]
    assert looked.rows() == looked.sent


def test_rows_and_log_lines_do_not_mix_on_one_pipe(tmp_path):
    looked = ConsoleJob(tmp_path, truncate=False, numRows=400)
    looked.job.definition["sources"]["visits"]["maxOffsetsPerTrigger"] = 500
    looked.job.write(looked.job.definition)
    for _ in range(6):
        looked.add(500)
    done = subprocess.run([*looked.command(), "--log-level", "debug"], cwd=looked.job.folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0
    blocks = re.findall(r"^Epoch: .*?^only showing top 400 rows\n\n", done.stdout, re.M | re.S)
    assert len(blocks) == len(HEADER.findall(done.stdout)) > 0
    for block in blocks:
        assert len(block.splitlines()) == 3 + 400 + 2
        assert not re.search(r"\d{4}-\d\d-\d\dT", block), block
    assert looked.rows() == looked.sent


def test_on_a_terminal_the_live_line_makes_way(tmp_path):
    looked = ConsoleJob(tmp_path)
    looked.add(3)
    primary, secondary = pty.openpty()
    job = subprocess.Popen(looked.command(), cwd=looked.job.folder, stdout=secondary,
                           stderr=secondary)
    os.close(secondary)
    screen = b""
    while True:
        try:
            chunk = os.read(primary, 65536)
        except OSError:
            break
        if not chunk:
            break
        screen += chunk
    assert job.wait(60) == 0
    os.close(primary)
    # What a terminal shows: each "erase the line" empties what stands on it.
    lines = [line.rpartition("\r\x1b[K")[2].strip("\r") for line in screen.decode().split("\n")]
    at = lines.index("Epoch: 1, 3 rows (screen)")
    assert lines[at + 1:at + 7] == ["id  city", "--  ------", " 0  city 0", " 1  city 1",
                                    " 2  city 2", ""]
