#!/usr/bin/env python3
"""Judge: Autobahn's WebSocket conformance cases, by `kosoku`, against the examples `ws_echo` (a server) and `ws_cases` (a client).

    cargo build --release --example ws_echo --example ws_cases
    python3 tests/judges/conformance.py                   # CRORE_CASE=client narrows it

All of its cases run, and none may fail: without compression, with it, and with contexts that are kept from message to message; the
longest ones run once.
CRORE_WS_ECHO names another `ws_echo`; `ws_cases` stands beside it.
"""

import asyncio
import collections
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("CRORE_JUDGES", os.path.join(os.path.dirname(__file__), "..", "..", "judges")), "python"))

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver
from lib.cases import case, expect, run, same, until
from lib.server import ROOT, WORKERS, free_port

ECHO = os.environ.get("CRORE_WS_ECHO", os.path.join(ROOT, "target", "release", "examples", "ws_echo"))
CLIENT = os.path.join(os.path.dirname(ECHO), "ws_cases")
# Everything is compressed, also what becomes longer: kosoku takes a text that comes back uncompressed in a case of compression for
# one of another type, and fails the case.
COMPRESSED = ["--compress", "--compress-from=0"]
COMPRESSION = {
    "without compression": [],
    "with compression": COMPRESSED,
    "with contexts kept": [*COMPRESSED, "--context-takeover"],
}
# The cases of compression send a thousand messages each, of 16 bytes to 128 KiB; these sizes take nine tenths of the time, some
# minutes. They run with CRORE_LONG=1, against the server with compression. All other runs have all the rest.
LONG = [f"{group}.*.{size}" for group in (12, 13) for size in (7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18)]
# Autobahn has 301 cases beside those of compression, and 216 of them, of which 84 are short.
CASES = {False: 301 + 216, True: 301 + 84}
SECONDS_MAX = 400
# What is no failure: exactly as due, or where the specification leaves a choice.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


async def as_server(address, excluded):
    """The results of all cases but those excluded against the server at `address`."""
    return await run_fuzzingclient(f"ws://{address}", exclude_cases=excluded, concurrency=4)


async def as_client(flags, excluded):
    """The results of all cases of a fuzzing server, but those excluded, against our client."""
    async with run_fuzzingserver(exclude_cases=excluded, port=0) as server:
        client = subprocess.Popen([CLIENT, f"--server=127.0.0.1:{server.port}", *flags], stdout=subprocess.PIPE)
        try:
            return await server.get_result()
        finally:
            client.kill()
            client.wait()


def judge(results, flags, excluded, not_for_us=frozenset()):
    """No case failed, all were run, and those of compression were left out only where there is none, or the server asks for something
    that the client has not offered."""
    bad = [r for r in results if r.behavior.value not in GOOD | {"UNIMPLEMENTED"} or r.behavior_close.value not in GOOD]
    reasons = [f"{r.case_id} {r.behavior.value}/{r.behavior_close.value}: {r.result} {r.result_close} {r.was_not_clean_reason or str()}" for r in bad]
    expect(not bad, f"{len(bad)} of {len(results)}: " + "; ".join(reasons[:10]))
    same(len(results), CASES[bool(excluded)], "cases")
    without = {".".join(r.case_id.split(".")[:2]) for r in results if r.behavior.value == "UNIMPLEMENTED"}
    due = set(not_for_us) if flags else {f"12.{group}" for group in range(1, 6)} | {f"13.{group}" for group in range(1, 8)}
    same(without, due, "groups of cases without compression")
    counts = collections.Counter(r.behavior.value for r in results)
    print("# " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())), flush=True)


def settled(cases):
    """The results, also if some failed; the time for all of them is bounded."""
    try:
        return asyncio.run(asyncio.wait_for(cases, SECONDS_MAX))
    except FailureError as failure:
        return failure.results


def server_case(flags):
    excluded = [] if flags == COMPRESSED and "CRORE_LONG" in os.environ else LONG

    def body():
        address = f"127.0.0.1:{free_port()}"
        server = subprocess.Popen([ECHO, f"--listen={address}", f"--workers={WORKERS}", *flags], stdout=subprocess.PIPE)
        try:
            until(lambda: b"listening" in server.stdout.readline(), 20, "the server to listen")
            judge(settled(as_server(address, excluded)), flags, excluded)
            expect(server.poll() is None, f"the server ended with {server.poll()}")
        finally:
            server.kill()
            server.wait()

    return body


# The servers of these groups want a client that has offered to give its contexts up, which one that keeps them has not.
GIVE_UP_CONTEXTS = {"13.2", "13.5", "13.6"}


def client_case(flags):
    not_for_us = GIVE_UP_CONTEXTS if "--context-takeover" in flags else set()
    return lambda: judge(settled(as_client(flags, LONG)), flags, LONG, not_for_us)


for name, flags in COMPRESSION.items():
    case(f"server {name}")(server_case(flags))
    case(f"client {name}")(client_case(flags))

if __name__ == "__main__":
    run()
