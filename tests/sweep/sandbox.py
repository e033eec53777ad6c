"""A job at a place of its own, its processes, and what its readers see.

Input is files of a files source; every usable message has a number of its own, so that rows can be
compared with it one by one. Nothing here sleeps: processes are waited for.
"""

import collections
import json
import os
import re
import signal
import subprocess
import threading

LONGEST_SECONDS = 90
LEASE = "1 second"
SINKS = ("lake", "copy", "letters")
ALL_CLICKS = (
    "SELECT 'web' AS via, id, city FROM web UNION ALL SELECT 'app' AS via, id, city FROM app"
)


class SweepError(Exception):
    """A scenario did not come out as it must."""


class Process:
    """One life of the job: `sluice run --until-caught-up`, with failpoints."""

    def __init__(self, sluice, job_file, log, environment, failpoints=""):
        self.log = log
        environment = dict(os.environ, **environment)
        environment.pop("SLUICE_FAILPOINTS", None)
        if failpoints:
            environment["SLUICE_FAILPOINTS"] = failpoints
        with open(log, "wb") as err:
            self._popen = subprocess.Popen(
                [sluice, "run", job_file, "--until-caught-up", "--log-level", "warn"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, env=environment)
        self.pid = self._popen.pid
        self.ended = False
        self._watchdog = threading.Timer(LONGEST_SECONDS, self._give_up)
        self._watchdog.daemon = True
        self._watchdog.start()

    def _give_up(self):
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, until_stopped=False):
        """The exit code, -9 for a kill; None if it stopped, which only `until_stopped` waits for."""
        _, status = os.waitpid(self.pid, os.WUNTRACED if until_stopped else 0)
        if os.WIFSTOPPED(status):
            return None
        self.ended = True
        self._watchdog.cancel()
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        return self._popen.returncode

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def reached(self):
        return re.search(r"^failpoint \S+$", self.said(), re.MULTILINE) is not None

    def arrivals(self):
        """With *=count: point -> (arrivals, whether it can fail)."""
        found = re.findall(r"^failpoint (\S+): (\d+) arrivals(, can fail)?$", self.said(), re.MULTILINE)
        return {name: (int(count), bool(can_fail)) for name, count, can_fail in found}


