"""Cases of a Python judge: what they are, how they run, how their result is told.

A judge prints one line a case: `ok NAME`, `not ok NAME: reason` or `skip NAME: reason`. `cargo xtask test` counts
these lines; nothing else that a judge prints is read by it. CRORE_CASE narrows a run by hand to names that contain it.
"""

import os
import sys
import time
import traceback

_cases = []


class Skip(Exception):
    """Raised by a case that cannot be judged here; its text is the reason."""


def case(name):
    """Registers a function as the case `name`. Cases run in the order in which they are written."""

    def register(function):
        _cases.append((name, function))
        return function

    return register


def run():
    """Runs every case and ends the process: 0 when none failed, else 1."""
    wanted = os.environ.get("CRORE_CASE", "")
    failed = 0
    for name, function in _cases:
        if wanted not in name:
            continue
        try:
            function()
            print(f"ok {name}", flush=True)
        except Skip as reason:
            print(f"skip {name}: {reason}", flush=True)
        except Exception as error:  # a judge reports whatever went wrong and goes on with the next case
            failed += 1
            traceback.print_exc(file=sys.stderr)
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:1200]
            print(f"not ok {name}: {reason}", flush=True)
    sys.exit(1 if failed else 0)


def expect(condition, message):
    """A judge's assertion: `message` says what was seen and what was due."""
    if not condition:
        raise AssertionError(message)


def same(seen, due, what):
    """`seen` must equal `due`; the failure names both."""
    expect(seen == due, f"{what}: {seen!r} instead of {due!r}")


def each(rows, check):
    """Checks every row of a table, also after one has failed; the failure names all that did."""
    broken = []
    for row in rows:
        try:
            check(row)
        except AssertionError as error:
            broken.append(str(error))
    expect(not broken, f"{len(broken)} of {len(rows)}: " + "; ".join(broken[:8]))


def until(condition, seconds, what, step=0.01):
    """Waits until `condition()` is truthy and returns its value; fails after `seconds`, naming `what`.

    Errors of the connection while polling count as "not yet": a server that starts or restarts refuses for a moment.
    """
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, EOFError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {last!r}")
        time.sleep(step)
