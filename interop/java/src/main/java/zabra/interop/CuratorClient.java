package zabra.interop;

import static zabra.interop.Transcript.ask;
import static zabra.interop.Transcript.call;
import static zabra.interop.Transcript.run;
import static zabra.interop.Transcript.section;
import static zabra.interop.Transcript.show;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** Curator's recipes. Arguments as for {@link JavaClient}. */
public final class CuratorClient {
    private final CuratorFramework a;
    private final CuratorFramework b;
    private final BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();

    private CuratorClient(String direct, String cuttable) throws Exception {
        a = client(direct);
        b = client(cuttable);
        b.getConnectionStateListenable().addListener((c, s) -> states.add(s));
    }

    private static CuratorFramework client(String address) throws Exception {
        CuratorFramework c = CuratorFrameworkFactory.builder()
                .connectString(address)
                .sessionTimeoutMs(30000)
                .connectionTimeoutMs(15000)
                .retryPolicy(new RetryForever(100))
                .build();
        c.start();
        c.blockUntilConnected();
        return c;
    }

    public static void main(String[] args) throws Exception {
        CuratorClient c = new CuratorClient(args[0], args[1]);
        c.builders();
        c.transactions();
        c.locks();
        c.leaders();
        c.barriersCountersQueues();
        c.pathCache();
        c.treeCache();
        c.curatorCache();
        c.persistentWatcher();
        c.nodes();
        c.discovery();
        c.reconnect();
        c.restart();
        c.a.close();
        c.b.close();
        System.out.println("END");
        System.exit(0);
    }

    /** Waits until the value is what it should become, and prints it. */
    private static void eventually(String what, String want, java.util.concurrent.Callable<Object> value) throws Exception {
        Object last = null;
        for (int i = 0; i < 600; i++) {
            last = value.call();
            if (want.equals(String.valueOf(last))) {
                break;
            }
            Thread.sleep(50);
        }
        show(what, last);
    }

    private void builders() throws Exception {
        section("builders");
        call("parents", () -> a.create().creatingParentsIfNeeded().forPath("/b/one/two", "x".getBytes()));
        call("container parents", () -> a.create().creatingParentContainersIfNeeded().forPath("/b/cont/x"));
        call("protected", () -> a.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .forPath("/b/one/p-").replaceAll("[0-9a-f]{8}-[-0-9a-f]{27}", "GUID"));
        Stat stat = new Stat();
        call("storing stat", () -> a.create().storingStatIn(stat).withMode(CreateMode.PERSISTENT).forPath("/b/stat", null));
        show("stat", Transcript.stat(stat));
        call("ttl", () -> a.create().withTtl(100000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/b/ttl"));
        call("or set", () -> a.create().orSetData().forPath("/b/stat", "new".getBytes()));
        call("get", () -> a.getData().storingStatIn(stat).forPath("/b/stat"));
        show("stat", Transcript.stat(stat));
        call("guaranteed quiet delete", () -> a.delete().quietly().deletingChildrenIfNeeded().forPath("/b/one"));
        call("acl", () -> a.getACL().forPath("/b"));
        call("children", () -> a.getChildren().forPath("/b"));
        CountDownLatch done = new CountDownLatch(1);
        a.setData().inBackground((c, e) -> {
            show("background", e.getType() + " " + e.getResultCode() + " " + e.getPath());
            done.countDown();
        }).forPath("/b", null);
        done.await();
        call("namespace", () -> a.usingNamespace("ns").create().creatingParentsIfNeeded().forPath("/x/y"));
        call("below it", () -> a.checkExists().forPath("/ns/x/y"));
    }

    private void transactions() throws Exception {
        section("transactions");
        CuratorOp create = a.transactionOp().create().forPath("/t", "1".getBytes());
        CuratorOp set = a.transactionOp().setData().forPath("/t", "2".getBytes());
        CuratorOp check = a.transactionOp().check().withVersion(1).forPath("/t");
        call("commit", () -> a.transaction().forOperations(create, set, check).stream()
                .map(r -> r.getType() + " " + r.getForPath() + " " + r.getError()).collect(Collectors.toList()));
        call("rolled back", () -> a.transaction().forOperations(a.transactionOp().delete().forPath("/t"), check));
        call("still there", () -> a.getData().forPath("/t"));
    }

    private void locks() throws Exception {
        section("locks");
        InterProcessMutex la = new InterProcessMutex(a, "/lock");
        InterProcessMutex lb = new InterProcessMutex(b, "/lock");
        la.acquire();
        la.acquire();
        call("taken", () -> lb.acquire(200, TimeUnit.MILLISECONDS));
        la.release();
        call("still taken", () -> lb.acquire(200, TimeUnit.MILLISECONDS));
        CountDownLatch got = new CountDownLatch(1);
        Thread waiter = new Thread(() -> run("waited for", () -> {
            lb.acquire();
            got.countDown();
            lb.release();
        }));
        waiter.start();
        Thread.sleep(200);
        la.release();
        waiter.join();
        call("handed over", () -> got.await(20, TimeUnit.SECONDS));
        InterProcessReadWriteLock rwa = new InterProcessReadWriteLock(a, "/rw");
        InterProcessReadWriteLock rwb = new InterProcessReadWriteLock(b, "/rw");
        rwa.readLock().acquire();
        call("shared read", () -> rwb.readLock().acquire(10, TimeUnit.SECONDS));
        rwb.readLock().release();
        call("no write", () -> rwb.writeLock().acquire(200, TimeUnit.MILLISECONDS));
        rwa.readLock().release();
        call("write", () -> rwb.writeLock().acquire(10, TimeUnit.SECONDS));
        rwb.writeLock().release();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(a, "/sem", 2);
        InterProcessSemaphoreV2 other = new InterProcessSemaphoreV2(b, "/sem", 2);
        Lease one = semaphore.acquire();
        Lease two = other.acquire();
        call("full", () -> semaphore.acquire(200, TimeUnit.MILLISECONDS) == null);
        semaphore.returnLease(one);
        call("free", () -> other.acquire(10, TimeUnit.SECONDS) != null);
        other.returnLease(two);
    }

    private void leaders() throws Exception {
        section("leaders");
        LeaderLatch one = new LeaderLatch(a, "/latch", "one");
        LeaderLatch two = new LeaderLatch(b, "/latch", "two");
        one.start();
        eventually("one leads", "true", one::hasLeadership);
        two.start();
        eventually("participants", "2", () -> two.getParticipants().size());
        show("two leads", two.hasLeadership());
        show("leader", two.getLeader().getId());
        one.close();
        eventually("two leads", "true", two::hasLeadership);
        two.close();
        BlockingQueue<String> terms = new LinkedBlockingQueue<>();
        List<LeaderSelector> selectors = new ArrayList<>();
        for (CuratorFramework c : new CuratorFramework[] {a, b}) {
            LeaderSelector s = new LeaderSelector(c, "/select", new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework client) {
                    terms.add("term");
                }
            });
            s.autoRequeue();
            s.start();
            selectors.add(s);
        }
        for (int i = 0; i < 4; i++) {
            show("selector", terms.poll(20, TimeUnit.SECONDS));
        }
        for (LeaderSelector s : selectors) {
            s.close();
        }
    }