class Sandbox:
    """The job: two sources, an open step and one that works row by row, two sinks and dead letters.

    `folder` has the input, the job file and the logs, `place` (places.py) all that the job writes.
    With `carries` its epochs are small, and the rows of `copy` wait for later ones.
    """

    def __init__(self, sluice, folder, place, carries=False):
        self.sluice = sluice
        self.folder = folder
        self.place = place
        self.job_file = os.path.join(folder, "job.yaml")
        self.expected = {sink: collections.Counter() for sink in SINKS}
        self._next = 0
        self._lives = 0
        source = {"type": "files", "classification": "json", "schema": "id bigint, city string"}
        copy = {"type": "files", "from": "romans", "format": "json",
                "path": place.location("copy")}
        if carries:
            source["maxOffsetsPerTrigger"] = 4
            copy["maxDelay"] = "1 hour"
        for name in ("web", "app"):
            os.makedirs(os.path.join(folder, name))
        job = {
            "name": "sweep", "checkpointLocation": place.location("checkpoint"),
            "windowSize": "100 ms" if carries else "1 hour",
            "leaseTimeout": LEASE, "minEpochsToRetain": 1,
            "spoolDirectory": os.path.join(folder, "spool"),
            "deadLetters": place.location("letters"),
            "sources": {name: source | {"path": os.path.join(folder, name)}
                        for name in ("web", "app")},
            "transforms": [{"name": "all_clicks", "sql": ALL_CLICKS},
                           {"name": "romans", "sql": "SELECT id, city FROM web WHERE city <> 'oslo'"}],
            "sinks": {"lake": {"type": "files", "from": "all_clicks", "format": "json",
                               "path": place.location("lake"), "partitionKeys": ["city"]},
                      "copy": copy},
        } | place.job_options
        with open(self.job_file, "w", encoding="utf-8") as file:
            json.dump(job, file, indent=2)

    def add_input(self):
        """A file for each source: twelve messages in three cities, one of them bad in `web`."""
        for source in ("web", "app"):
            lines = []
            for i in range(12):
                self._next += 1
                city = ("rome", "oslo", "bonn")[i % 3]
                lines.append(json.dumps({"id": self._next, "city": city}))
                self.expected["lake"][(source, self._next, city)] += 1
                if source == "web" and city != "oslo":
                    self.expected["copy"][(self._next, city)] += 1
            if source == "web":
                self._next += 1
                lines.insert(6, '{"id": %d, "city"' % self._next)
                self.expected["letters"][lines[6]] += 1
            path = os.path.join(self.folder, source)
            with open(os.path.join(path, ".new"), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            os.rename(os.path.join(path, ".new"), os.path.join(path, "%06d" % self._next))

    def start(self, failpoints=""):
        self._lives += 1
        log = os.path.join(self.folder, "stderr-%d" % self._lives)
        return Process(self.sluice, self.job_file, log, self.place.environment, failpoints)

    def run(self, failpoints="", must_end=True):
        """A whole life. Without failpoints it has to end well."""
        process = self.start(failpoints)
        code = process.wait()
        if must_end and code != 0:
            raise SweepError("a run%s ended with %d:\n%s" % (
                " with " + failpoints if failpoints else "", code, process.said()))
        return process, code

    def visible(self):
        """What a plain listing shows, as every reader has it: path -> bytes."""
        files = {}
        for sink in SINKS:
            files.update(self.place.visible(sink))
        return files

    def rows(self, only=None):
        """Rows by sink; of files whose name has `only` in it, if given."""
        rows = {sink: collections.Counter() for sink in SINKS}
        for path, data in self.visible().items():
            if only is not None and only not in path:
                continue
            sink = path.split("/")[0]
            city = re.search(r"/city=([^/]*)/", path)
            for line in data.decode().splitlines():
                row = json.loads(line)
                if sink == "lake":
                    rows[sink][(row["via"], row["id"], city.group(1))] += 1
                elif sink == "copy":
                    rows[sink][(row["id"], row["city"])] += 1
                else:
                    rows[sink][row["bytes"]] += 1
        return rows

    def check_rows(self, only=None):
        """0 lost and 0 doubled, row by row."""
        seen = self.rows(only)
        for sink, expected in self.expected.items():
            lost = expected - seen[sink]
            extra = seen[sink] - expected
            if lost or extra:
                raise SweepError("%s: %d lost %s, %d doubled or foreign %s" % (
                    sink, sum(lost.values()), list(lost)[:5], sum(extra.values()), list(extra)[:5]))

    def is_complete(self):
        return self.rows() == self.expected

    def slots(self):
        """The slots of the log, oldest first: (number, kind, payload). None without a start slot."""
        checkpoint_id = self.checkpoint_id()
        if checkpoint_id is None:
            return None
        folder = "checkpoint/" + checkpoint_id
        found = []
        for name in self.place.names(folder):
            if name.startswith("slot-"):
                head, _, payload = self.place.read(folder + "/" + name).partition("\n")
                head = head.split(" ")
                found.append((int(head[3]), head[4], json.loads(payload)))
        return found

    def writer_is(self, pid):
        """Whether this process wrote the newest takeover, or the start that nobody took over from."""
        slots = self.slots()
        if slots is None:
            return False
        takeovers = [payload["pid"] for _, kind, payload in slots if kind == "takeover"]
        return takeovers[-1] == pid if takeovers else self._lives == 1

    def restore_from_copy(self):
        for sink in SINKS:
            self.place.restore_from_copy(sink)

    def checkpoint_id(self):
        """None without a start slot."""
        start = self.place.read("checkpoint/start")
        return None if start is None else start.split(" ")[2]

    def decided_names(self):
        """Beginnings of the file names that decisions name."""
        names = set()
        for _, kind, payload in self.slots() or []:
            if kind != "decision":
                continue
            tokens = [sink["token"] for sink in payload["sinks"]]
            tokens.append((payload.get("deadLetters") or {}).get("token", ""))
            names.update(json.loads(token)["name"] for token in tokens if token)
        return names

    def delete_checkpoint(self):
        self.place.delete("checkpoint")
