package zabra.interop;

import static zabra.interop.Transcript.ask;
import static zabra.interop.Transcript.call;
import static zabra.interop.Transcript.run;
import static zabra.interop.Transcript.section;
import static zabra.interop.Transcript.show;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Everything Apache's own client offers. Arguments: the server, and the server behind a proxy that the test can cut. */
public final class JavaClient {
    private static final int LONG = 30000;
    private static final int SHORT = 4000;

    private final String direct;
    private final String cuttable;

    private JavaClient(String direct, String cuttable) {
        this.direct = direct;
        this.cuttable = cuttable;
    }

    public static void main(String[] args) throws Exception {
        JavaClient c = new JavaClient(args[0], args[1]);
        c.nodes();
        c.errors();
        c.acls();
        c.multi();
        c.watches();
        c.persistentWatches();
        c.chroot();
        c.containersAndTtl();
        c.restart();
        c.catchUp();
        c.expiry();
        System.out.println("END");
        System.exit(0);
    }

    private static ZooKeeper connect(String address, int timeout, Transcript.Events events) throws Exception {
        ZooKeeper zk = new ZooKeeper(address, timeout, events);
        events.await("SyncConnected");
        return zk;
    }

    private void nodes() throws Exception {
        section("nodes");
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        show("timeout", zk.getSessionTimeout());
        show("password", zk.getSessionPasswd().length);
        call("create", () -> zk.create("/n", "data".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Stat stat = new Stat();
        call("create with stat", () -> zk.create("/n/s", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat));
        show("stat", Transcript.stat(stat));
        for (CreateMode mode : new CreateMode[] {
            CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL, CreateMode.EPHEMERAL_SEQUENTIAL, CreateMode.CONTAINER
        }) {
            call("create " + mode, () -> zk.create("/n/" + mode + "-", new byte[0], Ids.OPEN_ACL_UNSAFE, mode));
        }
        call("create ttl", () -> zk.create("/n/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 100000));
        call("create ttl sequential", () -> zk.create(
                "/n/ttl-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 100000));
        call("children", () -> zk.getChildren("/n", false));
        call("children with stat", () -> zk.getChildren("/n", false, stat));
        show("stat", Transcript.stat(stat));
        call("null data", () -> zk.getData("/n/s", false, stat));
        call("empty data", () -> zk.getData("/n/EPHEMERAL-", false, stat));
        show("stat", Transcript.stat(stat));
        call("set", () -> zk.setData("/n", "more".getBytes(), 0));
        call("get", () -> zk.getData("/n", false, stat));
        show("stat", Transcript.stat(stat));
        call("exists", () -> zk.exists("/n/none", false));
        call("ephemerals", zk::getEphemerals);
        call("ephemerals below", () -> zk.getEphemerals("/n/EPHEMERAL_"));
        call("all children", () -> zk.getAllChildrenNumber("/n"));
        CountDownLatch synced = new CountDownLatch(1);
        zk.sync("/n", (rc, path, ctx) -> {
            show("sync", rc + " " + path);
            synced.countDown();
        }, null);
        synced.await();
        call("config", () -> zk.getConfig(false, stat));
        run("delete", () -> zk.delete("/n/s", 0));
        call("big", () -> zk.create("/n/big", new byte[1000000], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        show("big", zk.getData("/n/big", false, null).length);
        zk.close();
    }

    private void errors() throws Exception {
        section("errors");
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        zk.create("/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/e/kid", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        call("exists already", () -> zk.create("/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        call("no parent", () -> zk.create("/none/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        call("below an ephemeral", () -> zk.create("/e/kid/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        run("not empty", () -> zk.delete("/e", -1));
        run("bad version", () -> zk.delete("/e/kid", 7));
        call("bad version", () -> zk.setData("/e", null, 7));
        call("no node", () -> zk.getData("/none", false, null));
        call("no acl", () -> zk.create("/e/a", null, Collections.emptyList(), CreateMode.PERSISTENT));
        run("no watch", () -> zk.removeAllWatches("/e", WatcherType.Any, false));
        run("config", () -> zk.setData("/zookeeper/config", null, -1));
        run("reserved", () -> zk.delete("/zookeeper/quota", -1));
        zk.close();
    }

    private void acls() throws Exception {
        section("acls");
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        ZooKeeper other = connect(direct, LONG, new Transcript.Events());
        zk.addAuthInfo("digest", "ann:secret".getBytes());
        call("whoami", zk::whoAmI);
        call("create", () -> zk.create("/acl", "x".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        Stat stat = new Stat();
        call("owner reads", () -> zk.getData("/acl", false, stat));
        call("owner's acl", () -> zk.getACL("/acl", stat));
        call("other reads", () -> other.getData("/acl", false, stat));
        call("other's exists", () -> other.exists("/acl", false));
        call("other's acl", () -> other.getACL("/acl", stat));
        List<ACL> mixed = Arrays.asList(
                new ACL(Perms.READ, new Id("world", "anyone")), new ACL(Perms.ALL, new Id("auth", "")));
        call("set acl", () -> zk.setACL("/acl", mixed, 0));
        call("set acl, old version", () -> zk.setACL("/acl", mixed, 0));
        call("other reads", () -> other.getData("/acl", false, stat));
        call("other's acl", () -> other.getACL("/acl", stat));
        call("other writes", () -> other.setData("/acl", null, -1));
        call("auth without id", () -> other.create("/acl2", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        other.addAuthInfo("digest", "ann:secret".getBytes());
        call("other is ann now", () -> other.setData("/acl", null, -1));
        other.close();
        zk.close();
    }

    private void multi() throws Exception {
        section("multi");
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        multi(zk, "ok", Arrays.asList(
                Op.create("/m", "1".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.create("/m/seq-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
                Op.create("/m/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
                Op.create("/m/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 100000),
                Op.create("/m/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL),
                Op.check("/m", 0),
                Op.setData("/m", "2".getBytes(), 0),
                Op.delete("/m/e", 0)));
        multi(zk, "fails", Arrays.asList(
                Op.create("/m/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.check("/m", 99),
                Op.delete("/m/x", -1)));
        call("nothing happened", () -> zk.exists("/m/x", false));
        multi(zk, "read", Arrays.asList(Op.getData("/m"), Op.getChildren("/m"), Op.getData("/none")));
        call("transaction", () -> zk.transaction().setData("/m", "3".getBytes(), 1).check("/m", 2).commit().size());
        call("children", () -> zk.getChildren("/m", false));
        zk.close();
    }

    private static void multi(ZooKeeper zk, String what, List<Op> ops) throws Exception {
        try {
            print(what, zk.multi(ops));
        } catch (KeeperException e) {
            show(what, e.code() + " path=" + e.getPath());
            print(what, e.getResults());
        }
    }

    private static void print(String what, List<OpResult> results) {
        for (OpResult r : results) {
            if (r instanceof OpResult.CreateResult) {
                OpResult.CreateResult c = (OpResult.CreateResult) r;
                show(what, "create " + c.getPath() + " " + Transcript.stat(c.getStat()));
            } else if (r instanceof OpResult.SetDataResult) {
                show(what, "set " + Transcript.stat(((OpResult.SetDataResult) r).getStat()));
            } else if (r instanceof OpResult.ErrorResult) {
                show(what, "error " + ((OpResult.ErrorResult) r).getErr());
            } else if (r instanceof OpResult.GetDataResult) {
                show(what, "data " + new String(((OpResult.GetDataResult) r).getData()));
            } else if (r instanceof OpResult.GetChildrenResult) {
                List<String> kids = ((OpResult.GetChildrenResult) r).getChildren();
                Collections.sort(kids);
                show(what, "children " + kids);
            } else {
                show(what, r.getClass().getSimpleName());
            }
        }
    }

    private void watches() throws Exception {
        section("watches");
        Transcript.Events data = new Transcript.Events();
        Transcript.Events kids = new Transcript.Events();
        Transcript.Events exist = new Transcript.Events();
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        ZooKeeper other = connect(direct, LONG, new Transcript.Events());
        other.create("/w", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        call("exists", () -> zk.exists("/w/x", exist));
        call("children", () -> zk.getChildren("/w", kids));
        call("data", () -> zk.getData("/w", data, null));
        other.create("/w/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        exist.expect("exists", 1);
        kids.expect("children", 1);
        other.setData("/w", null, -1);
        data.expect("data", 1);
        call("again", () -> zk.exists("/w/x", exist));
        call("and children", () -> zk.getChildren("/w", kids));
        other.delete("/w/x", -1);
        exist.expect("exists", 1);
        kids.expect("children", 1);
        call("remove", () -> zk.exists("/w", data));
        run("remove", () -> zk.removeWatches("/w", data, WatcherType.Data, false));
        data.expect("removed", 1);
        other.setData("/w", null, -1);
        zk.exists("/", false);
        data.rest("data");
        kids.rest("children");
        exist.rest("exists");
        other.close();
        zk.close();
    }

    private void persistentWatches() throws Exception {
        section("persistent watches");
        Transcript.Events persistent = new Transcript.Events();
        Transcript.Events recursive = new Transcript.Events();
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        zk.create("/pw", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        run("add persistent", () -> zk.addWatch("/pw", persistent, AddWatchMode.PERSISTENT));
        run("add recursive", () -> zk.addWatch("/pw", recursive, AddWatchMode.PERSISTENT_RECURSIVE));
        zk.create("/pw/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/pw/a/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData("/pw/a/b", null, -1);
        zk.setData("/pw", null, -1);
        zk.delete("/pw/a/b", -1);
        zk.delete("/pw/a", -1);
        persistent.expect("persistent", 3);
        recursive.expect("recursive", 6);
        run("remove", () -> zk.removeWatches("/pw", recursive, WatcherType.PersistentRecursive, false));
        recursive.expect("removed", 1);
        zk.delete("/pw", -1);
        persistent.expect("persistent", 1);
        persistent.rest("persistent");
        recursive.rest("recursive");
        zk.close();
    }

    private void chroot() throws Exception {
        section("chroot");
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        zk.create("/root", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Transcript.Events events = new Transcript.Events();
        ZooKeeper inside = connect(direct + "/root", LONG, new Transcript.Events());
        call("exists", () -> inside.exists("/x", events));
        call("create", () -> inside.create("/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL));
        events.expect("event", 1);
        call("seen from outside", () -> zk.getChildren("/root", false));
        inside.close();
        call("gone", () -> zk.getChildren("/root", false));
        zk.close();
    }

    private void containersAndTtl() throws Exception {
        section("containers and ttl");
        Transcript.Events events = new Transcript.Events();
        ZooKeeper zk = connect(direct, LONG, new Transcript.Events());
        Stat stat = new Stat();
        zk.create("/cont", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
        zk.create("/cont/kid", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        call("container", () -> zk.exists("/cont", events));
        zk.delete("/cont/kid", -1);
        events.expect("container without children", 1);
        zk.create("/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 1000);
        call("ttl", () -> zk.exists("/ttl", events));
        events.expect("ttl", 1);
        call("gone", () -> zk.exists("/ttl", false));
        zk.close();
    }

    private void restart() throws Exception {
        section("restart of the server");
        Transcript.Events session = new Transcript.Events();
        Transcript.Events watch = new Transcript.Events();
        Transcript.Events recursive = new Transcript.Events();
        ZooKeeper zk = connect(cuttable, LONG, session);
        long id = zk.getSessionId();
        zk.addAuthInfo("digest", "ann:secret".getBytes());
        zk.create("/re", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        zk.create("/re/e", "mine".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.EPHEMERAL);
        zk.getData("/re", watch, null);
        zk.addWatch("/re", recursive, AddWatchMode.PERSISTENT_RECURSIVE);
        for (String how : new String[] {"restart", "kill"}) {
            ask(how);
            session.await("Disconnected");
            session.await("SyncConnected");
            show("same session", zk.getSessionId() == id);
            call("ephemeral", () -> zk.getData("/re/e", false, null));
        }
        call("set", () -> zk.setData("/re", null, -1));
        watch.expectNode("one-shot watch");
        recursive.expectNode("recursive watch");
        call("sequence goes on", () -> zk.create("/re/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        zk.close();
        ZooKeeper other = connect(direct, LONG, new Transcript.Events());
        other.addAuthInfo("digest", "ann:secret".getBytes());
        call("ephemeral gone", () -> other.getChildren("/re", false));
        other.close();
    }

    private void catchUp() throws Exception {
        section("what happened while disconnected");
        Transcript.Events session = new Transcript.Events();
        Transcript.Events data = new Transcript.Events();
        Transcript.Events kids = new Transcript.Events();
        Transcript.Events exist = new Transcript.Events();
        Transcript.Events quiet = new Transcript.Events();
        ZooKeeper other = connect(direct, LONG, new Transcript.Events());
        for (String p : new String[] {"/cu", "/cu/data", "/cu/kids", "/cu/gone", "/cu/quiet"}) {
            other.create(p, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }
        ZooKeeper zk = connect(cuttable, LONG, session);
        zk.getData("/cu/data", data, null);
        zk.getData("/cu/gone", data, null);
        zk.getChildren("/cu/kids", kids);
        zk.exists("/cu/new", exist);
        zk.getData("/cu/quiet", quiet, null);
        ask("cut");
        session.await("Disconnected");
        other.setData("/cu/data", null, -1);
        other.delete("/cu/gone", -1);
        other.create("/cu/kids/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        other.create("/cu/new", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        ask("join");
        session.await("SyncConnected");
        // In which order data and gone come is the client's: it keeps them in a set.
        call("caught up", () -> {
            String[] two = {nodeEvent(data), nodeEvent(data)};
            Arrays.sort(two);
            return Arrays.asList(two);
        });
        kids.expectNode("children");
        exist.expectNode("exists");
        other.setData("/cu/quiet", null, -1);
        quiet.expectNode("armed again");
        other.close();
        zk.close();
    }

    private static String nodeEvent(Transcript.Events e) throws InterruptedException {
        String s = e.next();
        return s.startsWith("state ") ? nodeEvent(e) : s;
    }

    private void expiry() throws Exception {
        section("expiry");
        Transcript.Events session = new Transcript.Events();
        Transcript.Events gone = new Transcript.Events();
        ZooKeeper other = connect(direct, LONG, new Transcript.Events());
        ZooKeeper zk = connect(cuttable, SHORT, session);
        zk.create("/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        other.exists("/x", gone);
        ask("cut");
        session.await("Disconnected");
        gone.expectNode("ephemeral");
        ask("join");
        session.await("Expired");
        call("after expiry", () -> zk.exists("/x", false));
        ZooKeeper thief = new ZooKeeper(direct, LONG, session, other.getSessionId(), new byte[16]);
        session.await("Expired");
        thief.close();
        other.close();
        zk.close();
    }
}
