#!/usr/bin/env python3
"""Judge: curl on /poll. Waiting, resuming, gaps, refusals, and a chain of polls that must lose nothing."""

import json
import shutil
import subprocess
import threading
import time

from lib import http
from lib.cases import Skip, case, expect, run, same, until
from lib.server import Server


def start(server, query, method="GET", seconds=60):
    """curl on /poll in the background."""
    if not shutil.which("curl"):
        raise Skip("curl is missing")
    line = ["curl", "-sS", "-X", method, "-m", str(seconds), "-w", "\n%{http_code}", f"{server.url}/poll?{query}"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """(status, body) of a curl started above."""
    out, complaint = process.communicate(timeout=70)
    expect(process.returncode == 0, f"curl ended with {process.returncode}: {complaint.strip()}")
    body, _, status = out.rpartition("\n")
    return int(status), body


def poll(server, query, **more):
    """A poll that must answer 200: the object."""
    status, body = finish(start(server, query, **more))
    same(status, 200, f"status of /poll?{query} ({body[:200]})")
    answer = json.loads(body)
    same(sorted(answer), ["position", "publications", "recovered"], "fields of the answer")
    expect(isinstance(answer["recovered"], bool), f"recovered is {answer['recovered']!r}, not true or false")
    epoch, colon, offset = answer["position"].rpartition(":")
    expect(epoch and colon and offset.isdigit(), f"position {answer['position']!r} is not EPOCH:OFFSET")
    return answer


def publish(server, channel, count, first=1):
    for number in range(first, first + count):
        offset, epoch = http.publish(server, channel, {"n": number})
    return offset, epoch


@case("without news the answer comes after the timeout, with none and a position")
def timeout():
    with Server() as server:
        started = time.monotonic()
        answer = poll(server, "channel=quiet&timeout=1")
        expect(time.monotonic() - started >= 0.9, "answered before its timeout of 1 s")
        same(answer["publications"], [], "publications")
        expect(answer["position"].endswith(":0"), f"position {answer['position']!r} of a new channel")


@case("without since it starts from now and its position is where to go on")
def from_now():
    with Server() as server:
        publish(server, "now", 3)
        answer = poll(server, "channel=now&timeout=1")
        same(answer["publications"], [], "publications from before")
        expect(answer["position"].endswith(":3"), f"position {answer['position']!r} instead of …:3")
        publish(server, "now", 1, first=4)
        answer = poll(server, f"channel=now&timeout=20&since={answer['position']}")
        same(answer["publications"], [{"offset": 4, "data": {"n": 4}}], "publications after the position")
        same(answer["recovered"], True, "recovered")


@case("a waiting client is answered by a publication, long before its timeout")
def waits():
    with Server() as server:
        waiting = start(server, "channel=wake&timeout=50")
        published = 0
        while waiting.poll() is None:
            published += 1
            http.publish(server, "wake", published)
            expect(published < 1000, "1000 publications did not wake the poll")
        status, body = finish(waiting)
        answer = json.loads(body)
        same(status, 200, "status")
        expect(answer["publications"], "woken without a publication")
        top = answer["publications"][-1]["offset"]
        expect(answer["position"].endswith(f":{top}"), f"position {answer['position']} instead of …:{top}")


@case("since= answers at once with everything after it, in order")
def since():
    with Server() as server:
        _, epoch = publish(server, "c", 10)
        answer = poll(server, f"channel=c&timeout=50&since={epoch}:4", seconds=20)
        same([p["offset"] for p in answer["publications"]], [5, 6, 7, 8, 9, 10], "offsets")
        same([p["data"]["n"] for p in answer["publications"]], [5, 6, 7, 8, 9, 10], "data")
        same(answer["position"], f"{epoch}:10", "position")
        same(answer["recovered"], True, "recovered")


@case("a position that is up to date waits and recovered is true")
def up_to_date():
    with Server() as server:
        offset, epoch = publish(server, "c", 2)
        answer = poll(server, f"channel=c&timeout=1&since={epoch}:{offset}")
        same((answer["publications"], answer["position"]), ([], f"{epoch}:{offset}"), "answer")
        same(answer["recovered"], True, "recovered")


@case("a foreign epoch, a future offset and lost history answer recovered=false at once, without publications")
def unrecoverable():
    with Server() as server:
        offset, epoch = publish(server, "c", 150)
        for position in ["ABCDEFGH:3", f"{epoch}:{offset + 5}", f"{epoch}:2"]:
            answer = poll(server, f"channel=c&timeout=50&since={position}", seconds=20)
            same(answer["recovered"], False, f"recovered from {position}")
            same(answer["publications"], [], f"publications from {position}")
            same(answer["position"], f"{epoch}:{offset}", f"position given for {position}")


@case("malformed input is 400 with the reason")
def malformed():
    with Server() as server:
        bad = ["", "channel=", "channel=c&since=nonsense", "channel=c&since=ABCDEFGH:", "channel=c&since=ABCDEFGH:-1"]
        bad += ["channel=c&since=ABCDEFGH:99999999999999999999999", "channel=c&since=ABCDEFGH:1x", "channel=c&timeout=soon"]
        bad += ["channel=c&timeout=-1", f"channel={'x' * 256}", "channel=%C3%A9", "channel=%zz"]
        for query in bad:
            status, body = finish(start(server, query, seconds=10))
            same(status, 400, f"status of /poll?{query[:60]}")
            expect(len(body.strip()) >= 8, f"/poll?{query[:60]}: no reason in {body!r}")


@case("only GET")
def method():
    with Server() as server:
        status, _ = finish(start(server, "channel=c", method="POST", seconds=10))
        same(status, 405, "status of POST /poll")


@case("a chain of polls gets every publication once and in order while others publish")
def chain():
    total = 300
    with Server() as server:
        position = poll(server, "channel=chain&timeout=0")["position"]
        seen = []
        complaints = []

        def feed():
            try:
                for number in range(1, total + 1):
                    # Stay within the history of 100: a poller that is slower than that would rightly see a gap.
                    until(lambda: number - len(seen) < 60, 30, "the poller to follow")
                    http.publish(server, "chain", number)
            except Exception as error:  # told by the case itself, below
                complaints.append(error)

        feeder = threading.Thread(target=feed)
        feeder.start()
        while len(seen) < total and not complaints:
            answer = poll(server, f"channel=chain&timeout=5&since={position}")
            same(answer["recovered"], True, f"recovered after {len(seen)} publications")
            position = answer["position"]
            seen += [p["data"] for p in answer["publications"]]
        feeder.join()
        expect(not complaints, f"the publisher failed: {complaints}")
        same(seen, list(range(1, total + 1)), "publications")


@case("many clients wait in the queue and one publication answers all of them")
def queue():
    with Server() as server:
        position = poll(server, "channel=many&timeout=0")["position"]
        waiting = [start(server, f"channel=many&timeout=50&since={position}") for _ in range(30)]
        http.publish(server, "many", "news")
        for process in waiting:
            status, body = finish(process)
            same(status, 200, "status")
            same(json.loads(body)["publications"], [{"offset": 1, "data": "news"}], "publications")


@case("a client that leaves while it waits gives back what it held")
def leaves():
    with Server() as server:
        before = server.held()  # perhaps one too many: the last request's connection may be closing
        waiting = [start(server, "channel=gone&timeout=50") for _ in range(20)]
        until(lambda: server.held() >= before + 19, 10, "20 waiting polls")
        for process in waiting:
            process.kill()
            process.communicate()
        until(lambda: server.held() <= before + 1, 20, "the connections of the polls to be closed")


run()
