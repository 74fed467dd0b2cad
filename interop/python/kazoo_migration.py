"""Clients that an ensemble must not lose while its servers are replaced.

Argument: the connect string. Each client keeps one session, with an ephemeral node,
a lock it takes and gives back, and a watch on a node that another client writes; all
of them write nodes and remember those that were acknowledged. The line "stop" on
standard input ends the load; then every acknowledged write must be there, every session
the first one, every ephemeral node in place and every watch alive.

A write whose answer was lost with the connection may be there or not: it is left out.
"""

import os
import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.retry import KazooRetry

CLIENTS = 3
WAIT = 60

stop = threading.Event()
holders = 0
guard = threading.Lock()
faults = []


def fault(line):
    with guard:
        faults.append(line)


class Worker:
    """One client."""

    def __init__(self, hosts, number):
        self.number = number
        self.lost = 0
        self.acked = []
        self.seen = -1
        self.held = 0
        self.zk = KazooClient(hosts=hosts, timeout=60.0, randomize_hosts=True)
        self.zk.add_listener(self.state)
        self.zk.start(timeout=WAIT)
        self.session = self.zk.client_id[0]
        self.retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5, deadline=WAIT)
        self.retry(self.zk.ensure_path, "/load")
        self.retry(self.zk.ensure_path, "/beat")
        self.zk.create("/load/alive-%d" % number, ephemeral=True)
        self.ensure("/beat/%d" % number)
        self.ensure("/beat/%d" % ((number + 1) % CLIENTS))
        self.zk.DataWatch("/beat/%d" % ((number + 1) % CLIENTS), self.beat)

    def ensure(self, path):
        try:
            self.zk.create(path, b"0")
        except NodeExistsError:
            pass

    def state(self, state):
        if state == KazooState.LOST and not stop.is_set():
            self.lost += 1

    def beat(self, data, _):
        if data is not None:
            if int(data) < self.seen:
                fault("client %d: the watched value went from %d back to %d" % (self.number, self.seen, int(data)))
            self.seen = int(data)

    def write(self):
        n = 0
        while not stop.is_set():
            path = "/load/%d-%d" % (self.number, n)
            n += 1
            try:
                self.zk.create(path, b"x")
                self.acked.append(path)
                self.zk.set("/beat/%d" % self.number, b"%d" % n)
            except (KazooException, OSError):
                time.sleep(0.02)
            time.sleep(0.002)

    def lock(self):
        global holders
        while not stop.is_set():
            lock = self.zk.Lock("/lock", str(self.number))
            try:
                if not lock.acquire(timeout=WAIT):
                    continue
                with guard:
                    holders += 1
                    if holders > 1:
                        faults.append("client %d: %d hold the lock" % (self.number, holders))
                time.sleep(0.01)
                with guard:
                    holders -= 1
                self.held += 1
                self.retry(lock.release)
            except (KazooException, OSError):
                time.sleep(0.02)

    def check(self):
        self.retry(self.zk.sync, "/")
        there = set(self.retry(self.zk.get_children, "/load"))
        for path in self.acked:
            if path.rsplit("/", 1)[1] not in there:
                fault("client %d: %s was acknowledged and is not there" % (self.number, path))
        if self.lost or self.zk.client_id[0] != self.session:
            fault("client %d: lost its session %d times" % (self.number, self.lost))
        s = self.retry(self.zk.exists, "/load/alive-%d" % self.number)
        if s is None or s.ephemeralOwner != self.session:
            fault("client %d: its ephemeral node is gone" % self.number)
        for what, n in (("writes", len(self.acked)), ("locks", self.held)):
            if n == 0:
                fault("client %d: no %s" % (self.number, what))

    def check_watch(self):
        """The watch has outlived every server that it was set on."""
        self.retry(self.zk.set, "/beat/%d" % self.number, b"%d" % 10**9)

    def watched(self):
        deadline = time.time() + WAIT
        while self.seen != 10**9 and time.time() < deadline:
            time.sleep(0.05)
        if self.seen != 10**9:
            fault("client %d: its watch is gone (last seen %d)" % (self.number, self.seen))


def main():
    workers = [Worker(sys.argv[1], n) for n in range(CLIENTS)]
    threads = [threading.Thread(target=f, daemon=True) for w in workers for f in (w.write, w.lock)]
    for t in threads:
        t.start()
    print("@ready", flush=True)
    sys.stdin.readline()
    stop.set()
    deadline = time.time() + WAIT / 2
    while not all(w.zk.connected for w in workers) and time.time() < deadline:
        time.sleep(0.05)
    for w in workers:
        if w.lost or not w.zk.connected:  # nothing else can be told then
            print("FAULT client %d: session lost %d times, connected: %s" % (w.number, w.lost, w.zk.connected))
            print("END", flush=True)
            os._exit(0)
    for t in threads:
        t.join(WAIT)
    for w in workers:
        w.check()
    for w in workers:
        w.check_watch()
    for w in workers:
        w.watched()
    for line in faults[:20]:
        print("FAULT " + line)
    print("%d writes, %d locks" % (sum(len(w.acked) for w in workers), sum(w.held for w in workers)))
    for w in workers:
        w.zk.stop()
        w.zk.close()
    print("END", flush=True)


main()