    private void barriersCountersQueues() throws Exception {
        section("barriers, counters, queues");
        Thread other = new Thread(() -> run("second through", () -> {
            DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(b, "/barrier", 2);
            barrier.enter();
            barrier.leave();
        }));
        DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(a, "/barrier", 2);
        other.start();
        boolean entered = barrier.enter(20, TimeUnit.SECONDS);
        boolean left = barrier.leave(20, TimeUnit.SECONDS);
        other.join();
        show("together", entered + " " + left);
        DistributedAtomicLong la = new DistributedAtomicLong(a, "/long", new RetryForever(10));
        DistributedAtomicLong lb = new DistributedAtomicLong(b, "/long", new RetryForever(10));
        for (int i = 0; i < 5; i++) {
            la.increment();
            lb.add(10L);
        }
        show("sum", la.get().postValue());
        SharedCount ca = new SharedCount(a, "/count", 7);
        SharedCount cb = new SharedCount(b, "/count", 7);
        ca.start();
        cb.start();
        ca.setCount(8);
        eventually("shared count", "8", cb::getCount);
        show("versioned", cb.trySetCount(cb.getVersionedValue(), 9));
        ca.close();
        cb.close();
        SimpleDistributedQueue qa = new SimpleDistributedQueue(a, "/queue");
        SimpleDistributedQueue qb = new SimpleDistributedQueue(b, "/queue");
        for (String s : new String[] {"1", "2", "3"}) {
            qa.offer(s.getBytes());
        }
        call("take", qb::take);
        call("poll", () -> qb.poll(10, TimeUnit.SECONDS));
        call("peek", qb::peek);
        call("remove", qb::remove);
        call("empty", qb::poll);
    }

    /** The events of a cache, in order. */
    private static final class Log {
        private final BlockingQueue<String> queue = new LinkedBlockingQueue<>();

        void add(String s) {
            queue.add(s);
        }

        void expect(int n) throws InterruptedException {
            for (int i = 0; i < n; i++) {
                show("event", queue.poll(30, TimeUnit.SECONDS));
            }
        }

