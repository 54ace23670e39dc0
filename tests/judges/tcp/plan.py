"""Which cases there are and how they run: those that measure alone, the others some at a time, because most of their time is
waiting. Prints one line a case, as the other judges do; one that says nothing about the device in use is skipped with the reason."""

import concurrent.futures
import functools
import os
import socket
import sys
import threading
import time
import traceback

from lib.cases import Skip

from . import world

LONG = "--long" in sys.argv[1:]
AT_ONCE = 6
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
AF_XDP = 44

_cases = []
_mouth = threading.Lock()


def case(name, alone=False):
    """Registers a function as the case `name`. A case that is `alone` has the machine to itself."""

    def register(function):
        _cases.append((name, alone, function))
        return function

    return register


def only_on(io, reason):
    """Makes a case one that is judged on this device alone; on others it says `reason`."""

    def around(function):
        @functools.wraps(function)
        def judged():
            if world.IO != io:
                raise Skip(reason)
            function()

        return judged

    return around


def figure(text):
    """A figure for the reader, which is not judged."""
    with _mouth:
        print(f"# {text}", flush=True)


def lacking():
    """What the machine does not let us do, or None."""
    with open("/proc/self/status") as status:
        granted = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))
    if not all(granted >> bit & 1 for bit in (CAP_NET_ADMIN, CAP_SYS_ADMIN)):
        return "needs CAP_NET_ADMIN"
    if world.IO == "tap" and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "needs /dev/net/tun"
    if world.IO == "xdp":
        try:
            socket.socket(AF_XDP, socket.SOCK_RAW, 0).close()
        except OSError as error:
            return f"AF_XDP: {error.strerror}"
    if not os.access(world.BINARY, os.X_OK):
        raise SystemExit(f"{world.BINARY} is not there: cargo build --release --example host")
    return None


def hear(name, function):
    """Runs one case and tells how it went; True if it did not fail."""
    started = time.monotonic()
    try:
        function()
        line = f"ok {name}"
    except Skip as reason:
        line = f"skip {name}: {reason}"
    except Exception as error:  # a judge reports whatever went wrong and goes on with the next case
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:1200]
        line = f"not ok {name}: {reason}"
        with _mouth:
            traceback.print_exc(file=sys.stderr)
    with _mouth:
        print(line, flush=True)
        if os.environ.get("CRORE_TIMES"):
            print(f"  ({time.monotonic() - started:.1f} s)", flush=True)
    return not line.startswith("not ok")


def run():
    """Runs every wanted case and ends the process: 0 when none failed, else 1."""
    wanted = os.environ.get("CRORE_CASE", "")
    cases = [case for case in _cases if wanted in case[0]]
    reason = lacking()
    if reason:
        print(f"skip TCP against Linux over {world.IO}: {reason}", flush=True)
        sys.exit(0)
    world.tidy()
    good = [hear(name, function) for name, alone, function in cases if alone]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(hear, name, function) for name, alone, function in cases if not alone]
        good += [job.result() for job in jobs]
    sys.exit(0 if all(good) else 1)
