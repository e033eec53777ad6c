"""`sluice demo` with few records: totals add up, nothing is left behind, Ctrl-C is safe."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pyarrow.dataset
from markdown import ROOT

SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/sluice")).resolve()


def number(text, pattern):
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in\n{text}"
    return int(found.group(1).replace(",", ""))


def job_lines(text):
    """The lines of a job but for places and window."""
    own = ("windowSize", "checkpointLocation", "bootstrap.servers", "path")
    return [line for line in text.splitlines() if line.split(":")[0].strip() not in own]


def test_the_demo_counts_every_event(tmp_path):
    folder = tmp_path / "kept"
    done = subprocess.run([SLUICE, "demo", "--records", "20000", "--keep", folder],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert number(done.stdout, r"records +([\d,]+) in") == 20000
    assert number(done.stdout, r"rejects +([\d,]+),") == 20
    assert number(done.stdout, r"([\d,]+) json\.syntax") == 10
    assert number(done.stdout, r"([\d,]+) convert\.type") == 10
    assert " 0 lost, 0 doubled" in done.stdout

    # Another reader finds the same.
    table = pyarrow.dataset.dataset(folder / "lake/clicks", partitioning="hive").to_table()
    rows = table.num_rows
    assert rows == number(done.stdout, r"table +([\d,]+) rows")
    assert rows == number(done.stdout, r"\nall +([\d,]+) +[\d.]+\n")
    assert len(set(table.column("event_id").to_pylist())) == rows
    total = sum(table.column("total").to_pylist())
    shown = float(re.search(r"\nall +[\d,]+ +([\d.]+)\n", done.stdout).group(1))
    assert abs(total - shown) < 0.01
    letters = [json.loads(line) for file in (folder / "state/clicks/dead-letters").glob("part-*")
               for line in file.read_text().splitlines()]
    assert len(letters) == 20
    assert job_lines((folder / "clicks.yaml").read_text()) == \
        job_lines((ROOT / "examples/clicks.yaml").read_text())


def test_the_demo_leaves_nothing_behind(tmp_path):
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    done = subprocess.run([SLUICE, "demo", "--records", "1000"], env=environment,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_ctrl_c_commits_what_was_read_and_cleans_up(tmp_path):
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    with subprocess.Popen([SLUICE, "demo", "--records", "100000000"], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/lake/clicks/*/part-*")):
            assert demo.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=60)
    assert demo.returncode == 0, out + err
    assert "stopped before all events" in out
    assert number(out, r"table +([\d,]+) rows") > 0
    assert not list(tmp_path.iterdir())


def test_a_folder_with_things_in_it_is_refused(tmp_path):
    (tmp_path / "mine").write_text("precious")
    done = subprocess.run([SLUICE, "demo", "--keep", tmp_path], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (tmp_path / "mine").read_text() == "precious"
