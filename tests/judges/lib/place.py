"""Where the server stands: on the kernel's loopback, or on crore's own TCP/IP, an interface away from the kernel's.

CRORE_IO chooses: nothing for loopback, `tap`, `xdp` or `dpdk` for our own. On loopback CRORE_MODEL names the I/O model, such as `uring`; none
is the server's own choice. A judge that is not in such a network yet is started again in
one by `namespace.py`, so importing this may begin the process anew.
"""

import dataclasses
import json
import os
import sys

from .cases import Skip

NAMESPACE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "namespace.py")


@dataclasses.dataclass(frozen=True)
class Place:
    """One place; `dataclasses.replace` makes others of it."""

    io: str = ""
    """The I/O model: `tap`, `xdp`, `dpdk`, or nothing for the kernel's."""
    model: str = ""
    """The I/O model of the kernel's sockets, or nothing for the server's own choice."""
    host: str = "127.0.0.1"
    """The server's address."""
    kernel: str = "127.0.0.1"
    """An address of the kernel's where the server is, which the judge reaches too."""
    sources: tuple = tuple(f"127.0.0.{n}" for n in range(1, 5))
    """Addresses of the clients."""
    device: str = ""
    """What the server opens, as `--io` names it."""
    address: str = ""
    """The server's address with the length of its network."""
    interface: str = "lo"
    """The interface on the clients' side."""
    prefix: tuple = ()
    """What the server's command line begins with."""

    @property
    def own(self):
        """Whether connections are carried by crore's own TCP/IP."""
        return self.io != ""

    @property
    def takes_descriptors(self):
        """Whether the server needs a descriptor for each connection."""
        return not self.own and self.model != "uring"

    @property
    def flags(self):
        """What the server is told."""
        if self.own:
            return [f"--io={self.device}", f"--address={self.address}"]
        return [f"--io={self.model}"] if self.model else []

    @property
    def key(self):
        """Who is not on the server's machine needs a key for its API."""
        return "the-judges-key" if self.own else None


def find():
    """The place of this process, which is started anew in one if it has none."""
    if not os.environ.get("CRORE_IO"):
        return Place(model=os.environ.get("CRORE_MODEL", ""))
    told = os.environ.get("CRORE_PLACE")
    if told is None:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, NAMESPACE, sys.executable, *sys.argv])
    fields = json.loads(told)
    return Place(**{**fields, "sources": tuple(fields["sources"]), "prefix": tuple(fields["prefix"])})


def bracketed(host):
    """An address as it stands before a port."""
    return f"[{host}]" if ":" in host else host


PLACE = find()


def only_on_loopback(reason):
    """Ends a case that judges nothing where connections are carried by crore's own TCP/IP; `reason` says why."""
    if PLACE.own:
        raise Skip(reason)


def only_with_descriptors():
    """Ends a case that judges what happens when descriptors run out, where connections need none."""
    if not PLACE.takes_descriptors:
        raise Skip("connections need no descriptors here")