        void expectSorted(int n) throws InterruptedException {
            List<String> all = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                all.add(String.valueOf(queue.poll(30, TimeUnit.SECONDS)));
            }
            all.sort(null);
            show("events", all);
        }
    }

    private void pathCache() throws Exception {
        section("PathChildrenCache");
        a.create().forPath("/pcc");
        a.create().forPath("/pcc/old", "1".getBytes());
        Log log = new Log();
        PathChildrenCache cache = new PathChildrenCache(b, "/pcc", true);
        cache.getListenable().addListener((c, e) -> log.add(
                e.getType() + (e.getData() == null ? "" : " " + e.getData().getPath() + "=" + new String(e.getData().getData()))));
        cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
        log.expect(2);
        a.create().forPath("/pcc/x", "a".getBytes());
        log.expect(1);
        a.setData().forPath("/pcc/x", "b".getBytes());
        log.expect(1);
        a.delete().forPath("/pcc/x");
        log.expect(1);
        show("now", cache.getCurrentData().size());
        cache.close();
    }

    private void treeCache() throws Exception {
        section("TreeCache");
        a.create().creatingParentsIfNeeded().forPath("/tc/a/b", "1".getBytes());
        Log log = new Log();
        TreeCache cache = new TreeCache(b, "/tc");
        cache.getListenable().addListener((c, e) ->
                log.add(e.getType() + (e.getData() == null ? "" : " " + e.getData().getPath())));
        cache.start();
        log.expect(4);
        a.create().forPath("/tc/a/b/c", null);
        log.expect(1);
        a.setData().forPath("/tc/a", "x".getBytes());
        log.expect(1);
        a.delete().deletingChildrenIfNeeded().forPath("/tc/a");
        log.expectSorted(3);
        show("children", cache.getCurrentChildren("/tc"));
        cache.close();
    }

    private void curatorCache() throws Exception {
        section("CuratorCache");
        a.create().creatingParentsIfNeeded().forPath("/cc/a/b", "1".getBytes());
        Log log = new Log();
        CuratorCache cache = CuratorCache.build(b, "/cc");
        cache.listenable().addListener((type, old, data) -> log.add(type + " " + (data == null ? old : data).getPath()));
        cache.start();
        log.expectSorted(3);
        a.create().forPath("/cc/a/new", "n".getBytes());
        log.expect(1);
        a.setData().forPath("/cc/a/new", "m".getBytes());
        log.expect(1);
        a.delete().forPath("/cc/a/new");
        log.expect(1);
        show("size", cache.size());
        cache.close();
    }

    private void persistentWatcher() throws Exception {
        section("PersistentWatcher");
        Log log = new Log();
        PersistentWatcher watcher = new PersistentWatcher(b, "/pwatch", true);
        CountDownLatch set = new CountDownLatch(1);
        watcher.getListenable().addListener(e -> log.add(e.getType() + " " + e.getPath()));
        watcher.getResetListenable().addListener(set::countDown);
        watcher.start();
        call("set", () -> set.await(20, TimeUnit.SECONDS));
        a.create().forPath("/pwatch", null);
        a.create().forPath("/pwatch/a", null);
        a.create().forPath("/pwatch/a/b", null);
        a.setData().forPath("/pwatch/a/b", "x".getBytes());
        a.delete().deletingChildrenIfNeeded().forPath("/pwatch");
        log.expect(7);
        watcher.close();
    }

    private void nodes() throws Exception {
        section("nodes");
        PersistentNode node = new PersistentNode(b, CreateMode.EPHEMERAL, false, "/pn", "x".getBytes());
        node.start();
        call("created", () -> node.waitForInitialCreate(20, TimeUnit.SECONDS));
        call("there", () -> a.getData().forPath("/pn"));
        a.delete().forPath("/pn");
        eventually("comes back", "true", () -> a.checkExists().forPath("/pn") != null);
        node.close();
        eventually("goes", "true", () -> a.checkExists().forPath("/pn") == null);
        PersistentTtlNode ttl = new PersistentTtlNode(b, "/ptn", 2000, "x".getBytes());
        ttl.start();
        call("created", () -> ttl.waitForInitialCreate(20, TimeUnit.SECONDS));
        ttl.close();
        eventually("ttl node goes", "true", () -> a.checkExists().forPath("/ptn") == null);
        GroupMember ga = new GroupMember(a, "/group", "a");
        GroupMember gb = new GroupMember(b, "/group", "b");
        ga.start();
        gb.start();
        eventually("members", "[a, b]", () -> ga.getCurrentMembers().keySet().stream().sorted().collect(Collectors.toList()));
        gb.close();
        eventually("members", "[a]", () -> ga.getCurrentMembers().keySet());
        ga.close();
        a.create().creatingParentContainersIfNeeded().forPath("/con/tain/er");
        a.delete().forPath("/con/tain/er");
        eventually("empty containers go", "true", () -> a.checkExists().forPath("/con") == null);
    }

    private void discovery() throws Exception {
        section("discovery");
        ServiceInstance<String> one = instance("one", 1001);
        ServiceInstance<String> two = instance("two", 1002);
        ServiceDiscovery<String> da = discovery(a, one);
        ServiceDiscovery<String> db = discovery(b, null);
        ServiceCache<String> cache = db.serviceCacheBuilder().name("shop").build();
        cache.start();
        eventually("cache", "[one]", () -> ids(cache.getInstances()));
        da.registerService(two);
        eventually("cache", "[one, two]", () -> ids(cache.getInstances()));
        call("names", db::queryForNames);
        call("instance", () -> db.queryForInstance("shop", "two").getPort());
        call("json", () -> new String(a.getData().forPath("/discovery/shop/one")).replaceAll("\"registrationTimeUTC\":[0-9]+", "T"));
        da.unregisterService(one);
        eventually("cache", "[two]", () -> ids(cache.getInstances()));
        cache.close();
        da.close();
        eventually("none", "[]", () -> ids(db.queryForInstances("shop")));
        db.close();
    }

    private static ServiceInstance<String> instance(String id, int port) throws Exception {
        return ServiceInstance.<String>builder().name("shop").id(id).address("10.0.0.1").port(port).payload("p").build();
    }

    private static ServiceDiscovery<String> discovery(CuratorFramework c, ServiceInstance<String> self) throws Exception {
        ServiceDiscovery<String> d = ServiceDiscoveryBuilder.builder(String.class)
                .client(c).basePath("/discovery").thisInstance(self).build();
        d.start();
        return d;
    }

    private static List<String> ids(Collection<ServiceInstance<String>> all) {
        return all.stream().map(ServiceInstance::getId).sorted().collect(Collectors.toList());
    }

    private void awaitState(ConnectionState want) throws Exception {
        ConnectionState s = null;
        while (s != want) {
            s = states.poll(60, TimeUnit.SECONDS);
            if (s == null) {
                break;
            }
        }
        show("state", s);
    }

    /** Locks, latches and caches survive a lost connection. */
    private void reconnect() throws Exception {
        section("reconnect");
        states.clear();
        InterProcessMutex lock = new InterProcessMutex(b, "/relock");
        lock.acquire();
        LeaderLatch latch = new LeaderLatch(b, "/relatch");
        latch.start();
        eventually("leads", "true", latch::hasLeadership);
        Log log = new Log();
        a.create().forPath("/recache", null);
        CuratorCache cache = CuratorCache.build(b, "/recache");
        cache.listenable().addListener((type, old, data) -> log.add(type + " " + (data == null ? old : data).getPath()));
        cache.start();
        log.expect(1);
        long id = b.getZookeeperClient().getZooKeeper().getSessionId();
        ask("cut");
        awaitState(ConnectionState.SUSPENDED);
        a.create().forPath("/recache/missed", null);
        ask("join");
        awaitState(ConnectionState.RECONNECTED);
        log.expect(1);
        show("same session", b.getZookeeperClient().getZooKeeper().getSessionId() == id);
        show("lock is held", lock.isAcquiredInThisProcess() && a.getChildren().forPath("/relock").size() == 1);
        eventually("leads", "true", latch::hasLeadership);
        lock.release();
        latch.close();
        cache.close();
    }

    private void restart() throws Exception {
        section("restart of the server");
        states.clear();
        InterProcessMutex lock = new InterProcessMutex(b, "/reslock");
        lock.acquire();
        Log log = new Log();
        PersistentWatcher watcher = new PersistentWatcher(b, "/reswatch", true);
        watcher.getListenable().addListener(e -> {
            if (e.getPath() != null) {
                log.add(e.getType() + " " + e.getPath());
            }
        });
        CountDownLatch set = new CountDownLatch(1);
        watcher.getResetListenable().addListener(set::countDown);
        watcher.start();
        set.await(20, TimeUnit.SECONDS);
        ask("restart");
        awaitState(ConnectionState.RECONNECTED);
        show("lock is held", a.getChildren().forPath("/reslock").size() == 1);
        a.create().forPath("/reswatch", null);
        a.create().forPath("/reswatch/x", null);
        log.expect(2);
        call("sequence goes on", () -> {
            InterProcessMutex other = new InterProcessMutex(a, "/reslock");
            boolean taken = other.acquire(200, TimeUnit.MILLISECONDS);
            lock.release();
            return taken + " " + other.acquire(20, TimeUnit.SECONDS);
        });
        watcher.close();
    }
}
