/*
 * ZooKeeper's C client, printed as a transcript: one line a fact.
 *
 * Arguments: the server, and the server behind a proxy that the test can cut. A
 * line that begins with @ asks the test for something; see interop/harness.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zookeeper.h>

enum { WAIT_SECONDS = 30, TIMEOUT_MS = 20000, SHORT_TIMEOUT_MS = 4000 };

static void say(const char *format, ...) {
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void section(const char *name) { say("== %s", name); }

static void ask(const char *request) {
	char answer[16];
	say("@%s", request);
	if (fgets(answer, sizeof answer, stdin) == NULL || strcmp(answer, "ok\n") != 0) {
		fprintf(stderr, "%s was not done\n", request);
		exit(1);
	}
}

/* The events of one client, in the order they came. */
struct events {
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	char lines[256][160];
	int added, taken;
};

static void events_init(struct events *e) {
	memset(e, 0, sizeof *e);
	pthread_mutex_init(&e->mutex, NULL);
	pthread_cond_init(&e->arrived, NULL);
}

static const char *event_name(int type) {
	if (type == ZOO_CREATED_EVENT) return "created";
	if (type == ZOO_DELETED_EVENT) return "deleted";
	if (type == ZOO_CHANGED_EVENT) return "changed";
	if (type == ZOO_CHILD_EVENT) return "child";
	if (type == ZOO_NOTWATCHING_EVENT) return "notwatching";
	return "other";
}

static const char *state_name(int state) {
	if (state == ZOO_CONNECTED_STATE) return "connected";
	if (state == ZOO_CONNECTING_STATE || state == ZOO_NOTCONNECTED_STATE) return "connecting";
	if (state == ZOO_EXPIRED_SESSION_STATE) return "expired";
	if (state == ZOO_AUTH_FAILED_STATE) return "auth failed";
	return "other";
}

static void events_add(struct events *e, const char *line) {
	pthread_mutex_lock(&e->mutex);
	if (e->added < (int)(sizeof e->lines / sizeof e->lines[0]))
		snprintf(e->lines[e->added++], sizeof e->lines[0], "%s", line);
	pthread_cond_signal(&e->arrived);
	pthread_mutex_unlock(&e->mutex);
}

/* expect prints the next event. */
static void expect(const char *what, struct events *e) {
	struct timespec end;
	int failed = 0;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_SECONDS;
	pthread_mutex_lock(&e->mutex);
	while (e->taken == e->added && failed == 0)
		failed = pthread_cond_timedwait(&e->arrived, &e->mutex, &end);
	say("%s -> %s", what, e->taken < e->added ? e->lines[e->taken++] : "NO EVENT");
	pthread_mutex_unlock(&e->mutex);
}

/* nothing prints whether an event is there that nobody has expected. */
static void nothing_more(const char *what, struct events *e) {
	pthread_mutex_lock(&e->mutex);
	say("%s -> %s", what, e->taken < e->added ? e->lines[e->taken++] : "no event");
	pthread_mutex_unlock(&e->mutex);
}

/* watcher takes the events of nodes. Those of the session, which every watcher gets,
 * go to the watcher of the client. */
static void watcher(zhandle_t *z, int type, int state, const char *path, void *context) {
	char line[160];
	(void)z, (void)state;
	if (type == ZOO_SESSION_EVENT) return;
	snprintf(line, sizeof line, "%s %s", event_name(type), path);
	events_add(context, line);
}

static void session_watcher(zhandle_t *z, int type, int state, const char *path, void *context) {
	(void)z, (void)path;
	if (type == ZOO_SESSION_EVENT) events_add(context, state_name(state));
}

static zhandle_t *client(const char *address, int timeout, struct events *session) {
	zhandle_t *z = zookeeper_init(address, session_watcher, timeout, NULL, session, 0);
	if (z == NULL) {
		perror("zookeeper_init");
		exit(1);
	}
	expect("session", session);
	return z;
}

static const char *code(int rc) { return rc == ZOK ? "ok" : zerror(rc); }

