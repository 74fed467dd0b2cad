package zabra.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.data.Stat;

/**
 * What a program saw, as lines on stdout that are the same on every right server. A line that
 * begins with @ is not part of it: it asks the test to do something to the server (restart it, cut
 * the connection) and the program goes on when the test has answered.
 */
final class Transcript {
    private static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));

    private Transcript() {}

    static void section(String name) {
        say("== " + name);
    }

    static synchronized void say(String line) {
        System.out.println(line);
    }

    static void show(String what, Object value) {
        say(what + " -> " + value);
    }

    /** Runs one call and prints its result or the error it ended with. */
    static <T> T call(String what, Callable<T> call) {
        try {
            T value = call.call();
            show(what, print(value));
            return value;
        } catch (KeeperException e) {
            show(what, "KeeperException " + e.code() + " path=" + e.getPath());
        } catch (Exception e) {
            show(what, e.getClass().getSimpleName() + " " + e.getMessage());
        }
        return null;
    }

    interface Action {
        void run() throws Exception;
    }

    static void run(String what, Action action) {
        call(what, () -> {
            action.run();
            return "ok";
        });
    }

    private static Object print(Object value) {
        if (value instanceof Stat) {
            return stat((Stat) value);
        }
        if (value instanceof byte[]) {
            return "\"" + new String((byte[]) value) + "\"";
        }
        if (value instanceof List) {
            List<String> all = new ArrayList<>();
            for (Object o : (List<?>) value) {
                all.add(String.valueOf(o).trim().replace("\n", ""));
            }
            all.sort(null);
            return all;
        }
        return value;
    }

    /** The fields that do not depend on when and where, and how the others relate. */
    static String stat(Stat s) {
        if (s == null) {
            return "null";
        }
        return String.format(
                "{v=%d cv=%d av=%d len=%d kids=%d ephemeral=%b m>c=%b p>c=%b times=%b}",
                s.getVersion(), s.getCversion(), s.getAversion(), s.getDataLength(), s.getNumChildren(),
                s.getEphemeralOwner() != 0, s.getMzxid() > s.getCzxid(), s.getPzxid() > s.getCzxid(),
                s.getMtime() >= s.getCtime() && s.getCtime() > 0);
    }

    /** Asks the test for something and waits until it is done. */
    static void ask(String request) throws Exception {
        say("@" + request);
        String answer = ANSWERS.readLine();
        if (!"ok".equals(answer)) {
            throw new IllegalStateException(request + ": " + answer);
        }
    }

    /** The events of one watcher. */
    static final class Events implements Watcher {
        private final BlockingQueue<String> queue = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent e) {
            if (e.getType() == Event.EventType.None) {
                queue.add("state " + e.getState());
            } else {
                queue.add(e.getType() + " " + e.getPath());
            }
        }

        /** Prints the next n events. */
        void expect(String what, int n) throws InterruptedException {
            for (int i = 0; i < n; i++) {
                show(what, next());
            }
        }

        /** Waits for one event that is not about the connection. */
        void expectNode(String what) throws InterruptedException {
            String e = next();
            while (e.startsWith("state ")) {
                e = next();
            }
            show(what, e);
        }

        /** The next event, null if none comes in this time. */
        String poll(long millis) throws InterruptedException {
            return queue.poll(millis, TimeUnit.MILLISECONDS);
        }

        String next() throws InterruptedException {
            String e = queue.poll(30, TimeUnit.SECONDS);
            return e == null ? "NO EVENT" : e;
        }

        /** Waits for a state, whatever comes before it. */
        void await(String state) throws InterruptedException {
            String e = next();
            while (!e.equals("state " + state) && !e.equals("NO EVENT")) {
                e = next();
            }
            show("state", e);
        }

        /** Prints what is there and nobody asked for. */
        void rest(String what) {
            List<String> all = new ArrayList<>();
            queue.drainTo(all);
            all.removeIf(e -> e.startsWith("state "));
            show(what + " and no more", all);
        }
    }
}
