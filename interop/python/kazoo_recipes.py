"""kazoo's recipes on the nodes of another library's, which the test drives.

Argument: the server. A line that begins with @ asks the test for something; see
interop/harness.
"""

import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout

from kazoo_client import ask, section, show

WAIT = 30


def acquire(lock, timeout):
    try:
        return lock.acquire(timeout=timeout)
    except LockTimeout:
        return False


def locks(c):
    section("lock")
    lock = c.Lock("/kazoo/lock", "kazoo")
    ask("lock")
    show("acquired while the other holds it", acquire(lock, 0.3))
    ask("unlock")
    show("acquired", acquire(lock, WAIT))
    ask("is locked")
    ask("stands in line")
    lock.release()
    ask("has its turn")
    show("acquired out of turn", acquire(lock, 0.3))
    ask("unlock")

    section("names of the other kind")
    other = c.Lock("/kazoo/curator-lock", "kazoo", extra_lock_patterns=["lock-"])
    ask("lock as curator")
    show("acquired while the other holds it", acquire(other, 0.3))
    ask("unlock")
    show("acquired", acquire(other, WAIT))
    ask("is locked for curators")
    other.release()


def read_write(c):
    section("read-write lock")
    read, write = c.ReadLock("/kazoo/rw"), c.WriteLock("/kazoo/rw")
    ask("read lock")
    show("read beside a reader", acquire(read, WAIT))
    read.release()
    show("write beside a reader", acquire(write, 0.3))
    ask("unlock")
    show("write", acquire(write, WAIT))
    ask("is write locked")
    write.release()


def election(c):
    section("election")
    ask("lead")
    led = threading.Event()
    e = c.Election("/kazoo/election", "kazoo")
    show("contenders", e.contenders())
    t = threading.Thread(target=lambda: e.run(led.set))
    t.start()
    show("leads beside another", led.wait(0.3))
    ask("resign")
    show("leads", led.wait(WAIT))
    t.join(WAIT)
    ask("leads again")


def collections(c):
    section("counter")
    n = c.Counter("/kazoo/counter")
    ask("count")
    show("number", n.value)
    n += 5
    ask("count more")
    show("number", n.value)

    section("queue")
    q = c.LockingQueue("/kazoo/queue")
    ask("put")
    show("item", q.get(timeout=WAIT))
    show("consumed", q.consume())
    q.put(b"of kazoo")
    ask("take")


def barrier(c):
    section("double barrier")
    b = c.DoubleBarrier("/kazoo/barrier", 2, "kazoo")
    ask("enter")
    b.enter()
    show("entered", b.participating)
    ask("leave")
    b.leave()
    ask("has left")


def party(c):
    section("party")
    p = c.Party("/kazoo/party", "of kazoo")
    c.create("/kazoo/party/plain", makepath=True)
    show("of those who joined under another name", sorted(p))
    c.delete("/kazoo/party/plain")
    ask("join the party")
    p.join()
    show("members", sorted(p))
    show("how many", len(p))
    ask("sees the party")
    ask("leave the party")
    show("members", sorted(p))
    p.leave()
    ask("the party is empty")

    section("shallow party")
    p = c.ShallowParty("/kazoo/shallow", "kazoo")
    ask("join the shallow party")
    p.join()
    show("members", sorted(p))
    ask("sees the shallow party")
    p.leave()
    ask("leave the shallow party")


def gate(c):
    section("barrier")
    b = c.Barrier("/kazoo/gate")
    ask("set the barrier")
    show("passed", b.wait(0.3))
    ask("remove the barrier")
    show("passed", b.wait(WAIT))
    b.create()
    ask("stands before the barrier")
    b.remove()
    ask("passes the barrier")


def main():
    c = KazooClient(hosts=sys.argv[1], timeout=20)
    c.start(timeout=WAIT)
    locks(c)
    read_write(c)
    election(c)
    collections(c)
    gate(c)
    barrier(c)
    party(c)
    c.stop()
    c.close()
    print("END", flush=True)


if __name__ == "__main__":
    main()
