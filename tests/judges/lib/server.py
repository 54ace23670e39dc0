"""One `crore serve` process under judgement: started at its place on a port of its own, watched, and ended.

It reads what the process prints to learn the address, so it holds for the built binary exactly what the README says.
"""

import atexit
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile

from .cases import expect, until
from . import http
from .place import PLACE, bracketed

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BINARY = os.environ.get("CRORE_BINARY", os.path.join(ROOT, "target", "release", "crore"))
WORKERS = os.environ.get("CRORE_WORKERS", "1")
QUICK = os.environ.get("CRORE_QUICK") == "1"
CLOSED = re.compile(r"AF_XDP queue closed(.*)")
ADDRESS = re.compile(rb"listening on https?://([0-9.]+|\[[0-9a-f:]+\]):(\d+)")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def raise_descriptor_limit():
    """Thousands of sockets in this process need the hard limit of descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    """A port nobody listens on now. Another process may take it first; judges that need one accept that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(text):
    """A configuration file that is removed when the judge's process ends."""
    file = tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="crore-judge-", delete=False)
    with file:
        file.write(text)
    atexit.register(os.unlink, file.name)
    return file.name


def run_to_end(*arguments, env=None, seconds=20):
    """Runs `crore`, where servers run, until it ends by itself; returns (exit code, all that it printed)."""
    ended = subprocess.run(
        [*PLACE.prefix, BINARY, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        timeout=seconds,
    )
    return ended.returncode, ended.stdout.decode("utf-8", "replace")


class Server:
    """A running server. As a context it also demands, at the end of a good case, that no task panicked.

    Beyond loopback nothing is open without a configuration, so there a server that is given none is told to be insecure, and
    one without an `api_key` gets the place's `key`; `lib/http.py` sends it. `listening` is called whenever the server has said
    that it listens, before it is asked anything. With `context`, an `ssl.SSLContext` of a client, it is asked by TLS.
    """

    def __init__(self, *flags, config=None, env=None, port=0, descriptors=None, admin_port=None, place=PLACE, listening=None, context=None):
        self.place, self.context = place, context
        self.host, self.port = place.host, port
        self.flags = [*place.flags, f"--workers={WORKERS}", *flags]
        self.admin_port = admin_port
        if admin_port:
            self.flags.append(f"--admin={place.kernel}:{admin_port}")
        self.env = {**os.environ, **(env or {})}
        self.key = None if "api_key" in (config or "") else place.key
        if self.key:
            self.env["CRORE_API_KEY"] = self.key
        if config is not None:
            self.flags.append(f"--config={write_config(config)}")
        elif place.own:
            self.flags.append("--insecure")
        self.descriptors = descriptors
        self.listening = listening
        self.process = None
        try:
            self.start()
        except BaseException:
            self.abandon()
            raise

    def start(self):
        """Starts the process and waits until it has printed its address and answers /health; again on the same port."""
        self.log = tempfile.TemporaryFile()

        def limit():
            if self.descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

        self.process = subprocess.Popen(
            [*self.place.prefix, BINARY, "serve", f"--listen={bracketed(self.host)}:{self.port}", *self.flags],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env=self.env,
            preexec_fn=limit if self.descriptors else None,
        )
        self.port = until(self._port, 20, "the address in the server's output")
        if self.listening:
            self.listening()
        until(lambda: http.get(self, "/health", port=self.port).status == 200, 20, "/health to answer 200")

    def _port(self):
        printed = self.printed()
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"the server ended with {code}: {printed[-800:].decode('utf-8', 'replace')}")
        found = ADDRESS.search(printed)
        return found and int(found[2])

    def printed(self):
        """Everything the process has written so far."""
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0)

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        scheme = "https" if self.context else "http"
        return f"{scheme}://{bracketed(self.host)}:{self.port}"

    @property
    def websocket_url(self):
        scheme = "wss" if self.context else "ws"
        return f"{scheme}://{bracketed(self.host)}:{self.port}/connection/websocket"

    def metrics(self):
        """`/metrics` as {(name, frozenset of label pairs): value}."""
        return http.metrics(self)

    def metric(self, name, **labels):
        """The sum of all samples of `name` that carry these labels; None when there is no such sample."""
        wanted = set(labels.items())
        samples = [v for (n, have), v in self.metrics().items() if n == name and wanted <= have]
        return sum(samples) if samples else None

    def cpu_seconds(self):
        """User and system time that the process has used, from /proc."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def open_descriptors(self):
        """How many descriptors the process holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def held(self):
        """What connections cost that must be given back: descriptors, or where there are none for them, connections."""
        return self.open_descriptors() if self.place.takes_descriptors else int(self.metric("crore_sockets"))

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds):
        """Waits for the end of the process and returns its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server was still there after {seconds} s") from None

    def drain(self):
        """Ends a server that is well as its operator would, and reads what its log says at last of the queues of AF_XDP: the sums."""
        self.unharmed()
        self.signal()
        code = self.wait(30)
        expect(code == 0, f"the server ended with {code}: {self.printed()[-800:].decode('utf-8', 'replace')}")
        sums = {}
        for line in CLOSED.findall(self.printed().decode("utf-8", "replace")):
            for name, value in re.findall(r"(\w+)=(\d+)", line):
                sums[name] = sums.get(name, 0) + int(value)
        return sums

    def kill(self):
        """kill -9: what a crash or the kernel's out-of-memory killer leaves."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def unharmed(self):
        """The server is there, answers, and none of its tasks panicked."""
        code = self.process.poll()
        expect(code is None, f"the server ended with {code}: {self.printed()[-800:].decode('utf-8', 'replace')}")
        expect(http.get(self, "/health", port=self.port).status == 200, "/health does not answer 200 any more")
        panics = self.metric("crore_task_panics_total")
        expect(panics == 0, f"crore_task_panics_total is {panics}: {self.printed()[-800:].decode('utf-8', 'replace')}")

    def __enter__(self):
        return self

    def abandon(self):
        """Ends a server that did not come up, with what it said."""
        if self.process is not None:
            sys.stderr.write(f"--- the server printed:\n{self.printed()[-4000:].decode('utf-8', 'replace')}\n---\n")
            self.kill()

    def __exit__(self, kind, _value, _trace):
        try:
            if kind is None and self.process.poll() is None:
                self.unharmed()
        finally:
            if kind is not None:
                self.abandon()
            self.kill()
