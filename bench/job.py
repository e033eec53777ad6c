"""Runs of the sluice program, with what they cost."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
SLUICE = ROOT / "build/release/bin/sluice"

# The job of the README, without partitionKeys.
_JOB = """name: clicks
windowSize: {window} seconds
maxMemory: {memory}
{top}sources:
  clicks:
    type: kafka
    bootstrap.servers: {bootstrap}
    security.protocol: PLAINTEXT
    topicName: {topic}
    startingOffsets: earliest
{options}
transforms:
  - name: sales
    sql: {sql}
sinks:
  lake:
    type: files
    from: sales
    format: parquet
    compression: snappy
{sink}
"""
SQL = "SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'"


# Options of its source.
DECLARED = {
    "classification": "json",
    "schema": "event_id string, ts timestamp, user_id bigint, session string, event string, "
              "price double, quantity int, city string, geo struct<lat:double,lon:double>, "
              "ua string, tags array<string>, ok boolean"}


def _lines(options, indent="    "):
    return "\n".join(f"{indent}{name}: {value}" for name, value in options.items())


class Job:
    """One run. Times are seconds since the process was started.

    source    options that say what the source's columns are
    begun     a copy of the folder of an earlier run, which this one goes on from
    sink, top options of its sink and of the job, besides those above; `environment` is its own
    said      (time, line) of its log
    seen      time at which each data file was first there, by name
    usage     rusage, after wait()
    """

    def __init__(self, folder, bootstrap, topic, window, *words, memory="1 GiB",
                 source=DECLARED, begun=None, sql=SQL, sink=None, top=None, environment=None):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        if begun is None:
            self.folder.mkdir(parents=True)
        else:
            shutil.copytree(begun, self.folder)
        (self.folder / "job.yaml").write_text(_JOB.format(
            window=window, memory=memory, folder=self.folder, bootstrap=bootstrap, topic=topic,
            options=_lines(source), sql=sql,
            sink=_lines({"path": f"{self.folder}/lake"} | (sink or {})),
            top=_lines({"checkpointLocation": f"{self.folder}/state"} | (top or {}), "") + "\n"))
        self.said, self.seen, self.usage = [], {}, None
        self._over = threading.Event()
        self.start = time.monotonic()
        self.process = subprocess.Popen([SLUICE, "run", self.folder / "job.yaml", *words],
                                        stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(environment or {})))
        self._threads = [threading.Thread(target=self._listen), threading.Thread(target=self._watch)]
        for thread in self._threads:
            thread.start()

    def now(self):
        return time.monotonic() - self.start

    def _listen(self):
        for line in self.process.stderr:
            self.said.append((self.now(), line.rstrip()))

    def _watch(self):
        # Ten looks a second: more would take part of the two cores from what is measured.
        while not self._over.wait(0.1):
            self._look()
        self._look()

    def _look(self):
        try:
            for entry in os.scandir(self.folder / "lake"):
                if entry.name[0] not in "._":
                    self.seen.setdefault(entry.name, self.now())
        except FileNotFoundError:
            pass

    def time_of(self, text):
        """When the log first said `text`."""
        return next((at for at, line in self.said if text in line), None)

    def metrics(self):
        """The job's metrics by name with labels; {} before they are served."""
        port = next((m[1] for _, line in self.said
                     if (m := re.search(r"metrics are served.*port=(\d+)", line))), None)
        if port is None:
            return {}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines if line and line[0] != "#"}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        _, status, self.usage = os.wait4(self.process.pid, 0)
        self.wall = self.now()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.process.returncode != 0:
            raise SystemExit("bench: the job failed:\n" + "\n".join(l for _, l in self.said))
        return self

    @property
    def cpu(self):
        return self.usage.ru_utime + self.usage.ru_stime

    @property
    def peak_mb(self):
        return self.usage.ru_maxrss * 1024 / 1e6

    def total(self, name):
        """A figure of the log's last line."""
        return int(re.search(rf" {name}=(\d+)", self.said[-1][1])[1])


def generate(bootstrap, topic, records, *words):
    """The process that writes events to the topic."""
    return subprocess.Popen([SLUICE, "generate", "--records", str(records), "--topic", topic,
                             "--bootstrap", bootstrap, *words], stderr=subprocess.DEVNULL)
