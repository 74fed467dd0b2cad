package zabra.interop;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * Java clients that an ensemble must not lose while its servers are replaced. Argument: the connect
 * string. When all are at work it asks for ready; the answer ends the load, and then every
 * acknowledged write must be there, every session the first one, every ephemeral node in place and
 * every watch alive.
 *
 * <p>A write whose answer was lost with the connection may be there or not: it is left out.
 */
public final class MigrationClient {
    private static final int CLIENTS = 3;
    private static final int TIMEOUT = 60000;
    private static final long PAUSE = 3;

    private static final Set<String> faults = new HashSet<>();
    private static volatile boolean stop;

    private MigrationClient() {}

    public static void main(String[] args) throws Exception {
        List<Worker> workers = new ArrayList<>();
        List<Locker> lockers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            workers.add(new Worker(args[0], i));
        }
        for (int i = 0; i < 2; i++) {
            lockers.add(new Locker(args[0], i));
        }
        for (Worker w : workers) {
            w.watch();
            threads.add(new Thread(w::load));
        }
        lockers.forEach(l -> threads.add(new Thread(l::load)));
        threads.forEach(Thread::start);
        Transcript.ask("ready");
        stop = true;
        for (Thread t : threads) {
            t.join(TIMEOUT);
            if (t.isAlive()) {
                fault(t.getName() + " hangs");
            }
        }
        for (Worker w : workers) {
            w.check();
        }
        for (Worker w : workers) {
            w.checkWatches();
        }
        lockers.forEach(Locker::check);
        synchronized (faults) {
            faults.stream().limit(20).forEach(f -> Transcript.say("FAULT " + f));
        }
        Transcript.say(workers.stream().mapToInt(w -> w.acknowledged.size()).sum() + " writes, "
                + workers.stream().mapToLong(w -> w.events.get()).sum() + " events, "
                + lockers.stream().mapToInt(l -> l.held).sum() + " locks");
        Transcript.say("END");
        System.exit(0);
    }

    private static void fault(String what) {
        synchronized (faults) {
            faults.add("java " + what);
        }
    }

    interface Call<T> {
        T run() throws Exception;
    }

    /** Runs a call that may be run twice until it has been answered. */
    private static <T> T answered(Call<T> call) throws Exception {
        for (long deadline = System.currentTimeMillis() + TIMEOUT; ; Thread.sleep(50)) {
            try {
                return call.run();
            } catch (KeeperException.ConnectionLossException e) {
                if (System.currentTimeMillis() > deadline) {
                    throw e;
                }
            }
        }
    }

    private static void ensure(ZooKeeper zk, String path) throws Exception {
        answered(() -> {
            try {
                zk.create(path, "0".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            } catch (KeeperException.NodeExistsException e) {
                // another client was quicker
            }
            return null;
        });
    }

    /** One session of Apache's client: it writes, owns an ephemeral node, and watches another one's writes. */
    private static final class Worker {
        private final int number;
        private final ZooKeeper zk;
        private final long session;
        private final List<String> acknowledged = new ArrayList<>();
        private final AtomicLong events = new AtomicLong();
        private final AtomicLong seen = new AtomicLong(-1);
        private final CountDownLatch last = new CountDownLatch(1);
        private final AtomicInteger once = new AtomicInteger();
        private final CountDownLatch persistent = new CountDownLatch(1);
        private volatile boolean expired;

        Worker(String servers, int number) throws Exception {
            this.number = number;
            CountDownLatch connected = new CountDownLatch(1);
            zk = new ZooKeeper(servers, TIMEOUT, e -> {
                if (e.getState() == Watcher.Event.KeeperState.SyncConnected) {
                    connected.countDown();
                }
                expired |= e.getState() == Watcher.Event.KeeperState.Expired;
            });
            if (!connected.await(TIMEOUT, TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException("no server answers");
            }
            session = zk.getSessionId();
            ensure(zk, "/jload");
            ensure(zk, "/jbeat");
            ensure(zk, beat(number));
            ensure(zk, beat(number + 1));
            zk.create("/jload/alive-" + number, null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        }

        private static String beat(int number) {
            return "/jbeat/" + number % CLIENTS;
        }

        /** Sets a watch of each kind. */
        void watch() throws Exception {
            follow(null);
            answered(() -> zk.exists("/jload/at-the-end-" + number, e -> {
                if (e.getType() != Watcher.Event.EventType.None) {
                    once.incrementAndGet();
                }
            }));
            answered(() -> {
                zk.addWatch("/jload", e -> {
                    if (("/jload/at-the-end-" + number).equals(e.getPath())) {
                        persistent.countDown();
                    }
                }, AddWatchMode.PERSISTENT_RECURSIVE);
                return null;
            });
        }

        /** Reads what the next client writes, and asks to be told of the next change. */
        private void follow(WatchedEvent event) {
            if (event != null && event.getType() == Watcher.Event.EventType.None) {
                return; // about the connection: the watch is still set
            }
            events.incrementAndGet();
            zk.getData(beat(number + 1), this::follow, (rc, path, ctx, data, stat) -> {
                if (rc == KeeperException.Code.CONNECTIONLOSS.intValue()) {
                    follow(null); // this one was not set
                } else if (rc != 0) {
                    fault("client " + number + ": " + path + ": " + KeeperException.Code.get(rc));
                } else {
                    saw(Long.parseLong(new String(data)));
                }
            }, null);
        }

        private void saw(long value) {
            long before = seen.getAndSet(value);
            if (value < before) {
                fault("client " + number + ": the watched value went from " + before + " back to " + value);
            }
            if (value == Long.MAX_VALUE) {
                last.countDown();
            }
        }

        void load() {
            for (int n = 0; !stop; n++) {
                try {
                    String path = "/jload/" + number + "-" + n;
                    zk.create(path, new byte[10], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                    acknowledged.add(path);
                    zk.setData(beat(number), String.valueOf(n).getBytes(), -1);
                    Thread.sleep(PAUSE);
                } catch (KeeperException.ConnectionLossException e) {
                    // not acknowledged
                } catch (Exception e) {
                    fault("client " + number + ": " + e);
                    return;
                }
            }
        }

        void check() throws Exception {
            CountDownLatch synced = new CountDownLatch(1);
            zk.sync("/", (rc, path, ctx) -> synced.countDown(), null);
            synced.await(TIMEOUT, TimeUnit.MILLISECONDS);
            if (expired || zk.getSessionId() != session) {
                fault("client " + number + " lost its session");
                return;
            }
            Set<String> there = new HashSet<>(answered(() -> zk.getChildren("/jload", false)));
            for (String path : acknowledged) {
                if (!there.contains(path.substring("/jload/".length()))) {
                    fault(path + " was acknowledged and is not there");
                }
            }
            if (acknowledged.isEmpty()) {
                fault("client " + number + " wrote nothing");
            }
            Stat alive = answered(() -> zk.exists("/jload/alive-" + number, false));
            if (alive == null || alive.getEphemeralOwner() != session) {
                fault("the ephemeral node of client " + number + " is gone");
            }
            if (once.get() != 0) {
                fault("client " + number + " was told of a node that nobody made");
            }
            ensure(zk, "/jload/at-the-end-" + number);
            answered(() -> zk.setData(beat(number), String.valueOf(Long.MAX_VALUE).getBytes(), -1));
        }

        /** The watches have outlived every server that they were set on. */
        void checkWatches() throws Exception {
            if (!last.await(TIMEOUT, TimeUnit.MILLISECONDS)) {
                fault("client " + number + ": its data watch is gone, last seen " + seen.get());
            }
            if (!persistent.await(TIMEOUT, TimeUnit.MILLISECONDS)) {
                fault("client " + number + ": its persistent watch is gone");
            }
            answered(() -> zk.exists("/", false)); // what was under way has come before the answer
            if (once.get() != 1) {
                fault("client " + number + ": its watch for a node to be made came " + once.get() + " times");
            }
        }
    }

    /** A client of Curator that takes a lock and gives it back. */
    private static final class Locker {
        private static final AtomicInteger holders = new AtomicInteger();

        private final int number;
        private final CuratorFramework client;
        private int held;
        private volatile boolean lost;

        Locker(String servers, int number) throws Exception {
            this.number = number;
            client = CuratorFrameworkFactory.newClient(servers, TIMEOUT, TIMEOUT, new RetryForever(100));
            client.getConnectionStateListenable().addListener((c, state) -> lost |= state == ConnectionState.LOST);
            client.start();
            client.blockUntilConnected();
        }

        void load() {
            InterProcessMutex lock = new InterProcessMutex(client, "/jlock");
            while (!stop) {
                try {
                    lock.acquire();
                    if (holders.incrementAndGet() > 1) {
                        fault("locker " + number + ": another one holds the lock");
                    }
                    Thread.sleep(10);
                    holders.decrementAndGet();
                    lock.release();
                    held++;
                } catch (Exception e) {
                    fault("locker " + number + ": " + e);
                    return;
                }
            }
        }

        void check() {
            if (lost) {
                fault("locker " + number + " lost its session");
            }
            if (held == 0) {
                fault("locker " + number + " never held the lock");
            }
        }
    }
}
