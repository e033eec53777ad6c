"""Kills, fails, stops and supersedes a job at every failpoint, and compares rows one by one.

usage: sweep.py SLUICE [POINT...] [--quick] [--jobs N]
  SLUICE   a build with failpoints
  POINT    only these points
  --quick   each point at one arrival, in the first life in which it is reached
Prints a table of points; exit code 1 if anything was lost, doubled or otherwise not as it must be.
"""

import argparse
import collections
import concurrent.futures
import functools
import glob
import os
import re
import shutil
import sys
import tempfile
import time

import scenarios
from sandbox import Sandbox, SweepError

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


LIVES = {"first": _first, "second": _second, "decided": _decided, "committed": _committed,
         "restored": _restored}

Arrivals = collections.namedtuple("Arrivals", "life count can_fail")
Task = collections.namedtuple("Task", "point action life place run")


def points_in_code(root):
    """All names of failpoints in the sources."""
    names = set()
    for path in glob.glob(os.path.join(root, "src", "**", "*.cc"), recursive=True):
        with open(path, encoding="utf-8") as file:
            if "/core/" not in path and "_test" not in path:
                names.update(re.findall(r'FAILPOINT(?:_ERROR)?\("(\w+)"\)', file.read()))
    return names


def with_box(sluice, life, run):
    """Runs `run` on a fresh box that is ready for the armed life."""
    folder = tempfile.mkdtemp(prefix="sluice-sweep-")
    try:
        box = Sandbox(sluice, folder)
        LIVES[life](box)
        return run(box)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def count_arrivals(sluice, life):
    return with_box(sluice, life, lambda box: box.run("*=count")[0].arrivals())


def plan(arrivals, once):
    """All tasks: (point, action, life, place, function of a box)."""
    tasks = []
    seen = set()
    for life in LIVES:
        for point, (count, can_fail) in sorted(arrivals[life].items()):
            if once and point in seen:
                continue
            seen.add(point)
            places = sorted({1, count}) if not once else [1]
            if not once and count > 2:
                places = sorted({1, 2, (count + 1) // 2, count})
            for place in places:
                name = point if place == 1 else "%s:%d" % (point, place)
                add = functools.partial(Task, point, life=life, place=name)
                tasks.append(add(action="kill", run=functools.partial(scenarios.kill, place=name)))
                if can_fail:
                    tasks.append(add(action="fail", run=functools.partial(scenarios.fail, place=name)))
                tasks.append(add(action="stop", run=functools.partial(
                    scenarios.stop_and_take_over, place=name)))
                tasks.append(add(action="delete", run=functools.partial(
                    scenarios.delete_checkpoint, place=name)))
            # Two deep: what the kill left is recovered, and that is killed, too.
            recoveries = scenarios.RECOVERY_POINTS
            if once:
                recoveries = [recoveries[len(seen) % len(recoveries)]]
            for recovery in recoveries:
                tasks.append(Task(point, "recovery", life, "%s, then %s" % (point, recovery),
                                  functools.partial(scenarios.kill_recovery, place=point,
                                                    recovery=recovery)))
    return tasks


def run_task(sluice, task):
    try:
        return with_box(sluice, task.life, task.run), None
    except (SweepError, OSError) as error:
        return False, str(error)


def print_table(points, tasks, outcomes, arrivals):
    actions = ("kill", "fail", "stop", "delete", "recovery")
    print("%-6s %-32s %s" % ("point", "arrivals (by life)", "  ".join("%-9s" % a for a in actions)))
    for point in points:
        seen = ", ".join("%s %d" % (life, arrivals[life][point][0])
                         for life in LIVES if point in arrivals[life])
        cells = []
        for action in actions:
            of = [outcome for task, outcome in zip(tasks, outcomes)
                  if task.point == point and task.action == action]
            good = sum(1 for _, error in of if error is None)
            reached = sum(1 for was_reached, _ in of if was_reached)
            cells.append("%-9s" % ("-" if not of else "%d ok" % good if good == len(of)
                                   else "%d FAILED" % (len(of) - good)))
            if of and not reached and good == len(of):
                cells[-1] = "%-9s" % "missed"
        print("%-6s %-32s %s" % (point, seen or "never", "  ".join(cells)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sluice")
    parser.add_argument("points", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    options = parser.parse_args()
    began = time.monotonic()
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    sluice = os.path.abspath(options.sluice)

    arrivals = {life: count_arrivals(sluice, life) for life in LIVES}
    points = sorted(points_in_code(root), key=lambda name: (name[0], int(name[1:])))
    unknown = set(options.points) - set(points)
    if unknown:
        print("there is no failpoint %s; there are %s" % (", ".join(sorted(unknown)), ", ".join(points)))
        return 2
    if options.points:
        points = [point for point in points if point in options.points]
    tasks = [task for task in plan(arrivals, options.quick) if task.point in points]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(functools.partial(run_task, sluice), tasks))

    print_table(points, tasks, outcomes, arrivals)
    failed = 0
    for task, (_, error) in zip(tasks, outcomes):
        if error is not None:
            failed += 1
            print("\n%s at %s in the %s life: %s" % (task.action, task.place, task.life, error))
    # A point that no life arrives at proves nothing.
    never = [point for point in points if all(point not in found for found in arrivals.values())]
    if never:
        print("\nnever reached: %s" % ", ".join(never))
    print("%d scenarios in %d s" % (len(tasks), time.monotonic() - began))
    print("%d passed, %d failed" % (len(tasks) - failed, failed + len(never)))
    return 1 if failed or never else 0


if __name__ == "__main__":
    sys.exit(main())
