// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Ports in TIME_WAIT, by what net.ipv4.tcp_tw_reuse says of taking them again.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

#define OTHER_NETNS 4026532208
#define PORTS	    100
#define SOME	    60
#define MINUTE	    (60 * S)

/// 1 is added in a session: 0 is what is not known.
#define SET(value) (1 + (value))

struct host {
	const char *from, *to;
	uint8_t family;
	uint64_t apart_ns; /// from one that enters TIME_WAIT to the next
	uint64_t tw_reuse, timestamps, delay_ms;
	uint64_t netns; /// of the tracer; 0: that of the connections
};

static struct ct_session session_of(const struct host *host)
{
	struct ct_session session = a_session();

	session.netns = host->netns ? host->netns : an_id().netns;
	session.local_ports = PORTS;
	session.tw_reuse = host->tw_reuse;
	session.timestamps = host->timestamps;
	session.tw_reuse_delay_ms = host->delay_ms;
	return session;
}

static struct patient a_client(const struct host *host)
{
	uint8_t family = host->family ? host->family : AF_INET;
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);

	patient.conn.id.family = family;
	set_addr(patient.conn.id.laddr, family, host->from);
	set_addr(patient.conn.id.raddr, family, host->to);
	return patient;
}

/// What the doctor says of 60 that stand in TIME_WAIT for a minute each, of 100 ports.
static void ask_of(struct printed *printed, const struct host *host)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = session_of(host);
	struct ct_sink *sink = doctor_begin(printed, &session, options);
	struct patient patient = a_client(host);

	for (size_t i = 0; i < SOME; i++) {
		patient.conn.id.cookie = 0x100 + i;
		patient.steps[2].at_ns = BEGAN + i * host->apart_ns;
		patient.conn.closed_ns = patient.steps[2].at_ns + MINUTE;
		doctor_sees(sink, &patient);
	}
	doctor_concludes(printed, sink);
}

/// As `finds`, with the severity: NULL is no finding at all.
static bool is_as_bad_as(const char *severity, const struct host *host)
{
	_cleanup_(printed_fini) struct printed printed = {};
	char key[80];

	ask_of(&printed, host);
	if (!severity)
		return !is_told(&printed, "time-wait-pressure");
	snprintf(key, sizeof(key), "\"id\":\"time-wait-pressure\",\"severity\":\"%s\"", severity);
	return strstr(printed.text, key);
}

#define LOOPBACK  .from = "127.0.0.1", .to = "127.0.0.1"
#define ELSEWHERE .from = "10.0.0.1", .to = "10.0.0.2"
#define STAMPS	  .timestamps = SET(1)

/// Two or three are younger than a second at a time.
#define SLOWLY .apart_ns = 400 * MS