static const char *stat_text(const struct Stat *s) {
	static char text[200];
	snprintf(text, sizeof text, "{v=%d cv=%d av=%d len=%d kids=%d ephemeral=%d m>c=%d p>c=%d}", s->version, s->cversion,
		s->aversion, s->dataLength, s->numChildren, s->ephemeralOwner != 0, s->mzxid > s->czxid, s->pzxid > s->czxid);
	return text;
}

static void create(zhandle_t *z, const char *path, const char *data, int mode) {
	char made[200] = "";
	int rc = zoo_create(z, path, data, data == NULL ? -1 : (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made);
	say("create %s mode %d -> %s %s", path, mode, code(rc), made);
}

static void create2(zhandle_t *z, const char *path, const char *data, int mode) {
	char made[200] = "";
	struct Stat s = {0};
	int rc = zoo_create2(z, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made, &s);
	say("create2 %s mode %d -> %s %s %s", path, mode, code(rc), made, stat_text(&s));
}

static void create_ttl(zhandle_t *z, const char *path, int mode, int64_t ttl) {
	char made[200] = "";
	int rc = zoo_create_ttl(z, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, ttl, made, sizeof made);
	say("create %s mode %d ttl %lld -> %s %s", path, mode, (long long)ttl, code(rc), made);
}

static void get(zhandle_t *z, const char *path) {
	char data[300];
	int len = sizeof data - 1;
	struct Stat s = {0};
	int rc = zoo_get(z, path, 0, data, &len, &s);
	if (rc != ZOK) {
		say("get %s -> %s", path, code(rc));
		return;
	}
	data[len < 0 ? 0 : len] = 0;
	say("get %s -> %s (%d) %s", path, data, len, stat_text(&s));
}

static void set(zhandle_t *z, const char *path, const char *data, int version) {
	struct Stat s = {0};
	int rc = zoo_set2(z, path, data, (int)strlen(data), version, &s);
	say("set %s version %d -> %s %s", path, version, code(rc), stat_text(&s));
}

static void delete(zhandle_t *z, const char *path, int version) {
	say("delete %s version %d -> %s", path, version, code(zoo_delete(z, path, version)));
}

static void exists(zhandle_t *z, const char *path) {
	struct Stat s = {0};
	int rc = zoo_exists(z, path, 0, &s);
	say("exists %s -> %s %s", path, code(rc), rc == ZOK ? stat_text(&s) : "");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void children(zhandle_t *z, const char *path) {
	struct String_vector names = {0};
	struct Stat s = {0};
	char all[400] = "";
	int rc = zoo_get_children2(z, path, 0, &names, &s);
	if (rc == ZOK) {
		qsort(names.data, names.count, sizeof *names.data, by_name);
		for (int i = 0; i < names.count; i++) {
			strncat(all, names.data[i], sizeof all - strlen(all) - 2);
			strcat(all, " ");
		}
		deallocate_String_vector(&names);
	}
	say("children %s -> %s %s%s", path, code(rc), all, rc == ZOK ? stat_text(&s) : "");
}

static void nodes(zhandle_t *a, zhandle_t *b) {
	section("nodes");
	create(a, "/n", "data", ZOO_PERSISTENT);
	create(a, "/n/null", NULL, ZOO_PERSISTENT);
	create(a, "/n/empty", "", ZOO_PERSISTENT);
	create(a, "/n/s-", "", ZOO_PERSISTENT_SEQUENTIAL);
	create(a, "/n/e", "", ZOO_EPHEMERAL);
	create(a, "/n/es-", "", ZOO_EPHEMERAL_SEQUENTIAL);
	create2(a, "/n/stat", "abc", ZOO_PERSISTENT);
	create2(a, "/n/stat-", "abc", ZOO_PERSISTENT_SEQUENTIAL);
	create(a, "/n", "again", ZOO_PERSISTENT);
	create(a, "/none/x", "", ZOO_PERSISTENT);
	create(a, "/n/e/x", "", ZOO_PERSISTENT);
	create(a, "/n/c", "", ZOO_CONTAINER);
	create2(a, "/n/c/x", "", ZOO_PERSISTENT);
	create_ttl(a, "/n/ttl", ZOO_PERSISTENT_WITH_TTL, 600000);
	create_ttl(a, "/n/ttl-", ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 600000);
	get(a, "/n");
	get(b, "/n/null");
	get(b, "/n/empty");
	set(a, "/n", "more", 0);
	set(a, "/n", "bad version", 0);
	set(a, "/n", "any version", -1);
	delete(a, "/n", -1);
	delete(a, "/n/stat", 7);
	delete(a, "/n/stat", 0);
	delete(a, "/n/stat", 0);
	exists(b, "/n/e");
	exists(b, "/n/c");
	exists(b, "/n/ttl");
	exists(b, "/n/missing");
	children(b, "/n");
	children(b, "/n/missing");
	create(a, "/n/\xc3\xa4 b", "\xc3\xbc", ZOO_PERSISTENT);
	get(b, "/n/\xc3\xa4 b");
}

static void large(zhandle_t *a, zhandle_t *b) {
	enum { size = 1000000 };
	char *data = malloc(size), *back = malloc(size + 1), made[100];
	int len = size + 1;
	section("large");
	memset(data, 'x', size);
	say("create -> %s", code(zoo_create(a, "/large", data, size, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made)));
	say("get -> %s", code(zoo_get(b, "/large", 0, back, &len, NULL)));
	say("the same -> %d", len == size && memcmp(data, back, size) == 0);
	free(data);
	free(back);
}

static pthread_mutex_t done_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_signal = PTHREAD_COND_INITIALIZER;
static int done;

static void finished(int rc) {
	pthread_mutex_lock(&done_mutex);
	done = rc == 0 ? 1 : rc;
	pthread_cond_signal(&done_signal);
	pthread_mutex_unlock(&done_mutex);
}

static void authenticated(int rc, const void *context) {
	(void)context;
	finished(rc);
}

static int wait_done(void) {
	int rc;
	pthread_mutex_lock(&done_mutex);
	while (done == 0) pthread_cond_wait(&done_signal, &done_mutex);
	rc = done == 1 ? 0 : done;
	done = 0;
	pthread_mutex_unlock(&done_mutex);
	return rc;
}

static void auth(zhandle_t *z, const char *who) {
	int rc = zoo_add_auth(z, "digest", who, (int)strlen(who), authenticated, NULL);
	say("auth -> %s", code(rc == ZOK ? wait_done() : rc));
}

static void acl_of(zhandle_t *z, const char *path) {
	struct ACL_vector acl = {0};
	struct Stat s = {0};
	int rc = zoo_get_acl(z, path, &acl, &s);
	say("acl %s -> %s", path, code(rc));
	for (int i = 0; rc == ZOK && i < acl.count; i++)
		say("  %s %s %d", acl.data[i].id.scheme, acl.data[i].id.id, acl.data[i].perms);
	if (rc == ZOK) deallocate_ACL_vector(&acl);
}

static void acls(zhandle_t *a, zhandle_t *b) {
	char made[100];
	struct ACL entries[2] = {
		{ZOO_PERM_ALL, {"digest", "c:WPnmDAl6osPw7fguGUf2skLY0HI="}},
		{ZOO_PERM_READ, {"world", "anyone"}},
	};
	struct ACL wrong[1] = {{ZOO_PERM_ALL, {"digest", "x"}}};
	struct ACL_vector both = {2, entries}, bad = {1, wrong}, none = {0, NULL};
	section("acls");
	auth(a, "c:secret");
	say("create -> %s", code(zoo_create(a, "/acl", "x", 1, &ZOO_CREATOR_ALL_ACL, 0, made, sizeof made)));
	get(a, "/acl");
	get(b, "/acl");
	acl_of(a, "/acl");
	acl_of(b, "/acl");
	say("set acl, not mine -> %s", code(zoo_set_acl(b, "/acl", -1, &both)));
	say("set acl -> %s", code(zoo_set_acl(a, "/acl", 0, &both)));
	get(b, "/acl");
	acl_of(b, "/acl");
	say("invalid -> %s", code(zoo_create(b, "/acl2", "", 0, &bad, 0, made, sizeof made)));
	say("empty -> %s", code(zoo_create(b, "/acl2", "", 0, &none, 0, made, sizeof made)));
	say("creator without auth -> %s", code(zoo_create(b, "/acl2", "", 0, &ZOO_CREATOR_ALL_ACL, 0, made, sizeof made)));
	set(b, "/acl", "y", -1);
	auth(b, "c:secret");
	set(b, "/acl", "y", -1);
}

static void multis(zhandle_t *a, zhandle_t *b) {
	char paths[3][100] = {"", "", ""};
	struct Stat s = {0};
	zoo_op_t ops[6];
	zoo_op_result_t results[6];
	int rc;
	section("multi");
	zoo_create_op_init(&ops[0], "/m", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, paths[0], sizeof paths[0]);
	zoo_create_op_init(&ops[1], "/m/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, paths[1], sizeof paths[1]);
	zoo_create_op_init(&ops[2], "/m/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, paths[2], sizeof paths[2]);
	zoo_check_op_init(&ops[3], "/m", 0);
	zoo_set_op_init(&ops[4], "/m", "22", 2, 0, &s);
	zoo_delete_op_init(&ops[5], "/m/x", -1);
	rc = zoo_multi(a, 6, ops, results);
	say("commit -> %s", code(rc));
	for (int i = 0; i < 6; i++) say("  %d %s", i, code(results[i].err));
	say("  %s %s %s %s", paths[0], paths[1], paths[2], stat_text(&s));
	children(b, "/m");
	zoo_create_op_init(&ops[0], "/m/y", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, paths[0], sizeof paths[0]);
	zoo_check_op_init(&ops[1], "/m", 99);
	zoo_delete_op_init(&ops[2], "/m/y", -1);
	rc = zoo_multi(a, 3, ops, results);
	say("roll back -> %s", code(rc));
	for (int i = 0; i < 3; i++) say("  %d %s", i, code(results[i].err));
	children(b, "/m");
}

static void watches(zhandle_t *a, zhandle_t *b) {
	struct events e;
	struct Stat s;
	char data[100];
	int len = sizeof data;
	struct String_vector names = {0};
	section("watches");
	events_init(&e);
	say("exists -> %s", code(zoo_wexists(a, "/w", watcher, &e, &s)));
	create(b, "/w", "", 0);
	expect("exists", &e);
	say("get -> %s", code(zoo_wget(a, "/w", watcher, &e, data, &len, &s)));
	set(b, "/w", "1", -1);
	expect("data", &e);
	set(b, "/w", "2", -1);
	say("children -> %s", code(zoo_wget_children(a, "/w", watcher, &e, &names)));
	deallocate_String_vector(&names);
	create(b, "/w/x", "", 0);
	expect("children", &e);
	say("get missing -> %s", code(zoo_wget(a, "/w/missing", watcher, &e, data, &len, &s)));
	say("exists -> %s", code(zoo_wexists(a, "/w/x", watcher, &e, &s)));
	delete(b, "/w/x", -1);
	expect("deleted", &e);
	say("exists -> %s", code(zoo_wexists(a, "/w", watcher, &e, &s)));
	say("remove -> %s", code(zoo_remove_watches(a, "/w", ZWATCHTYPE_DATA, watcher, &e, 0)));
	say("remove again -> %s", code(zoo_remove_watches(a, "/w", ZWATCHTYPE_DATA, watcher, &e, 0)));
	say("config -> %s", code((len = sizeof data, zoo_wgetconfig(a, watcher, &e, data, &len, &s))));
	say("sync, then nothing more");
	get(a, "/w");
	nothing_more("watches", &e);
}

static void reconnect(zhandle_t *a, struct events *other, zhandle_t *b, struct events *session) {
	struct events e;
	struct Stat s;
	char data[100];
	int len = sizeof data;
	struct String_vector names = {0};
	int64_t id = zoo_client_id(b)->client_id;
	const char *ways[] = {"restart", "kill"};
	section("reconnect");
	events_init(&e);
	create(b, "/re", "", 0);
	create(b, "/re/e", "mine", ZOO_EPHEMERAL);
	create(b, "/re/same", "", 0);
	say("exists -> %s", code(zoo_wexists(b, "/re/new", watcher, &e, &s)));
	say("get -> %s", code(zoo_wget(b, "/re/e", watcher, &e, data, &len, &s)));
	say("exists -> %s", code(zoo_wexists(b, "/re/same", watcher, &e, &s)));
	say("children -> %s", code(zoo_wget_children(b, "/re/same", watcher, &e, &names)));
	deallocate_String_vector(&names);
	ask("cut");
	expect("cut", session);
	set(a, "/re/e", "changed", -1);
	create(a, "/re/new", "missed", 0);
	ask("join");
	expect("joined", session);
	expect("missed", &e);
	expect("missed", &e);
	say("same session -> %d", zoo_client_id(b)->client_id == id);
	get(a, "/re/e");
	for (int i = 0; i < 2; i++) {
		ask(ways[i]);
		expect("lost", session);
		expect("back", session);
		expect("other lost", other);
		expect("other back", other);
		say("same session -> %d", zoo_client_id(b)->client_id == id);
		exists(b, "/re/e");
	}
	create(b, "/re/same/x", "", 0);
	expect("child watch that was set again", &e);
	set(b, "/re/same", "x", -1);
	expect("data watch that was set again", &e);
	nothing_more("reconnect", &e);
}

static void expiry(zhandle_t *a, const char *cuttable) {
	struct events e, session, again;
	struct Stat s;
	clientid_t old;
	zhandle_t *c;
	section("expiry");
	events_init(&e), events_init(&session), events_init(&again);
	c = client(cuttable, SHORT_TIMEOUT_MS, &session);
	create(c, "/x", "", ZOO_EPHEMERAL);
	say("exists -> %s", code(zoo_wexists(a, "/x", watcher, &e, &s)));
	old = *zoo_client_id(c);
	ask("cut");
	expect("cut", &session);
	expect("ephemeral", &e);
	ask("join");
	expect("joined", &session);
	say("state -> %s", state_name(zoo_state(c)));
	say("set -> %s", code(zoo_set(c, "/x", "", 0, -1)));
	zookeeper_close(c);
	c = zookeeper_init(cuttable, session_watcher, SHORT_TIMEOUT_MS, &old, &again, 0);
	expect("the old id again", &again);
	zookeeper_close(c);
}

static void closing(zhandle_t *a, const char *direct) {
	struct events e, session;
	struct Stat s;
	zhandle_t *c;
	section("close");
	events_init(&e), events_init(&session);
	c = client(direct, TIMEOUT_MS, &session);
	create(c, "/closing", "", ZOO_EPHEMERAL);
	say("exists -> %s", code(zoo_wexists(a, "/closing", watcher, &e, &s)));
	say("close -> %s", code(zookeeper_close(c)));
	expect("gone", &e);
}

int main(int argc, char **argv) {
	static struct events sa, sb;
	zhandle_t *a, *b;
	if (argc != 3) return 2;
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	events_init(&sa), events_init(&sb);
	a = client(argv[1], TIMEOUT_MS, &sa);
	b = client(argv[2], TIMEOUT_MS, &sb);
	nodes(a, b);
	large(a, b);
	acls(a, b);
	multis(a, b);
	watches(a, b);
	reconnect(a, &sa, b, &sb);
	say("a -> %s", state_name(zoo_state(a)));
	closing(a, argv[1]);
	expiry(a, argv[2]);
	zookeeper_close(a);
	zookeeper_close(b);
	say("END");
	return 0;
}
