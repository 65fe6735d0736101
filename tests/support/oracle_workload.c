// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_workload.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/e2e.h"

#define WAYS_MAX	64
#define JOIN_LIMIT_MS	60000
#define SERVE_LIMIT_S	30
#define SPREAD_EARLY_MS 1500 /// early clients begin within this time
#define SPREAD_MS	5000 /// the others
#define WAIT_MS		5
#define DEAF_BACKLOG	4

#define HOME_HOST6	 "fd99::1"
#define FAR_HOST6	 "fd99::2"
#define HOME_HOST_MAPPED "::ffff:" E2E_HOME_HOST
#define FAR_HOST_MAPPED	 "::ffff:" E2E_FAR_HOST

struct oracle_shared {
	volatile int go;
	volatile unsigned done[WAYS_MAX];
	volatile unsigned failed[WAYS_MAX];
	volatile int error[WAYS_MAX]; /// of the last that failed
};

/// IPv4 more often than the two others.
static const struct {
	const char *own;
	const char *far;
} families[] = {
	{E2E_HOME_HOST, E2E_FAR_HOST},
	{HOME_HOST6, FAR_HOST6},
	{E2E_HOME_HOST, E2E_FAR_HOST},
	{HOME_HOST_MAPPED, FAR_HOST_MAPPED},
};

static unsigned count_ways(void)
{
	unsigned n = 0;

	while (oracle_way(n))
		n++;
	return n;
}

/// Time-outs that a test can wait for, the queue and the cookies of a stock server.
static const struct {
	const char *name;
	const char *value;
} options[] = {
	{"tcp_syn_retries", "2"},    {"tcp_synack_retries", "2"}, {"tcp_retries2", "2"},
	{"tcp_orphan_retries", "3"}, {"tcp_fin_timeout", "2"},	  {"tcp_tw_reuse", "1"},
	{"tcp_syncookies", "1"},     {"tcp_fastopen", "1543"}, /* both sides, without a cookie */
};

static void set_options(const struct e2e_netns *netns)
{
	for (size_t i = 0; i < ORACLE_COUNT(options); i++)
		e2e_netns_shell(netns, "echo %s >/proc/sys/net/ipv4/%s", options[i].value,
				options[i].name);
}

/// Each rule counts what it drops.
static void set_rules(const struct oracle_workload *workload)
{
	static const char table[] =
		"nft 'add table inet ct_oracle; "
		"add chain inet ct_oracle in "
		"{ type filter hook input priority 0; }; "
		"add counter inet ct_oracle dropped; "
		"add set inet ct_oracle met "
		"{ type inet_service . inet_service; flags dynamic; size 4096; }; "
		"add rule inet ct_oracle in ip dscp %u counter name dropped drop; "
		"add rule inet ct_oracle in ip6 dscp %u counter name dropped drop'";

	e2e_netns_shell(&workload->e2e->home, table, ORACLE_DSCP_CUT, ORACLE_DSCP_CUT);
	e2e_netns_shell(&workload->e2e->far, table, ORACLE_DSCP_CUT, ORACLE_DSCP_CUT);
	e2e_netns_shell(&workload->e2e->far,
			"nft 'add rule inet ct_oracle in tcp dport %u tcp flags & (syn | rst) == 0 "
			"counter name dropped drop'",
			workload->ports[ORACLE_PORT_HALF]);
	e2e_netns_shell(&workload->e2e->home,
			"nft 'add rule inet ct_oracle in tcp sport { %u, %u } "
			"tcp flags & (syn | ack) == syn | ack tcp sport . tcp dport != @met "
			"add @met { tcp sport . tcp dport } counter name dropped drop'",
			workload->ports[ORACLE_PORT_SLOW], workload->ports[ORACLE_PORT_DEAF]);
}

