"""kazoo's recipes, printed as a transcript.

Arguments: the server, and the server behind a proxy that the test can cut. A
line that begins with @ asks the test for something; see interop/harness.
"""

import queue
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.protocol.states import WatchedEvent
from kazoo.recipe.cache import TreeCache
from kazoo.security import make_acl, make_digest_acl

WAIT = 30


def say(line):
    print(line, flush=True)


def section(name):
    say("== " + name)


def show(what, value):
    if isinstance(value, bytes):
        value = value.decode()
    say("%s -> %s" % (what, value))


def stat(s):
    if s is None:
        return "None"
    return "{v=%d cv=%d av=%d len=%d kids=%d ephemeral=%s m>c=%s p>c=%s}" % (
        s.version, s.children_version, s.acl_version, s.data_length, s.children_count,
        s.ephemeralOwner != 0, s.mzxid > s.czxid, s.pzxid > s.czxid)


def call(what, f, *args, **kwargs):
    """Print what a call returns, or the error it ends with."""
    try:
        value = f(*args, **kwargs)
    except KazooException as e:
        show(what, type(e).__name__)
        return None
    show(what, value)
    return value


def ask(request):
    say("@" + request)
    answer = sys.stdin.readline().strip()
    if answer != "ok":
        raise RuntimeError("%s: %s" % (request, answer))


def eventually(what, want, f):
    """Print what f returns once it is what it should become."""
    deadline = time.time() + WAIT
    value = f()
    while value != want and time.time() < deadline:
        time.sleep(0.05)
        value = f()
    show(what, value)


class Events:
    """Events in the order they came."""

    def __init__(self):
        self.queue = queue.Queue()

    def __call__(self, event):
        if isinstance(event, WatchedEvent):
            event = "%s %s" % (event.type, event.path)
        self.queue.put(event)

    def expect(self, what, n=1):
        for _ in range(n):
            try:
                show(what, self.queue.get(timeout=WAIT))
            except queue.Empty:
                show(what, "NO EVENT")


def client(address, **kwargs):
    c = KazooClient(hosts=address, timeout=20.0, **kwargs)
    c.start(timeout=WAIT)
    return c


def nodes(a, b):
    section("nodes")
    call("create", a.create, "/n", b"data")
    call("makepath", a.create, "/n/x/y", b"deep", makepath=True)
    call("ensure path", a.ensure_path, "/n/p/q")
    call("sequence", a.create, "/n/s-", sequence=True)
    call("ephemeral", a.create, "/n/e", ephemeral=True)
    call("ephemeral sequence", a.create, "/n/es-", ephemeral=True, sequence=True)
    path, s = a.create("/n/stat", b"abc", include_data=True)
    show("with stat", "%s %s" % (path, stat(s)))
    call("exists already", a.create, "/n")
    call("no parent", a.create, "/none/x")
    call("below an ephemeral", a.create, "/n/e/x")
    data, s = a.get("/n")
    show("get", "%s %s" % (data, stat(s)))
    show("children", sorted(a.get_children("/n")))
    names, s = a.get_children("/n", include_data=True)
    show("children with stat", "%s %s" % (sorted(names), stat(s)))
    show("set", stat(a.set("/n", b"more", version=0)))
    call("bad version", a.set, "/n", b"x", version=0)
    call("not empty", a.delete, "/n")
    call("recursive", a.delete, "/n/x", recursive=True)
    show("exists", stat(b.exists("/n/e")))
    show("missing", b.exists("/n/missing"))
    call("sync", b.sync, "/n")
    call("get missing", b.get, "/n/missing")
    call("unicode", a.create, "/n/ä b", "ü".encode())
    show("unicode", b.get("/n/ä b")[0])


def acls(a, b):
    section("acls")
    a.add_auth("digest", "kaz:secret")
    mine = [make_digest_acl("kaz", "secret", all=True)]
    call("create", a.create, "/acl", b"x", acl=mine)
    show("mine", a.get("/acl")[0])
    call("not yours", b.get, "/acl")
    call("not even its acl", b.get_acls, "/acl")
    show("set acl", stat(a.set_acls("/acl", mine + [make_acl("world", "anyone", read=True)])))
    show("readable", b.get("/acl")[0])
    acl, s = b.get_acls("/acl")
    show("acl", "%s %s" % (sorted((e.perms, e.id.scheme, e.id.id) for e in acl), stat(s)))
    call("not writable", b.set, "/acl", b"y")
    call("bad acl", b.create, "/acl2", acl=[make_acl("digest", "x", all=True)])
    call("auth without id", b.create, "/acl2", acl=[make_acl("auth", "", all=True)])
    b.add_auth("digest", "kaz:secret")
    show("now writable", stat(b.set("/acl", b"y")))


