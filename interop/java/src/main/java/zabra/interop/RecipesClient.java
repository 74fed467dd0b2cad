package zabra.interop;

import static zabra.interop.Transcript.ask;
import static zabra.interop.Transcript.section;
import static zabra.interop.Transcript.show;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;

/** Curator's recipes on the nodes of another library's, which the test drives. */
public final class RecipesClient {
    private static final long LONG = 30_000;
    private static final long SHORT = 300;

    private final CuratorFramework c;

    private RecipesClient(String address) throws Exception {
        c = CuratorFrameworkFactory.builder().connectString(address).sessionTimeoutMs(20000)
                .retryPolicy(new RetryForever(100)).build();
        c.start();
        c.blockUntilConnected();
    }

    public static void main(String[] args) throws Exception {
        RecipesClient p = new RecipesClient(args[0]);
        p.lock();
        p.readWriteLock();
        p.semaphore();
        p.semaphoreOfOne();
        p.latch();
        p.selector();
        p.counter();
        p.value();
        p.barrier();
        p.doubleBarrier();
        p.group();
        p.discovery();
        p.c.close();
        System.out.println("END");
        System.exit(0);
    }

    private void lock() throws Exception {
        section("lock");
        InterProcessMutex m = new InterProcessMutex(c, "/mixed/lock");
        ask("lock");
        show("acquired while the other holds it", m.acquire(SHORT, TimeUnit.MILLISECONDS));
        ask("unlock");
        show("acquired", m.acquire(LONG, TimeUnit.MILLISECONDS));
        ask("is locked");
        ask("stands in line");
        m.release();
        ask("has its turn");
        show("acquired out of turn", m.acquire(SHORT, TimeUnit.MILLISECONDS));
        ask("unlock");
    }

    private void readWriteLock() throws Exception {
        section("read-write lock");
        InterProcessReadWriteLock rw = new InterProcessReadWriteLock(c, "/mixed/rw");
        ask("read lock");
        show("read beside a reader", rw.readLock().acquire(LONG, TimeUnit.MILLISECONDS));
        rw.readLock().release();
        show("write beside a reader", rw.writeLock().acquire(SHORT, TimeUnit.MILLISECONDS));
        ask("unlock");
        show("write", rw.writeLock().acquire(LONG, TimeUnit.MILLISECONDS));
        ask("is write locked");
        rw.writeLock().release();
        ask("write lock");
        show("read beside a writer", rw.readLock().acquire(SHORT, TimeUnit.MILLISECONDS));
        ask("unlock");
    }

    private void semaphore() throws Exception {
        section("semaphore");
        InterProcessSemaphoreV2 s = new InterProcessSemaphoreV2(c, "/mixed/semaphore", 2);
        ask("acquire");
        Lease one = s.acquire(LONG, TimeUnit.MILLISECONDS);
        show("the second lease", one != null);
        show("a third lease", s.acquire(SHORT, TimeUnit.MILLISECONDS) != null);
        ask("is full");
        s.returnLease(one);
        ask("acquire another");
        ask("release both");
    }

    private void semaphoreOfOne() throws Exception {
        section("semaphore of one");
        InterProcessSemaphoreMutex m = new InterProcessSemaphoreMutex(c, "/mixed/mutex");
        ask("acquire the only one");
        show("acquired beside the other", m.acquire(SHORT, TimeUnit.MILLISECONDS));
        ask("release the only one");
        show("acquired", m.acquire(LONG, TimeUnit.MILLISECONDS));
        ask("the only one is taken");
        m.release();
    }

    private void latch() throws Exception {
        section("leader latch");
        LeaderLatch latch = new LeaderLatch(c, "/mixed/latch", "curator");
        ask("lead");
        latch.start();
        show("leads beside another", latch.await(SHORT, TimeUnit.MILLISECONDS));
        show("leader", latch.getLeader().getId());
        ask("resign");
        show("leads", latch.await(LONG, TimeUnit.MILLISECONDS));
        ask("is led by curator");
        latch.close();
        ask("leads again");
    }