static void ports_that_are_taken_again_are_no_pressure(void **state)
{
	static const struct host hosts[] = {
		{LOOPBACK, SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{LOOPBACK, SLOWLY, STAMPS, .tw_reuse = SET(1)},
		{.from = "127.0.0.1", .to = "127.3.2.1", SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{.from = "127.0.0.1", .to = "10.0.0.1", SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{.from = "::1", .to = "::1", AF_INET6, SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{.from = "::ffff:127.0.0.1",
		 .to = "::ffff:127.0.0.1",
		 AF_INET6,
		 SLOWLY,
		 STAMPS,
		 .tw_reuse = SET(2)},
		{.from = "10.0.0.1", .to = "10.0.0.1", SLOWLY, STAMPS, .tw_reuse = SET(1)},
	};

	for (size_t i = 0; i < CT_COUNT(hosts); i++)
		assert_true(is_as_bad_as(NULL, &hosts[i]));
}

static void ports_that_nobody_takes_again_are_pressure(void **state)
{
	static const struct host hosts[] = {
		{LOOPBACK, SLOWLY, STAMPS, .tw_reuse = SET(0)},
		{LOOPBACK, SLOWLY, .timestamps = SET(0), .tw_reuse = SET(2)},
		{ELSEWHERE, SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{ELSEWHERE, SLOWLY, STAMPS, .tw_reuse = SET(0)},
		{ELSEWHERE, SLOWLY, .timestamps = SET(0), .tw_reuse = SET(1)},
		/* over lo, but by no loopback address: the kernel does not see that */
		{.from = "10.0.0.1", .to = "10.0.0.1", SLOWLY, STAMPS, .tw_reuse = SET(2)},
		{.from = "2001:db8::1",
		 .to = "2001:db8::2",
		 AF_INET6,
		 SLOWLY,
		 STAMPS,
		 .tw_reuse = SET(2)},
	};

	for (size_t i = 0; i < CT_COUNT(hosts); i++)
		assert_true(is_as_bad_as("warn", &hosts[i]));
}

/// In the first second they are taken, wherever it is.
static void ports_of_one_second_are_pressure_though_they_are_taken_again(void **state)
{
	const struct host at_once = {LOOPBACK, .apart_ns = MS, STAMPS, .tw_reuse = SET(2)};
	_cleanup_(printed_fini) struct printed printed = {};

	assert_true(is_as_bad_as("warn", &at_once));
	ask_of(&printed, &at_once);
	assert_non_null(strstr(printed.text,
			       "60 ports at a time in TIME_WAIT towards 127.0.0.1:80: 60 % of the "
			       "100 of net.ipv4.ip_local_port_range; net.ipv4.tcp_tw_reuse is 2: "
			       "connect() takes them again after 1.00 s, and none is counted for "
			       "longer"));
	assert_non_null(strstr(printed.text,
			       "\"remedy\":\"keep connections open and use them "
			       "again, or let the other side close first; "
			       "net.ipv4.tcp_tw_reuse, 2 here, lets connect() take "));
}

/// A second is 10 of them.
static void delay_that_is_set_is_the_one_that_counts(void **state)
{
	struct host host = {LOOPBACK, .apart_ns = 100 * MS, STAMPS, .tw_reuse = SET(2)};

	assert_true(is_as_bad_as("note", &host));
	host.delay_ms = 500;
	assert_true(is_as_bad_as(NULL, &host));
	host.delay_ms = 20000;
	assert_true(is_as_bad_as("warn", &host));
	host.delay_ms = UINT64_MAX; /* a recording may hold any number */
	assert_true(is_as_bad_as("note", &host));
}

/// Whether it has them no event tells.
static void timestamps_of_the_other_side_are_said_to_be_unknown(void **state)
{
	const struct host host = {ELSEWHERE, SLOWLY, STAMPS, .tw_reuse = SET(1)};
	_cleanup_(printed_fini) struct printed printed = {};

	assert_true(is_as_bad_as("note", &host));
	ask_of(&printed, &host);
	assert_non_null(strstr(printed.text,
			       "60 ports at a time in TIME_WAIT towards 10.0.0.2:80: 60 % of the "
			       "100 of net.ipv4.ip_local_port_range; net.ipv4.tcp_tw_reuse is 1: "
			       "connect() takes them again after 1.00 s if the other side has TCP "
			       "timestamps, which is not known, and 3 at a time, at most, were "
			       "younger"));
	assert_non_null(strstr(printed.text,
			       "\"time_wait_peak\":60,\"tcp_tw_reuse\":1,"
			       "\"reusable_after_ns\":1000000000,\"not_reusable_peak\":3,"));
}

static void what_is_set_and_not_known_is_said_to_be(void **state)
{
	static const struct {
		struct host host;
		const char *confidence;
	} cases[] = {
		{{ELSEWHERE, SLOWLY}, "medium"},
		{{ELSEWHERE, SLOWLY, STAMPS, .tw_reuse = SET(3)}, "medium"},
		{{LOOPBACK, SLOWLY}, "low"}, /* by default they are taken again */
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		char key[64];

		snprintf(key, sizeof(key), "\"severity\":\"warn\",\"confidence\":\"%s\"",
			 cases[i].confidence);
		ask_of(&printed, &cases[i].host);
		assert_non_null(strstr(printed.text, key));
		assert_non_null(strstr(printed.text, "; whether connect() takes them again sooner "
						     "than after the minute "
						     "(net.ipv4.tcp_tw_reuse) is not known"));
		assert_null(strstr(printed.text, "\"tcp_tw_reuse\""));
	}
}

/// It failed: that some may be taken again changes nothing, and the remedy says what would.
static void connect_that_found_no_port_is_told_whatever_is_set(void **state)
{
	static const struct {
		struct host host;
		const char *remedy;
	} cases[] = {
		{{LOOPBACK, STAMPS, .tw_reuse = SET(2)}, "net.ipv4.tcp_tw_reuse, 2 here, lets "},
		{{ELSEWHERE, STAMPS, .tw_reuse = SET(2)},
		 "net.ipv4.tcp_tw_reuse=1 (it is 2 here; 2 is for loopback addresses alone) lets "},
		{{LOOPBACK, .timestamps = SET(0), .tw_reuse = SET(2)},
		 "if both sides have TCP timestamps (net.ipv4.tcp_timestamps is 0 here)"},
		{{ELSEWHERE}, "net.ipv4.tcp_tw_reuse=1 (what is set there is not known; 2, "},
		{{LOOPBACK, STAMPS, .tw_reuse = SET(2), .netns = OTHER_NETNS},
		 "net.ipv4.tcp_tw_reuse=1 (what is set there is not known; 2, "},
		{{ELSEWHERE}, "needs IP_BIND_ADDRESS_NO_PORT for that"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
		const struct ct_session session = session_of(&cases[i].host);
		struct patient patient = a_client(&cases[i].host);
		_cleanup_(printed_fini) struct printed printed = {};

		patient.conn.history.n_steps = 1;
		patient.conn.id.lport = 0;
		patient.conn.closed_how = CT_HOW_CONNECT;
		ask_as(&printed, &session, options, &patient, 1);
		assert_true(is_told(&printed, "port-exhaustion"));
		assert_non_null(strstr(printed.text, cases[i].remedy));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_that_are_taken_again_are_no_pressure),
		cmocka_unit_test(ports_that_nobody_takes_again_are_pressure),
		cmocka_unit_test(ports_of_one_second_are_pressure_though_they_are_taken_again),
		cmocka_unit_test(delay_that_is_set_is_the_one_that_counts),
		cmocka_unit_test(timestamps_of_the_other_side_are_said_to_be_unknown),
		cmocka_unit_test(what_is_set_and_not_known_is_said_to_be),
		cmocka_unit_test(connect_that_found_no_port_is_told_whatever_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