def transactions(a, b):
    section("transactions")
    t = a.transaction()
    t.create("/t", b"1")
    t.create("/t/s-", sequence=True)
    t.create("/t/e", ephemeral=True)
    t.check("/t", version=0)
    t.set_data("/t", b"2")
    t.delete("/t/e")
    show("commit", [r if isinstance(r, (str, bool)) else stat(r) for r in t.commit()])
    t = a.transaction()
    t.create("/t/x")
    t.check("/t", version=99)
    t.delete("/t/x")
    show("rolled back", [type(r).__name__ for r in t.commit()])
    show("children", a.get_children("/t"))


def watches(a, b):
    section("watches")
    events = Events()
    show("exists", a.exists("/w", watch=events))
    b.create("/w")
    events.expect("exists")
    a.get("/w", watch=events)
    b.set("/w", b"1")
    events.expect("data")
    a.get_children("/w", watch=events)
    b.create("/w/x")
    events.expect("children")
    a.get("/w/x", watch=events)
    b.delete("/w/x")
    events.expect("deleted")
    data, kids = Events(), Events()
    a.DataWatch("/dw", lambda d, s, e: data("%s %s %s" % (d, s and s.version, e and e.type)))
    data.expect("DataWatch")
    b.create("/dw", b"1")
    data.expect("DataWatch")
    b.set("/dw", b"2")
    data.expect("DataWatch")
    a.ChildrenWatch("/dw", lambda names: kids(sorted(names)))
    kids.expect("ChildrenWatch")
    b.create("/dw/a")
    kids.expect("ChildrenWatch")
    b.create("/dw/b")
    kids.expect("ChildrenWatch")
    b.delete("/dw/a")
    kids.expect("ChildrenWatch")


def locks(a, b):
    section("locks")
    la, lb = a.Lock("/lock", "a"), b.Lock("/lock", "b")
    show("acquire", la.acquire(timeout=WAIT))
    show("taken", lb.acquire(blocking=False))
    show("contenders", lb.contenders())
    got = Events()
    t = threading.Thread(target=lambda: (lb.acquire(timeout=WAIT), got("b has it"), lb.release()))
    t.start()
    eventually("waiting", ["a", "b"], la.contenders)
    la.release()
    got.expect("handed over")
    t.join()
    ra, rb, wb = a.ReadLock("/rw", "a"), b.ReadLock("/rw", "b"), b.WriteLock("/rw", "w")
    show("read", ra.acquire(timeout=WAIT))
    show("shared", rb.acquire(timeout=WAIT))
    rb.release()
    show("no write", wb.acquire(blocking=False))
    ra.release()
    show("write", wb.acquire(timeout=WAIT))
    wb.release()
    sa, sb = a.Semaphore("/sem", "a", max_leases=1), b.Semaphore("/sem", "b", max_leases=1)
    show("lease", sa.acquire(timeout=WAIT))
    show("holders", sb.lease_holders())
    show("full", sb.acquire(blocking=False))
    sa.release()
    show("free", sb.acquire(timeout=WAIT))
    sb.release()


def elections(a, b):
    section("elections")
    terms = Events()
    hold = threading.Event()
    ea, eb = a.Election("/election", "a"), b.Election("/election", "b")
    ta = threading.Thread(target=ea.run, args=(lambda: (terms("a leads"), hold.wait(WAIT)),))
    ta.start()
    terms.expect("election")
    tb = threading.Thread(target=eb.run, args=(lambda: terms("b leads"),))
    tb.start()
    eventually("contenders", ["a", "b"], ea.contenders)
    hold.set()
    terms.expect("election")
    ta.join()
    tb.join()


def barriers(a, b):
    section("barriers")
    barrier = a.Barrier("/barrier")
    barrier.create()
    show("closed", b.Barrier("/barrier").wait(timeout=0.2))
    threading.Timer(0.2, barrier.remove).start()
    show("open", b.Barrier("/barrier").wait(timeout=WAIT))
    through = Events()

    def second():
        d = b.DoubleBarrier("/double", 2, "b")
        d.enter()
        d.leave()
        through("second is through")

    t = threading.Thread(target=second)
    t.start()
    d = a.DoubleBarrier("/double", 2, "a")
    d.enter()
    d.leave()
    t.join()
    through.expect("double")


