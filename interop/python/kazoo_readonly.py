"""A kazoo client that is content with reads, printed as a transcript.

Arguments: all servers of an ensemble. A line that begins with @ asks the test to
leave one of them alone, or to start the others again; see interop/harness.
"""

import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

WAIT = 60


def say(line):
    print(line, flush=True)


def show(what, value):
    say("%s -> %s" % (what, value))


def call(what, f, *args, **kwargs):
    """Print what a call returns, or the error it ends with."""
    try:
        value = f(*args, **kwargs)
    except KazooException as e:
        value = type(e).__name__
    show(what, value)


def ask(request):
    say("@" + request)
    answer = sys.stdin.readline().strip()
    if answer != "ok":
        raise RuntimeError("%s: %s" % (request, answer))


def await_state(what, client, state):
    """Wait until the client is in a state and print it."""
    end = time.time() + WAIT
    while client.client_state != state and time.time() < end:
        time.sleep(0.02)
    show(what, client.client_state)


def reads(what, c):
    call(what + " get", lambda: c.get("/kazoo-ro")[0].decode())
    call(what + " exists", lambda: c.exists("/kazoo-ro").version)
    call(what + " none", c.exists, "/kazoo-ro/none")
    call(what + " children", c.get_children, "/kazoo-ro")
    call(what + " acls", lambda: c.get_acls("/kazoo-ro")[0][0].id.id)


def writes(what, c):
    call(what + " create", c.create, "/kazoo-ro/" + what.replace(" ", "-"), b"")
    call(what + " ephemeral", c.create, "/kazoo-ro/e-" + what.replace(" ", "-"), b"", ephemeral=True)
    call(what + " set", lambda: c.set("/kazoo-ro", b"z").data_length)
    call(what + " sync", c.sync, "/kazoo-ro")
    t = c.transaction()
    t.check("/kazoo-ro", -1)
    call(what + " transaction", lambda: [str(type(r).__name__) for r in t.commit()])


def main():
    hosts = sys.argv[1]
    before = KazooClient(hosts=hosts, timeout=4, read_only=True)
    before.start(timeout=WAIT)
    await_state("before", before, "CONNECTED")
    before.create("/kazoo-ro", b"data")
    before.create("/kazoo-ro/child", b"")
    before.sync("/kazoo-ro")
    ask("isolate")
    fresh = KazooClient(hosts=hosts, timeout=4, read_only=True)
    fresh.start(timeout=WAIT)
    await_state("fresh", fresh, "CONNECTED_RO")
    await_state("before", before, "CONNECTED_RO")
    for what, c in ("fresh", fresh), ("before", before):
        reads(what, c)
        writes(what, c)
        reads(what + " again", c)
    ask("rejoin")
    for what, c in ("fresh", fresh), ("before", before):
        await_state(what, c, "CONNECTED")
        writes(what + " later", c)
        c.stop()
        c.close()
    say("END")


main()