    private void selector() throws Exception {
        section("leader selector");
        CountDownLatch leads = new CountDownLatch(1);
        CountDownLatch resign = new CountDownLatch(1);
        LeaderSelector s = new LeaderSelector(c, "/mixed/selector", new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework client) throws Exception {
                leads.countDown();
                resign.await();
            }
        });
        s.setId("curator");
        ask("be selected");
        s.start();
        ask("sees the selector wait");
        show("leads beside another", leads.await(SHORT, TimeUnit.MILLISECONDS));
        show("leader", s.getLeader().getId());
        TreeSet<String> ids = new TreeSet<>();
        for (Participant p : s.getParticipants()) {
            ids.add(p.getId() + " " + p.isLeader());
        }
        show("participants", ids);
        ask("step back");
        show("leads", leads.await(LONG, TimeUnit.MILLISECONDS));
        ask("curator is selected");
        ask("waits to be selected");
        resign.countDown();
        ask("is selected");
        s.close();
        ask("step back");
    }

    private void value() throws Exception {
        section("shared value");
        SharedValue v = new SharedValue(c, "/mixed/value", "seed".getBytes());
        v.start();
        ask("change the value");
        await(() -> Arrays.equals(v.getValue(), "seed and more".getBytes()));
        show("value", new String(v.getValue()));
        show("changed", v.trySetValue(v.getVersionedValue(), "of curator".getBytes()));
        ask("read the value");
        v.close();
    }

    private void barrier() throws Exception {
        section("barrier");
        DistributedBarrier b = new DistributedBarrier(c, "/mixed/gate");
        ask("set the barrier");
        show("passed", b.waitOnBarrier(SHORT, TimeUnit.MILLISECONDS));
        ask("remove the barrier");
        show("passed", b.waitOnBarrier(LONG, TimeUnit.MILLISECONDS));
        b.setBarrier();
        ask("stands before the barrier");
        b.removeBarrier();
        ask("passes the barrier");
    }

    private void group() throws Exception {
        section("group member");
        GroupMember m = new GroupMember(c, "/mixed/group", "curator", "of curator".getBytes());
        ask("join the group");
        m.start();
        await(() -> m.getCurrentMembers().size() == 2);
        show("members", members(m));
        ask("sees the group");
        ask("leave the group");
        await(() -> m.getCurrentMembers().size() == 1);
        show("members", members(m));
        m.close();
        ask("the group is empty");
    }

    private static Map<String, String> members(GroupMember m) {
        Map<String, String> all = new TreeMap<>();
        m.getCurrentMembers().forEach((id, data) -> all.put(id, new String(data)));
        return all;
    }

    private void counter() throws Exception {
        section("counter");
        DistributedAtomicLong n = new DistributedAtomicLong(c, "/mixed/counter", new RetryForever(10));
        ask("count");
        show("number", n.get().postValue());
        show("more", n.add(5L).postValue());
        ask("count more");
        show("number", n.get().postValue());
    }

    private void doubleBarrier() throws Exception {
        section("double barrier");
        DistributedDoubleBarrier b = new DistributedDoubleBarrier(c, "/mixed/barrier", 2);
        ask("enter");
        show("entered", b.enter(LONG, TimeUnit.MILLISECONDS));
        ask("leave");
        show("left", b.leave(LONG, TimeUnit.MILLISECONDS));
        ask("has left");
    }

    private void discovery() throws Exception {
        section("discovery");
        ServiceDiscovery<Void> d = ServiceDiscoveryBuilder.builder(Void.class).client(c).basePath("/mixed/services").build();
        d.start();
        ask("register");
        ServiceInstance<Void> i = d.queryForInstances("web").iterator().next();
        show("instance", i.getId() + " " + i.getAddress() + " " + i.getPort() + " " + i.isEnabled() + " " + i.getServiceType());
        ServiceCache<Void> cache = d.serviceCacheBuilder().name("web").build();
        cache.start();
        d.registerService(ServiceInstance.<Void>builder().name("web").id("curator").address("10.0.0.2").port(82).build());
        ask("sees curator's");
        await(() -> cache.getInstances().size() == 2);
        ask("unregister");
        await(() -> cache.getInstances().size() == 1);
        show("left", cache.getInstances().size() + " " + cache.getInstances().get(0).getId());
        d.close();
    }

    /** Waits for what comes a moment later. */
    private static void await(Callable<Boolean> condition) throws Exception {
        for (int n = 0; n < 600 && !condition.call(); n++) {
            Thread.sleep(50);
        }
    }
}
