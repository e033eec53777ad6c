"""Kills, fails, stops and supersedes a job at every failpoint, and compares rows one by one.

usage: sweep.py SLUICE [POINT...] [--quick] [--place local|s3] [--jobs N]
  SLUICE   a build with failpoints
  POINT    only these points
  --quick   each point at one arrival, in the first life in which it is reached
  --place   only the job in a local folder, or only the one on S3
Prints a table of points; exit code 1 if anything was lost, doubled or otherwise not as it must be.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import functools
import glob
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/integration"))

import scenarios  # noqa: E402
from places import LocalPlace, S3Place  # noqa: E402
from s3_servers import SignedS3  # noqa: E402
from sandbox import Sandbox, SweepError  # noqa: E402

ACTIONS = ("kill", "fail", "stop", "delete", "recovery")

# Ways to prepare a life in which points are armed.


def _first(box):
    box.add_input()


def _second(box):
    box.add_input()
    box.run()
    box.add_input()


def _decided(box):
    """An epoch is decided, nothing of it committed."""
    _second(box)
    box.run("K8=kill", must_end=False)


def _committed(box):
    """All sinks have committed, the commit record is missing."""
    _second(box)
    box.run("K12=kill", must_end=False)


def _restored(box):
    """As above, and the target was restored from a copy, where staged and published are two files."""
    _committed(box)
    box.restore_from_copy()


def _carried(box):
    """An epoch is committed, and the rows of a sink wait for a later one."""
    box.add_input()
    box.run("K18=kill", must_end=False)
    box.add_input()


Life = collections.namedtuple("Life", "prepare carries places", defaults=(False, ("local", "s3")))
LIVES = {"first": Life(_first), "second": Life(_second), "decided": Life(_decided),
         "committed": Life(_committed), "restored": Life(_restored, places=("local",)),
         "carried": Life(_carried, carries=True)}

Arrivals = collections.namedtuple("Arrivals", "place life points")
Task = collections.namedtuple("Task", "point action place life at run")


def points_in_code():
    """All names of failpoints in the sources."""
    names = set()
    for path in glob.glob(str(ROOT / "src/**/*.cc"), recursive=True):
        with open(path, encoding="utf-8") as file:
            if "/core/" not in path and "_test" not in path:
                names.update(re.findall(r'FAILPOINT(?:_ERROR)?\("(\w+)"\)', file.read()))
    return sorted(names, key=lambda name: (name[0], int(name[1:])))


class Sweep:
    """Runs what is asked on fresh boxes. `server`: of the boxes on S3."""

    def __init__(self, sluice, server):
        self._sluice, self._server = sluice, server

    def with_box(self, place, life, run):
        """Runs `run` on a fresh box that is ready for the armed life."""
        folder = tempfile.mkdtemp(prefix="sluice-sweep-")
        where = (LocalPlace(folder) if place is LocalPlace
                 else S3Place(self._server, os.path.basename(folder)))
        try:
            box = Sandbox(self._sluice, folder, where, LIVES[life].carries)
            LIVES[life].prepare(box)
            return run(box)
        finally:
            where.clear()
            shutil.rmtree(folder, ignore_errors=True)

    def count_arrivals(self, place_and_life):
        place, life = place_and_life
        return Arrivals(place, life, self.with_box(
            place, life, lambda box: box.run("*=count")[0].arrivals()))

    def run_task(self, task):
        try:
            return self.with_box(task.place, task.life, task.run), None
        except (SweepError, OSError) as error:
            return False, str(error)


def places_of(point, places):
    """Where a point has to be reached."""
    owners = [place for place in places if point[0] == place.own_points]
    foreign = any(point[0] == place.own_points for place in (LocalPlace, S3Place))
    return owners if foreign else places


def plan_point(point, place, life, count, can_fail, once):
    """The tasks of one point in one life."""
    if once:
        # The first ones of a point of S3 are those of the probe at the start.
        arrivals = [count if point[0] == S3Place.own_points else 1]
    else:
        arrivals = sorted({1, min(2, count), (count + 1) // 2, count})
    for arrival in arrivals:
        at = point if arrival == 1 else "%s:%d" % (point, arrival)
        functions = {"kill": scenarios.kill, "fail": scenarios.fail,
                     "stop": scenarios.stop_and_take_over, "delete": scenarios.delete_checkpoint}
        for action, function in functions.items():
            if can_fail or action != "fail":
                yield Task(point, action, place, life, at, functools.partial(function, place=at))
    # Two deep: what the kill left is recovered, and that is killed, too.
    recoveries = place.recovery_points
    if once:
        recoveries = [recoveries[int(point[1:]) % len(recoveries)]]
        at = point if arrivals == [1] else "%s:%d" % (point, arrivals[0])
    else:
        at = point
    for recovery in recoveries:
        yield Task(point, "recovery", place, life, "%s, then %s" % (at, recovery),
                   functools.partial(scenarios.kill_recovery, place=at, recovery=recovery))


def plan(arrivals, points, once):
    """All tasks; `once`: each point in its first life only."""
    seen = set()
    for place, life, found in arrivals:
        for point in points:
            if point not in found or place not in places_of(point, (place,)):
                continue
            if once and (point, place) in seen:
                continue
            seen.add((point, place))
            yield from plan_point(point, place, life, *found[point], once)


def print_table(points, places, tasks, outcomes, arrivals):
    print("%-6s %-6s %-60s %s" % ("point", "place", "arrivals (by life)",
                                  "  ".join("%-9s" % action for action in ACTIONS)))
    for point in points:
        for place in places_of(point, places):
            seen = ", ".join("%s %d" % (life, found[point][0]) for where, life, found in arrivals
                             if where is place and point in found)
            cells = []
            for action in ACTIONS:
                of = [outcome for task, outcome in zip(tasks, outcomes)
                      if (task.point, task.place, task.action) == (point, place, action)]
                good = sum(1 for _, error in of if error is None)
                reached = sum(1 for was_reached, _ in of if was_reached)
                cells.append("-" if not of else "%d FAILED" % (len(of) - good) if good < len(of)
                             else "%d ok" % good if reached else "missed")
            print("%-6s %-6s %-60s %s" % (point, place.kind, seen or "never",
                                          "  ".join("%-9s" % cell for cell in cells)))


def report(points, places, tasks, outcomes, arrivals):
    """Prints what came of it; how many tasks failed, and how many points were not reached."""
    print_table(points, places, tasks, outcomes, arrivals)
    failed = 0
    for task, (_, error) in zip(tasks, outcomes):
        if error is not None:
            failed += 1
            print("\n%s at %s in the %s life, %s: %s" % (
                task.action, task.at, task.life, task.place.kind, error))
    # A point that no life arrives at proves nothing.
    never = ["%s (%s)" % (point, place.kind) for point in points
             for place in places_of(point, places)
             if not any(where is place and point in found for where, _, found in arrivals)]
    if never:
        print("\nnever reached: %s" % ", ".join(never))
    return failed, len(never)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sluice")
    parser.add_argument("points", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--place", choices=("local", "s3"))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    options = parser.parse_args()
    began = time.monotonic()
    points = points_in_code()
    unknown = set(options.points) - set(points)
    if unknown:
        print("there is no failpoint %s; there are %s" % (
            ", ".join(sorted(unknown)), ", ".join(points)))
        return 2
    places = [place for place in (LocalPlace, S3Place) if options.place in (None, place.kind)]
    points = [point for point in points
              if point in (options.points or points) and places_of(point, places)]
    lives = [(place, name) for place in places for name, life in LIVES.items()
             if place.kind in life.places]

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-sweep-s3-"))
        server = stack.enter_context(SignedS3(pathlib.Path(folder))) if S3Place in places else None
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(options.jobs))
        sweep = Sweep(os.path.abspath(options.sluice), server)
        arrivals = list(pool.map(sweep.count_arrivals, lives))
        tasks = list(plan(arrivals, points, options.quick))
        outcomes = list(pool.map(sweep.run_task, tasks))
        failed, never = report(points, places, tasks, outcomes, arrivals)
        print("%d scenarios in %d s" % (len(tasks), time.monotonic() - began))
        # What the server kept goes now, and that takes a while.
        print("%d passed, %d failed" % (len(tasks) - failed, failed + never), flush=True)
    return 1 if failed or never else 0


if __name__ == "__main__":
    sys.exit(main())
