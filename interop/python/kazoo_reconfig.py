"""A kazoo client that reconfigures an ensemble, printed as a transcript.

Arguments: all servers; the line of one that joins; its number; the lines of all.
"""

import sys

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException


def show(what, f):
    """Print how many servers the new configuration has, or the error."""
    try:
        data, _ = f()
        print("%s -> %d servers" % (what, data.decode().count("server.")), flush=True)
    except KazooException as e:
        print("%s -> %s" % (what, type(e).__name__), flush=True)


servers, joins, number, everybody = sys.argv[1:]
zk = KazooClient(servers, auth_data=[("digest", "super:secret")])
zk.start(60)
show("join", lambda: zk.reconfig(joins, None, None))
show("leave", lambda: zk.reconfig(None, number, None))
show("old version", lambda: zk.reconfig(None, number, None, from_config=1))
show("all", lambda: zk.reconfig(None, None, everybody))
show("nobody", lambda: zk.reconfig(None, "1,2,3", None))
zk.stop()
zk.close()
print("END", flush=True)
