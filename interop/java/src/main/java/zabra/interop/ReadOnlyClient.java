package zabra.interop;

import static zabra.interop.Transcript.ask;
import static zabra.interop.Transcript.call;
import static zabra.interop.Transcript.run;
import static zabra.interop.Transcript.section;
import static zabra.interop.Transcript.show;

import java.util.Arrays;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/** Apache's own client where it is content with reads. Argument: all servers of an ensemble. */
public final class ReadOnlyClient {
    private static final int TIMEOUT = 4000;

    private ReadOnlyClient() {}

    public static void main(String[] args) throws Exception {
        section("with a quorum");
        Transcript.Events events = new Transcript.Events();
        ZooKeeper writer = new ZooKeeper(args[0], TIMEOUT, events, true);
        events.await("SyncConnected");
        show("state", writer.getState());
        writes(writer, "/java-ro");
        run("sync", () -> writer.sync("/java-ro", (rc, path, ctx) -> {}, null));
        writer.close();

        ask("isolate");
        section("without");
        Transcript.Events later = new Transcript.Events();
        ZooKeeper reader = new ZooKeeper(args[0], TIMEOUT, later, true);
        later.await("ConnectedReadOnly");
        show("state", reader.getState());
        reads(reader);
        writes(reader, "/java-ro/refused");
        call("watch", () -> reader.exists("/java-ro/later", later) == null);
        long readOnlySession = reader.getSessionId();

        ask("rejoin");
        section("with a quorum again");
        later.await("SyncConnected");
        show("state", reader.getState());
        show("another session", reader.getSessionId() != readOnlySession);
        writes(reader, "/java-ro/later");
        later.expectNode("event");
        reads(reader);
        reader.close();
        System.out.println("END");
        System.exit(0);
    }

    private static void reads(ZooKeeper zk) {
        call("get", () -> zk.getData("/java-ro", false, null));
        call("exists", () -> zk.exists("/java-ro", false).getVersion());
        call("children", () -> zk.getChildren("/java-ro", false));
        call("acl", () -> zk.getACL("/java-ro", null));
        call("all children", () -> zk.getAllChildrenNumber("/java-ro"));
        call("multi read", () -> zk.multi(Arrays.asList(Op.getData("/java-ro"))).size());
    }

    private static void writes(ZooKeeper zk, String path) {
        call("create", () -> zk.create(path, "data".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        call("create ephemeral", () -> zk.create(path + "-e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL));
        call("set", () -> zk.setData(path, "more".getBytes(), -1));
        call("set acl", () -> zk.setACL(path, Ids.OPEN_ACL_UNSAFE, -1));
        call("multi", () -> zk.multi(Arrays.asList(Op.check(path, -1))).size());
        run("delete", () -> zk.delete(path + "-e", -1));
    }
}
