"""A network with the kernel at one end and the example `host` at the other.

CRORE_IO chooses what is between them: `tap`, the usual, a TAP interface in one namespace; `xdp`, a veth between two, whose far end
our host takes through AF_XDP and the kernel there has no use for. The kernel's end is called `t0` either way.
"""

import contextlib
import ctypes
import itertools
import json
import os
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading

from lib.cases import expect, until
from namespace import complete_checksums

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BINARY = os.path.abspath(os.environ.get("CRORE_HOST") or os.path.join(ROOT, "target/release/examples/host"))
IO = os.environ.get("CRORE_IO") or "tap"
PCAP = os.environ.get("CRORE_PCAP")
PREFIX = "crore-tcp"
CLONE_NEWNET = 0x40000000
PATIENCE = 60
# Bytes of the largest packet that a frame of ours has room for; the kernel keeps some of it for itself where it receives into it.
MTU_MAX = {"tap": 2033, "xdp": 1778}[IO]

KERNEL4, OURS4 = "10.77.0.1", "10.77.0.2"
KERNEL6, OURS6 = "fd77::1", "fd77::2"

_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def tidy():
    """Removes namespaces of judges that were killed."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        owner = re.fullmatch(PREFIX + r"-(\d+)-\d+(-far)?", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            subprocess.run(["ip", "netns", "del", name], check=False)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class World:
    """`with World("--mtu", "576") as world:` A failure inside shows what our host said; a good end judges what it leaves behind.

    `role` is `serve`, or `connect` with its arguments in `flags`; `sysctls` are the kernel's settings, `mtu` the interface's.
    """

    def __init__(self, *flags, role="serve", sysctls=(), mtu=1500, v6=True):
        self.flags, self.role, self.sysctls, self.mtu, self.v6 = flags, role, sysctls, mtu, v6
        self.name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        self.far = self.name + "-far" if IO == "xdp" else self.name
        self.process = None
        self.final = None
        self.lines = queue.Queue()

    def ip(self, *arguments):
        """`ip` in the namespace."""
        return self.run("ip", *arguments, check=True).stdout

    def run(self, *command, check=False, seconds=PATIENCE):
        """A program in the namespace."""
        command = ["ip", "netns", "exec", self.name, *map(str, command)]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=seconds)

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        """A socket of the kernel in the namespace."""
        with self.inside():
            made = socket.socket(family, kind)
        made.settimeout(PATIENCE)
        return made

    def connect(self, port, six=False, source=None, seconds=PATIENCE, before=()):
        """A connection to our host; `before` are options to be set before: (level, name, value)."""
        made = self.socket(socket.AF_INET6 if six else socket.AF_INET)
        try:
            made.settimeout(seconds)
            for option in before:
                made.setsockopt(*option)
            if source:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind((KERNEL6 if six else KERNEL4, source))
            made.connect((OURS6 if six else OURS4, port))
        except BaseException:
            made.close()
            raise
        return made

    def start(self, *flags):
        """Starts our host; done by entering, except with role None."""
        io = {"tap": "tap:t0", "xdp": "xdp:t1"}[IO]
        command = ["ip", "netns", "exec", self.far, BINARY, self.role, "--io", io]
        command += ["--address", f"{OURS4}/24", *(["--address", f"{OURS6}/64"] if self.v6 else []), *map(str, [*self.flags, *flags])]
        if PCAP:
            command += ["--pcap", os.path.join(PCAP, self.name.removeprefix(PREFIX + "-") + ".pcapng")]
        self.errors = tempfile.TemporaryFile()
        self.lines = queue.Queue()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self.errors, text=True)
        self.reader = threading.Thread(target=self._listen, args=(self.process.stdout, self.lines), daemon=True)
        self.reader.start()
        self.mac = self.hear()["mac"]

    @staticmethod
    def _listen(output, lines):
        for line in output:
            lines.put(json.loads(line))
        lines.put(None)

    def hear(self, seconds=PATIENCE):
        """The next object that our host says."""
        try:
            said = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"our host said nothing for {seconds} s") from None
        expect(said is not None, f"our host ended with {self.process.poll()}: {self.complaints()}")
        return said

    def tell(self, line):
        """Gives our host a command."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stats(self):
        """How things stand at our host."""
        self.tell("stats")
        return self.hear()

    def counter(self, name):
        """One counter of our host."""
        return self.stats()["counters"].get(name, 0)

    def moved(self):
        """Bytes that have passed our host's device in both directions."""
        device = self.stats()["device"]
        return device["bytes_in"] + device["bytes_out"]

    def move_on(self, count):
        """Waits until `count` bytes more have passed."""
        goal = self.moved() + count
        until(lambda: self.moved() >= goal, PATIENCE, f"{count} bytes more to pass")

    def complaints(self):
        """What our host wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read()[-3000:].decode("utf-8", "replace").strip()

    def end(self):
        """Ends our host, which must have nothing left over; its last words."""
        with contextlib.suppress(BrokenPipeError):
            self.tell("quit")
        self.final = self.hear()
        code = self.process.wait(PATIENCE)
        expect(code == 0 and not self.final["problems"], f"our host ended with {code}: {self.complaints()}; {brief(self.final)}")
        return self.final

    def __enter__(self):
        try:
            for name in {self.name, self.far}:
                subprocess.run(["ip", "netns", "add", name], check=True)
            settings = {"net.ipv6.conf.default.accept_dad": 0, "net.ipv6.conf.default.router_solicitations": 0, **dict(self.sysctls)}
            self.run("sysctl", "-qw", *[f"{name}={value}" for name, value in settings.items()], check=True)
            self.ip("link", "set", "lo", "up")
            {"tap": self.make_tap, "xdp": self.make_veth}[IO]()
            self.ip("link", "set", "t0", "mtu", self.mtu, "up")
            self.ip("addr", "add", f"{KERNEL4}/24", "dev", "t0")
            if self.v6:
                self.ip("addr", "add", f"{KERNEL6}/64", "dev", "t0", "nodad")
            if self.role == "serve":
                self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def make_tap(self):
        """The interface `t0`, whose other end is our host's."""
        self.ip("tuntap", "add", "dev", "t0", "mode", "tap")

    def make_veth(self):
        """The interface `t0` and, in the other namespace, `t1`, on which the kernel has no address."""
        self.ip("link", "add", "t0", "type", "veth", "peer", "name", "t1", "netns", self.far)
        with self.inside():
            complete_checksums("t0")
        for change in (["addrgenmode", "none"], ["mtu", str(self.mtu), "up"]):
            subprocess.run(["ip", "-n", self.far, "link", "set", "t1", *change], check=True)

    def __exit__(self, kind, error, _trace):
        try:
            if kind is None and self.process and self.process.poll() is None:
                self.end()
            elif kind is not None and self.process:
                self.show(error)
        finally:
            self.remove()

    def show(self, error):
        """What is known after a failure, to the log."""
        words = [f"--- {self.name} {' '.join(map(str, self.flags))}: {error}"]
        try:
            if self.process.poll() is None:
                self.tell("stats")
                words.append(json.dumps(self.hear(2)))
        except Exception as reason:  # the failure itself is what counts
            words.append(f"(no last words: {reason})")
        words += [self.complaints(), self.run("ss", "-tanoiem").stdout, "---"]
        sys.stderr.write("\n".join(words) + "\n")

    def remove(self):
        """Nothing of this world is left."""
        if self.process:
            self.process.kill()
            self.process.wait()
        for name in {self.name, self.far}:
            subprocess.run(["ip", "netns", "del", name], check=False)


def brief(stats):
    """The part of what our host says that fits a line."""
    return {name: stats[name] for name in ("connections", "frames_in_use", "tally", "counters", "some")}
