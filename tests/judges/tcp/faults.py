"""Streams through a bad network: `Faulty` between our host and the TAP, in both directions at once, from a seed."""

import socket
import threading

from lib.cases import expect, same

from .plan import LONG, case, figure
from .stream import MIB, SINK, SOURCE, download, upload
from .world import World

TIMES = 4 if LONG else 1


def streams(spec, count, six=False, flags=(), before=(), seconds=60 * TIMES):
    """Streams both ways at once through a network like this, and what happened to frames."""
    with World("--faulty", spec, *flags) as world:
        took, failures = {}, []

        def stream(port, transfer):
            try:
                with world.connect(port, six=six, before=before, seconds=seconds) as link:
                    took[transfer.__name__] = transfer(link, count)
            except Exception as error:
                failures.append(f"{transfer.__name__}: {type(error).__name__} {error}")

        threads = [threading.Thread(target=stream, args=row) for row in ((SINK, upload), (SOURCE, download))]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        same(failures, [], f"failures with {spec}")
        stats = world.stats()
        again = sum(stats["counters"].get(name, 0) for name in ("retransmitted_timeout", "retransmitted_fast"))
        figure(
            f"{count / MIB:.2f} MiB each way with {spec}: from the kernel in {took['upload']:.1f} s, "
            f"to it in {took['download']:.1f} s, {again} segments sent again by us"
        )
        slowest = max(took.values())
        expect(slowest < seconds, f"{slowest:.0f} s with {spec}")
        return stats


@case("faults: 1 % of frames lost in both directions")
def loss_1():
    streams("loss=1%,seed=1", TIMES * 16 * MIB)


@case("faults: 5 % of frames lost in both directions")
def loss_5():
    streams("loss=5%,seed=2", TIMES * 2 * MIB)


@case("faults: 10 % of frames lost in both directions, on IPv6")
def loss_10():
    # Without selective acknowledgments the kernel's timer is what repairs most of this, and it backs off for long.
    streams("loss=10%,seed=3", MIB // 4, six=True, seconds=150)


@case("faults: 20 % lost, and the kernel with each of its congestion controls")
def loss_20():
    for control in (b"reno", b"cubic", b"bbr"):
        streams("loss=20%,seed=4", 40_000, flags=("--linger", "40s"), seconds=150, before=[(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control)])


@case("faults: frames overtaken by others")
def reorder():
    stats = streams("reorder=10%,overtaken=3,seed=5", TIMES * 8 * MIB)
    expect(stats["faults_in"]["reordered"] > 50 and stats["faults_out"]["reordered"] > 50, "hardly anything was reordered")
    streams("reorder=30%,overtaken=20,seed=6", TIMES * 2 * MIB)


@case("faults: frames that come twice")
def duplicate():
    streams("duplicate=30%,seed=7", TIMES * 16 * MIB)


@case("faults: bits turned over and frames cut, all found by checksums and lengths")
def corrupt():
    # One bit a frame: several can cancel each other out in TCP's checksum, which is no defect of ours.
    stats = streams("corrupt=2%,flips=1,seed=8", TIMES * 4 * MIB)
    found = stats["counters"].get("dropped_checksum", 0) + stats["counters"].get("dropped_malformed", 0)
    expect(found > 20, f"{found} broken frames were found")
    streams("truncate=2%,seed=9", TIMES * 4 * MIB, six=True)


@case("faults: a long way with jitter")
def delay():
    streams("delay=40ms,jitter=20ms,seed=10", TIMES * 2 * MIB)


@case("faults: a narrow way whose queue overflows")
def narrow():
    streams("rate=50M,queue=32KiB,delay=5ms,seed=11", TIMES * 8 * MIB)


@case("faults: everything at once, with and without timestamps")
def all_at_once():
    spec = "loss=2%,duplicate=5%,reorder=5%,overtaken=5,corrupt=1%,flips=1,truncate=1%,delay=3ms,jitter=3ms,seed={}"
    for seed, flags in ((12, ()), (13, ("--no-timestamps",))):
        streams(spec.format(seed), MIB, flags=flags)