static int listen_at(uint16_t port, int backlog)
{
	struct e2e_addr any = {.host = "::", .port = port};
	int fd = e2e_sock_listen(&any);

	if (fd >= 0 && listen(fd, backlog)) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void handle(int fd)
{
	struct oracle_hello hello;
	const struct oracle_way *way;

	alarm((unsigned)e2e_patience(SERVE_LIMIT_S));
	if (recv(fd, &hello, sizeof(hello), MSG_WAITALL) == sizeof(hello)) {
		way = oracle_way(hello.way);
		if (way && way->server)
			way->server(fd);
	}
	_exit(0);
}

/// Accepts at the first two, and lets others wait.
static void serve(const int fds[_ORACLE_PORT_MAX]) __attribute__((noreturn));

static void serve(const int fds[_ORACLE_PORT_MAX])
{
	struct pollfd ready[] = {{.fd = fds[ORACLE_PORT_MAIN], .events = POLLIN},
				 {.fd = fds[ORACLE_PORT_SLOW], .events = POLLIN}};

	for (;;) {
		poll(ready, ORACLE_COUNT(ready), -1);
		for (size_t i = 0; i < ORACLE_COUNT(ready); i++) {
			int fd = ready[i].revents ? accept(ready[i].fd, NULL, NULL) : -1;

			if (fd < 0)
				continue;
			if (e2e_process_fork() == 0) {
				for (size_t port = 0; port < _ORACLE_PORT_MAX; port++)
					close(fds[port]);
				handle(fd);
			}
			close(fd);
		}
	}
}

static void run_server(const struct oracle_workload *workload) __attribute__((noreturn));

static void run_server(const struct oracle_workload *workload)
{
	static const int backlogs[_ORACLE_PORT_MAX] = {
		[ORACLE_PORT_MAIN] = 1024,	   [ORACLE_PORT_SLOW] = 1024,
		[ORACLE_PORT_HALF] = 1024,	   [ORACLE_PORT_MUTE] = 1024,
		[ORACLE_PORT_DEAF] = DEAF_BACKLOG,
	};
	int fds[_ORACLE_PORT_MAX];

	prctl(PR_SET_NAME, "oracle-server");
	signal(SIGCHLD, SIG_IGN);
	if (setns(workload->e2e->far.fd, CLONE_NEWNET))
		_exit(1);
	for (size_t port = 0; port < _ORACLE_PORT_MAX; port++) {
		fds[port] = backlogs[port] ? listen_at(workload->ports[port], backlogs[port]) : -1;
		if (backlogs[port] && fds[port] < 0)
			_exit(1);
	}
	oracle_cut(fds[ORACLE_PORT_MUTE]);
	workload->shared->go = -1;
	serve(fds);
}

static void start_server(struct oracle_workload *workload)
{
	workload->server = e2e_process_fork();
	assert_true(workload->server >= 0);
	if (workload->server == 0)
		run_server(workload);
	e2e_track(workload->e2e, workload->server);
	for (int waited_ms = 0; !workload->shared->go; waited_ms += WAIT_MS) {
		assert_true(waited_ms < 5000);
		e2e_sleep_ms(WAIT_MS);
	}
}

void oracle_workload_prepare(struct e2e *e2e, struct oracle_workload *ret_workload)
{
	*ret_workload = (struct oracle_workload){.e2e = e2e};
	for (unsigned i = 0; i < _ORACLE_PORT_MAX; i++)
		ret_workload->ports[i] = e2e_port(i);
	assert_true(count_ways() <= WAYS_MAX);
	ret_workload->shared = mmap(NULL, sizeof(*ret_workload->shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ret_workload->shared, MAP_FAILED);
	e2e_netns_shell(&e2e->home, "ip addr add " HOME_HOST6 "/64 dev ct-home nodad");
	e2e_netns_shell(&e2e->far, "ip addr add " FAR_HOST6 "/64 dev ct-far nodad");
	set_options(&e2e->home);
	set_options(&e2e->far);
	set_rules(ret_workload);
	start_server(ret_workload);
}

/// What stands for chance: xorshift32.
static unsigned shuffle(unsigned *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/// A process for each: some ways end with it.
static void go_one_way(const struct oracle_workload *workload, unsigned turn)
{
	unsigned ways = count_ways();
	const struct oracle_way *way = oracle_way(turn % ways);
	unsigned family = turn / ways % ORACLE_COUNT(families);
	struct oracle_client client = {
		.way = turn % ways,
		.host = families[family].far,
		.own_host = families[family].own,
		.ports = workload->ports,
		.home_fd = workload->e2e->home.fd,
		.far_fd = workload->e2e->far.fd,
	};
	pid_t pid = e2e_process_fork();
	int status = -1; /* of a process that could not be made */

	if (pid == 0)
		_exit(-way->client(&client) & 0xff);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (way->signal ? WIFSIGNALED(status) && WTERMSIG(status) == way->signal : !status) {
		__sync_fetch_and_add(&workload->shared->done[client.way], 1);
		return;
	}
	__sync_fetch_and_add(&workload->shared->failed[client.way], 1);
	workload->shared->error[client.way] = WEXITSTATUS(status);
}

static void run_client(const struct oracle_workload *workload, unsigned number)
	__attribute__((noreturn));

static void run_client(const struct oracle_workload *workload, unsigned number)
{
	bool early = number < count_ways();
	unsigned chance = number + 1;

	prctl(PR_SET_NAME, "oracle-client");
	shuffle(&chance);
	while (!early && workload->shared->go != 1)
		oracle_sleep_ms(WAIT_MS);
	oracle_sleep_ms((int)(shuffle(&chance) % (early ? SPREAD_EARLY_MS : SPREAD_MS)));
	for (unsigned round = 0; round < ORACLE_ROUNDS; round++) {
		go_one_way(workload, number + round * ORACLE_CLIENTS);
		oracle_sleep_ms((int)(shuffle(&chance) % 100));
	}
	_exit(0);
}

void oracle_workload_start(struct oracle_workload *workload)
{
	workload->clients = e2e_process_fork();
	assert_true(workload->clients >= 0);
	if (workload->clients > 0) {
		e2e_track(workload->e2e, workload->clients);
		return;
	}
	for (unsigned i = 0; i < ORACLE_CLIENTS; i++)
		if (e2e_process_fork() == 0)
			run_client(workload, i);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

void oracle_workload_go(struct oracle_workload *workload)
{
	workload->shared->go = 1;
}

/// A way that ended otherwise is judged like any other, but then nothing may have gone it. A guest
/// is late for some: for one in twenty at most, and for none each time.
static bool is_gone(unsigned clients, unsigned failed, unsigned ways_in_vain)
{
	return e2e_is_guest() ? !ways_in_vain && failed * 20 <= clients : !failed;
}

void oracle_workload_join(struct oracle_workload *workload)
{
	unsigned failed = 0, clients = 0, ways_in_vain = 0;

	assert_int_equal(
		e2e_process_wait(workload->clients, e2e_patience(JOIN_LIMIT_MS), "the clients"), 0);
	e2e_untrack(workload->e2e, workload->clients);
	for (unsigned i = 0; oracle_way(i); i++) {
		unsigned done = workload->shared->done[i], in_vain = workload->shared->failed[i];

		print_message("  %-26s %3u times\n", oracle_way(i)->name, done);
		clients += done + in_vain;
		failed += in_vain;
		ways_in_vain += !done;
		if (in_vain)
			print_error("  and %u times in vain: %s\n", in_vain,
				    strerror(workload->shared->error[i]));
	}
	if (!is_gone(clients, failed, ways_in_vain))
		fail_msg("%u clients did not get what their way promises", failed);
}

void oracle_workload_stop(struct oracle_workload *workload)
{
	kill(workload->server, SIGKILL);
	assert_int_equal(waitpid(workload->server, NULL, 0), workload->server);
	e2e_untrack(workload->e2e, workload->server);
	munmap(workload->shared, sizeof(*workload->shared));
}

/// By what set_rules() has asked for; `met` is its set: bit 0 SLOW, bit 1 DEAF.
static bool is_dropped(const struct oracle_workload *workload, const struct oracle_segment *segment,
		       uint8_t met[UINT16_MAX + 1])
{
	unsigned handshake = segment->flags & (ORACLE_TCP_SYN | ORACLE_TCP_ACK);
	uint16_t from = segment->from.lport, to = segment->from.rport;
	uint8_t bit = from == workload->ports[ORACLE_PORT_DEAF] ? 2 : 1;

	if (segment->dscp == ORACLE_DSCP_CUT)
		return true;
	if (segment->outgoing)
		return to == workload->ports[ORACLE_PORT_HALF] &&
		       !(segment->flags & (ORACLE_TCP_SYN | ORACLE_TCP_RST));
	if (from != workload->ports[ORACLE_PORT_SLOW] && from != workload->ports[ORACLE_PORT_DEAF])
		return false;
	if (handshake != (ORACLE_TCP_SYN | ORACLE_TCP_ACK) || met[to] & bit)
		return false;
	met[to] |= bit;
	return true;
}

size_t oracle_workload_mark_lost(const struct oracle_workload *workload,
				 struct oracle_segment *segments, size_t n)
{
	uint8_t *met = calloc(UINT16_MAX + 1, 1);
	size_t lost = 0;

	assert_non_null(met);
	for (size_t i = 0; i < n; i++) {
		segments[i].lost = is_dropped(workload, &segments[i], met);
		lost += segments[i].lost;
	}
	free(met);
	return lost;
}

/// Runs a command that prints a number, in a namespace.
static unsigned long ask(const struct oracle_workload *workload, const struct e2e_netns *netns,
			 const char *command)
{
	char text[64] = "";
	FILE *pipe;

	assert_int_equal(setns(netns->fd, CLONE_NEWNET), 0);
	pipe = popen(command, "re");
	assert_int_equal(setns(workload->e2e->home.fd, CLONE_NEWNET), 0);
	assert_non_null(pipe);
	if (!fgets(text, sizeof(text), pipe) || pclose(pipe))
		fail_msg("`%s` did not print a number", command);
	return strtoul(text, NULL, 10);
}

/// Of a line of names and a line of values.
static unsigned long netstat(const struct oracle_workload *workload, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "awk '$1 == \"TcpExt:\" && !n++ { split($0, names); next } "
		 "$1 == \"TcpExt:\" { for (i in names) if (names[i] == \"%s\") print $i }' "
		 "/proc/net/netstat",
		 name);
	return ask(workload, &workload->e2e->far, command);
}

void oracle_workload_counts(const struct oracle_workload *workload,
			    struct oracle_counts *ret_counts)
{
	static const char dropped[] = "nft list counter inet ct_oracle dropped | "
				      "sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'";

	ret_counts->dropped = ask(workload, &workload->e2e->home, dropped) +
			      ask(workload, &workload->e2e->far, dropped);
	ret_counts->listen_overflows = netstat(workload, "ListenOverflows");
	ret_counts->syncookies = netstat(workload, "SyncookiesSent");
}
