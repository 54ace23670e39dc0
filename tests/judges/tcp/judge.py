#!/usr/bin/env python3
"""Judge: crore's own TCP/IP against Linux's, over TAP interfaces or AF_XDP in network namespaces of its own.

The other end of every connection is the kernel: through sockets of this process, curl, ping. Each case has a namespace and a
host of crore's own (the example `host`), which must leave nothing behind: no connection, no frame, no frame uncounted.

    cargo build --release --example host
    python3 tests/judges/tcp/judge.py              # CRORE_CASE=loss narrows it, CRORE_PCAP=FOLDER captures every case
    CRORE_IO=xdp python3 tests/judges/tcp/judge.py # over a veth and AF_XDP instead of a TAP interface
    python3 tests/judges/tcp/judge.py --long       # more bytes and more connections

CRORE_HOST names another binary: one with debug assertions looks at every invariant.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tcp import active, basics, crowd, endings, faults, options, plan, streams, windows  # noqa: E402, F401  (they register their cases)

if __name__ == "__main__":
    plan.run()
