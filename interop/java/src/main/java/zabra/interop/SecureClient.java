package zabra.interop;

import static zabra.interop.Transcript.call;
import static zabra.interop.Transcript.run;
import static zabra.interop.Transcript.section;
import static zabra.interop.Transcript.show;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ZKClientConfig;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/**
 * Apache's own client as different people, by SASL DIGEST-MD5 or by TLS with certificates.
 * Arguments: sasl, the server, and the JAAS file with a section for each person; or tls, the
 * server, and the directory with the certificates. Then the people, in the order in which they
 * come: the name of their section or certificate, - for nobody.
 */
public final class SecureClient {
    private static final int TIMEOUT = 20000;

    /** How many connections a server ends before it is taken to refuse them. */
    private static final int REFUSALS = 4;

    private final boolean tls;
    private final String server;
    private final String files;

    private SecureClient(boolean tls, String server, String files) {
        this.tls = tls;
        this.server = server;
        this.files = files;
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("zookeeper.fips-mode", "false"); // DIGEST-MD5 is off in FIPS mode
        SecureClient c = new SecureClient(args[0].equals("tls"), args[1], args[2]);
        if (!c.tls) {
            System.setProperty("java.security.auth.login.config", args[2]);
        }
        for (int i = 3; i < args.length; i++) {
            c.as(args[i]);
        }
        System.out.println("END");
        System.exit(0);
    }

    /** Everything one person tries. */
    private void as(String who) throws Exception {
        section(who);
        Transcript.Events events = new Transcript.Events();
        Relay relay = new Relay(server);
        ZooKeeper zk = new ZooKeeper(relay.address(), TIMEOUT, events, config(who));
        // The client holds requests back until SASL has come to an end, so that the first
        // answer tells how it ended.
        String first = connected(events, relay) ? firstAnswer(zk) : "AUTHFAILED";
        boolean refused = first.equals("AUTHFAILED");
        show("state", refused ? "refused" : "connected");
        if (refused) {
            zk.close(1);
            return;
        }
        show("first request", first);
        if (!first.equals("OK")) {
            zk.close(1);
            return;
        }
        call("who am I", () -> zk.whoAmI());
        call("create", () -> zk.create("/of-" + who, "secret".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        call("acl", () -> zk.getACL("/of-" + who, new Stat()));
        for (String other : new String[] {"alice", "bob"}) {
            call("read what is of " + other, () -> zk.getData("/of-" + other, false, null));
            call("write what is of " + other, () -> zk.setData("/of-" + other, "mine".getBytes(), -1).getVersion());
        }
        String scheme = tls ? "x509" : "sasl";
        for (String id : new String[] {"alice", "CN=alice,O=Example", ""}) {
            ACL acl = new ACL(Perms.ALL, new Id(scheme, id));
            call("an acl of " + scheme + ":" + id, () -> zk.create("/for-" + who + "-", null,
                    Collections.singletonList(acl), CreateMode.PERSISTENT_SEQUENTIAL));
        }
        run("claim", () -> {
            zk.addAuthInfo("digest", "carol:secret".getBytes());
            zk.exists("/", false);
        });
        zk.close();
    }

    /** What the server says to a request, however often it ends the connection first. */
    private static String firstAnswer(ZooKeeper zk) throws InterruptedException {
        for (int i = 0; i < 20; i++) {
            try {
                zk.exists("/", false);
                return "OK";
            } catch (KeeperException.ConnectionLossException e) {
                Thread.sleep(100);
            } catch (KeeperException e) {
                return e.code().toString();
            }
        }
        return "nothing";
    }

    private ZKClientConfig config(String who) {
        ZKClientConfig conf = new ZKClientConfig();
        conf.setProperty("zookeeper.sasl.client", String.valueOf(!tls && !who.equals("-")));
        conf.setProperty("zookeeper.sasl.clientconfig", who);
        if (tls) {
            conf.setProperty("zookeeper.client.secure", "true");
            conf.setProperty("zookeeper.clientCnxnSocket", "org.apache.zookeeper.ClientCnxnSocketNetty");
            conf.setProperty("zookeeper.ssl.trustStore.location", files + "/trust.pem");
            if (!who.equals("-")) {
                conf.setProperty("zookeeper.ssl.keyStore.location", files + "/" + who + ".pem");
            }
        }
        return conf;
    }

    /**
     * Waits until the server has accepted a connection, or has ended so many that it is clear
     * that it does not, however long a busy machine takes.
     */
    private static boolean connected(Transcript.Events events, Relay relay) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (System.nanoTime() < end) {
            boolean refused = relay.ended.get() >= REFUSALS; // asked before the events are looked at
            String e = events.poll(100);
            if ("state SyncConnected".equals(e)) {
                return true;
            }
            if ("state AuthFailed".equals(e) || e == null && refused) {
                return false;
            }
        }
        return false;
    }

    /** Leads connections to the server, and counts those that have ended. */
    private static final class Relay {
        private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        private final String host;
        private final int port;
        final AtomicInteger ended = new AtomicInteger();

        Relay(String server) throws IOException {
            int colon = server.lastIndexOf(':');
            host = server.substring(0, colon);
            port = Integer.parseInt(server.substring(colon + 1));
            background(() -> {
                while (true) {
                    Socket client = listener.accept();
                    background(() -> forward(client));
                }
            });
        }

        String address() {
            return "127.0.0.1:" + listener.getLocalPort();
        }

        private void forward(Socket client) throws IOException {
            try (Socket c = client; Socket s = new Socket(host, port)) {
                background(() -> copy(c, s));
                copy(s, c);
            } finally {
                ended.incrementAndGet();
            }
        }

        /** Copies until one side ends, and ends the other. */
        private static void copy(Socket from, Socket to) throws IOException {
            try {
                from.getInputStream().transferTo(to.getOutputStream());
            } finally {
                from.close();
                to.close();
            }
        }

        private interface Work {
            void run() throws IOException;
        }

        private static void background(Work work) {
            Thread t = new Thread(() -> {
                try {
                    work.run();
                } catch (IOException e) {
                    // the connection is over, which is counted
                }
            });
            t.setDaemon(true);
            t.start();
        }
    }
}
