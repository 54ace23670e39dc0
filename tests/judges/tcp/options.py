"""What the ends agree on: timestamps, window scaling, selective acknowledgments, ECN, in all combinations."""

import itertools
import socket

from lib.cases import expect, same

from .plan import case
from .stream import MIB, SINK, SOURCE, download, info, upload
from .world import World

TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN = 1, 2, 4, 8


def agreed(flags, settings, count=4 * MIB):
    """Streams both ways, and what the kernel believes was agreed on."""
    sysctls = [(f"net.ipv4.tcp_{name}", value) for name, value in settings.items()]
    seen = []
    with World(*flags, sysctls=sysctls) as world:
        for port, transfer, six in itertools.product((SINK, SOURCE), (None,), (False, True)):
            transfer = upload if port == SINK else download
            with world.connect(port, six=six) as link:
                transfer(link, count)
                seen.append(info(link)["options"])
    same(len(set(seen)), 1, "agreements of four connections alike")
    return seen[0]


@case("options: timestamps off at either end, window scaling off, selective acknowledgments off")
def combinations():
    for timestamps, scaling, sack in itertools.product((0, 1), (0, 1), (0, 1)):
        settings = {"timestamps": timestamps, "window_scaling": scaling, "sack": sack}
        options = agreed((), settings)
        same(bool(options & TCPI_OPT_TIMESTAMPS), bool(timestamps), f"timestamps with {settings}")
        same(bool(options & TCPI_OPT_WSCALE), bool(scaling), f"window scaling with {settings}")
        expect(sack or not options & TCPI_OPT_SACK, f"selective acknowledgments with {settings}")


@case("options: without timestamps at our end, with large windows and with unscaled ones")
def ours():
    for flags in (("--no-timestamps",), ("--receive-buffer", "4MiB"), ("--receive-buffer", "65535"), ("--receive-buffer", "16KiB")):
        options = agreed(flags, {})
        same(bool(options & TCPI_OPT_TIMESTAMPS), flags != ("--no-timestamps",), f"timestamps with {flags}")


@case("options: a kernel that asks for ECN gets streams as whole as one that does not")
def ecn():
    for value in (0, 1, 2):
        agreed((), {"ecn": value})


@case("options: a kernel that opens with data waiting (TCP_FASTOPEN) or defers its ACK is understood")
def odd_opens():
    with World(sysctls=[("net.ipv4.tcp_fastopen", 0x5)]) as world:
        for _ in range(2):
            # Without a cookie from us the kernel falls back to an ordinary open.
            with world.socket() as link:
                link.sendto(b"hello", socket.MSG_FASTOPEN, ("10.77.0.2", 7))
                same(link.recv(5), b"hello", "what came back")
        with world.connect(7, before=[(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)]) as link:
            link.sendall(b"hello")
            same(link.recv(5), b"hello", "what came back")