def collections(a, b):
    section("counters, queues, parties")
    ca, cb = a.Counter("/count"), b.Counter("/count")
    for _ in range(5):
        ca += 1
        cb += 10
    show("counter", ca.value)
    f = a.Counter("/fcount", default=1.0)
    f += 0.5
    show("float counter", b.Counter("/fcount", default=1.0).value)
    qa, qb = a.Queue("/queue"), b.Queue("/queue")
    qa.put(b"second")
    qa.put(b"first", priority=1)
    show("queued", len(qb))
    show("get", qb.get())
    show("get", qb.get())
    show("empty", qb.get())
    la, lb = a.LockingQueue("/lqueue"), b.LockingQueue("/lqueue")
    la.put_all([b"1", b"2"])
    show("locked", lb.get(timeout=WAIT))
    show("holds", lb.holds_lock())
    show("consume", lb.consume())
    show("other", la.get(timeout=WAIT))
    show("consume", la.consume())
    pa, pb = a.Party("/party", "a"), b.ShallowParty("/sparty", "b")
    pa.join()
    pb.join()
    show("party", sorted(b.Party("/party")))
    show("shallow", len(list(a.ShallowParty("/sparty"))))
    pa.leave()
    show("left", sorted(b.Party("/party")))
    pb.leave()
    part = a.SetPartitioner("/part", ("x", "y", "z"), time_boundary=0.2, identifier="a")
    part.wait_for_acquire(WAIT)
    show("partition", sorted(part) if part.acquired else part.state)
    part.finish()


def caches(a, b):
    section("cache")
    a.create("/cache/a", b"1", makepath=True)
    events = Events()
    cache = TreeCache(b, "/cache")
    names = ("NODE_ADDED", "NODE_UPDATED", "NODE_REMOVED", "CONNECTION_SUSPENDED",
             "CONNECTION_RECONNECTED", "CONNECTION_LOST", "INITIALIZED")
    cache.listen(lambda e: events("%s %s" % (names[e.event_type], e.event_data and e.event_data.path)))
    cache.start()
    events.expect("cache", 3)
    a.create("/cache/b")
    events.expect("cache")
    a.set("/cache/b", b"2")
    events.expect("cache")
    a.delete("/cache/b")
    events.expect("cache")
    cache.close()


def other_requests(a, b):
    section("what only newer servers have")
    call("server version", lambda: len(a.server_version()) == 3)
    call("imok", lambda: a.command(b"ruok"))
    call("isro", lambda: a.command(b"isro"))
    call("reconfig", a.reconfig, joining=None, leaving="5", new_members=None)
    call("config", lambda: a.get("/zookeeper/config")[0])


def reconnect(a, b):
    section("reconnect")
    states = Events()
    b.add_listener(lambda s: states(str(s)))
    b.create("/re/e", b"mine", ephemeral=True, makepath=True)
    session = b.client_id
    data, kids = Events(), Events()
    b.DataWatch("/re/data", lambda d, s: data(d))
    data.expect("data")
    b.ChildrenWatch("/re", lambda names: kids(sorted(names)))
    kids.expect("children")
    lock = b.Lock("/relock", "b")
    lock.acquire(timeout=WAIT)
    ask("cut")
    states.expect("state")
    a.create("/re/data", b"missed")
    ask("join")
    states.expect("state")
    data.expect("data")
    kids.expect("children")
    show("same session", b.client_id == session)
    show("ephemeral", a.get("/re/e")[0])
    show("lock", a.Lock("/relock").contenders())
    for how in ("restart", "kill"):
        ask(how)
        states.expect("state", 2)
        show("same session", b.client_id == session)
        show("ephemeral", b.get("/re/e")[0])
    b.retry(b.set, "/re/data", b"after")
    data.expect("data")
    lock.release()


def expiry(a, b, cuttable):
    section("expiry")
    c = KazooClient(hosts=cuttable, timeout=4.0)
    c.start(timeout=WAIT)
    states, gone = Events(), Events()
    c.add_listener(lambda s: states(str(s)))
    c.create("/x", ephemeral=True)
    a.retry(a.exists, "/x", watch=gone)
    session = c.client_id
    ask("cut")
    states.expect("state")
    gone.expect("ephemeral")
    ask("join")
    states.expect("state", 2)
    show("new session", c.client_id[0] != session[0])
    show("gone", c.exists("/x"))
    c.stop()


def main():
    direct, cuttable = sys.argv[1], sys.argv[2]
    a, b = client(direct), client(cuttable)
    for part in (nodes, acls, transactions, watches, locks, elections, barriers,
                 collections, caches, other_requests, reconnect):
        part(a, b)
    expiry(a, b, cuttable)
    a.stop()
    b.stop()
    say("END")


if __name__ == "__main__":
    main()
