"""What is done at a failpoint, and what must come of it. Each scenario is a function of a Sandbox that is
ready for the armed life, and raises SweepError. It returns whether the point was reached."""

from sandbox import SweepError


def _finish(box):
    """More input, and a life that nobody disturbs: all rows are there, once, and no open uploads."""
    box.add_input()
    box.run()
    box.check_rows()
    # What a process killed in its probe left stays for an hour.
    left = [key for key, _ in box.place.open_uploads() if "/.probe-" not in key]
    if left:
        raise SweepError("uploads were left open: %s" % ", ".join(left))


def kill(box, place):
    process, code = box.run(place + "=kill", must_end=False)
    if code != -9 and code != 0:
        raise SweepError("the armed run ended with %d:\n%s" % (code, process.said()))
    _finish(box)
    return process.reached()


def fail(box, place):
    """The point fails once. The job mends it, or stops with an error and goes on at its next start."""
    process, code = box.run(place + "=error", must_end=False)
    if code < 0 or code > 2:
        raise SweepError("the armed run ended with %d:\n%s" % (code, process.said()))
    if code != 0 and "error: " not in process.said():
        raise SweepError("it stopped without saying why:\n" + process.said())
    _finish(box)
    return process.reached()


def kill_recovery(box, place, recovery):
    process, _ = box.run(place + "=kill", must_end=False)
    second, code = box.run(recovery + "=kill", must_end=False)
    if code not in (-9, 0):
        raise SweepError("the recovery ended with %d:\n%s" % (code, second.said()))
    _finish(box)
    return process.reached()


def _stop(box, place):
    """Starts the armed life and waits until it stops; None if it came to its end instead."""
    process = box.start(place + "=stop")
    code = process.wait(until_stopped=True)
    if code is None:
        return process
    if code != 0:
        raise SweepError("the armed run ended with %d:\n%s" % (code, process.said()))
    return None


def _check_new_files(before, after, decided):
    """`after` has all of `before` unchanged, and more only of decided epochs."""
    for path, data in before.items():
        if after.get(path) != data:
            raise SweepError("%s changed or went away" % path)
    for path in after.keys() - before.keys():
        if not any(path.split("/")[-1].startswith(name) for name in decided):
            raise SweepError("%s became visible, of an epoch that was not decided" % path)


def _check_end(box, process, was_done):
    """Exit code 4; 0 only if nothing was left to do, or if it took over again by the rules."""
    code = process.wait()
    if code == 4:
        return
    slots = box.slots() or []
    takeovers = [payload["pid"] for _, kind, payload in slots if kind == "takeover"]
    if code == 0 and (was_done or (takeovers and takeovers[-1] == process.pid)):
        return
    raise SweepError("the old process ended with %d, not 4:\n%s" % (code, process.said()))


def stop_and_take_over(box, place):
    process = _stop(box, place)
    if process is None:
        return False
    was_done = box.is_complete()
    decided = box.decided_names()
    box.add_input()
    try:
        box.run()
        box.check_rows()
    finally:
        before = box.visible()
        decided |= box.decided_names()
        process.go_on()
        _check_end(box, process, was_done)
    _check_new_files(before, box.visible(), decided)
    box.check_rows()
    _finish(box)
    return True


def delete_checkpoint(box, place):
    process = _stop(box, place)
    if process is None:
        return False
    was_done = box.is_complete()
    old = box.checkpoint_id()
    was_writer = box.writer_is(process.pid)
    decided = box.decided_names()
    before = box.visible()
    box.delete_checkpoint()
    process.go_on()
    code = process.wait()
    after = box.visible()
    anew = box.checkpoint_id()
    if code == 0 and not was_writer and anew not in (None, old):
        # It had not looked at the checkpoint yet, and began as if it had been started now.
        decided.add("part-%s-" % anew[:8])
    else:
        # Before it is the writer it has no checkpoint to lose: then any error will do.
        if code != 4 and not (code == 0 and was_done) and (was_writer or code not in (1, 2)):
            raise SweepError("the old process ended with %d, not 4:\n%s" % (code, process.said()))
        if box.slots() is not None:
            raise SweepError("the old process made a checkpoint in the place of the deleted one")
    _check_new_files(before, after, decided)
    box.add_input()
    box.run()
    # Reprocessed as a whole, beside what the deleted checkpoint left.
    new = box.checkpoint_id()
    if new == old:
        raise SweepError("the new checkpoint has the deleted one's id")
    box.check_rows(only="part-%s-" % new[:8])
    if any(not path.split("/")[-1].startswith("part-%s-" % new[:8]) and path not in after
           for path in box.visible()):
        raise SweepError("files of the deleted checkpoint appeared later")
    return True
