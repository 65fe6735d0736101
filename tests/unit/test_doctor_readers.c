// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who does not read is named where its end of the connection was seen, and else said not to be
// known.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

#define ENDS_MAX 6

/// An end of a connection of 10.0.0.1:45678, or of a port so much higher, to 10.0.0.2:80. Who asks
/// sends and has to wait, unless it is told otherwise.
struct end {
	uint32_t pid; /// 0: nobody; there are no more behind it
	const char *comm;
	uint8_t owner; /// enum ct_owner
	bool reads;    /// it does not send
	bool is_asked; /// it does not ask
	bool is_over;
	uint16_t apart;	  /// its connection's
	uint32_t netns;	  /// 0: that of the first end
	uint64_t again;	  /// another one with the same addresses
	bool is_innocent; /// it never had to wait
};

static struct patient patient_of(const struct end *end)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);
	struct ct_conn_id *id = &patient.conn.id;
	const struct ct_conn_id asks = *id;

	if (end->is_asked) {
		memcpy(id->laddr, asks.raddr, sizeof(id->laddr));
		memcpy(id->raddr, asks.laddr, sizeof(id->raddr));
		id->role = CT_ROLE_PASSIVE;
	}
	id->lport = end->is_asked ? 80 : (uint16_t)(45678 + end->apart);
	id->rport = end->is_asked ? (uint16_t)(45678 + end->apart) : 80;
	id->cookie = 0x100 + 4ULL * end->apart + 2ULL * end->is_asked + 0x1000 * end->again;
	id->pid = end->pid;
	id->owner = end->owner;
	id->netns = end->netns ? end->netns : id->netns;
	memset(id->comm, 0, sizeof(id->comm));
	strcpy(id->comm, end->comm);
	patient.conn.window_probes_sent = end->reads || end->is_innocent ? 0 : 3;
	if (end->is_over) {
		patient.conn.phase = CT_PHASE_CLOSED;
		patient.conn.closed_ns = BEGAN + 20 * S;
	}
	if (end->again)
		patient.conn.opened_ns = BEGAN + 30 * S;
	return patient;
}

static void probe(struct ct_sink *sink, const struct patient *patient, uint64_t again)
{
	struct ct_update update = an_update(CT_UPDATE_PROBE);

	update.ts_ns = BEGAN + (again ? 40 : 10) * S;
	update.id = patient->conn.id;
	update.probe.type = CT_PROBE_WINDOW;
	update.probe.outcome = CT_PROBE_SENT;
	assert_int_equal(sink->ops->update(sink, &update), 0);
}

/// The ends come to their summaries in this order; a probe is sent before the first of them, or, of
/// addresses that are used again, before the first that has them.
static void ask_of(struct printed *printed, const struct end ends[ENDS_MAX])
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	for (uint64_t again = 0; again < 2; again++) {
		for (size_t i = 0; i < ENDS_MAX && ends[i].pid; i++) {
			struct patient patient = patient_of(&ends[i]);

			if (ends[i].again == again && !ends[i].reads && !ends[i].is_innocent)
				probe(sink, &patient, again);
		}
		for (size_t i = 0; i < ENDS_MAX && ends[i].pid; i++) {
			struct patient patient = patient_of(&ends[i]);

			if (ends[i].again == again)
				doctor_sees(sink, &patient);
		}
	}
	doctor_concludes(printed, sink);
}

static void assert_told(const struct end ends[ENDS_MAX], const char *text)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of(&printed, ends);
	if (!strstr(printed.text, text))
		fail_msg("no %s in %s", text, printed.text);
}

static const struct end curl = {.pid = 7, .comm = "curl", .owner = CT_OWNER_CONNECT};
static const struct end nginx = {.pid = 12,
				 .comm = "nginx",
				 .owner = CT_OWNER_IO,
				 .reads = true,
				 .is_asked = true};

#define NGINX                                                                          \
	"\"culprit\":{\"pid\":12,\"comm\":\"nginx\",\"owner\":\"io\",\"cgroup\":null," \
	"\"address\":null,\"port\":null,\"processes\":[{\"pid\":12,\"comm\":\"nginx\","
#define CURL                                                                              \
	"\"culprit\":{\"pid\":7,\"comm\":\"curl\",\"owner\":\"connect\",\"cgroup\":null," \
	"\"address\":\"10.0.0.2\",\"port\":80,\"processes\":[{\"pid\":7,"
#define NOT_KNOWN "; which process reads there is not known\""

static void reader_whose_end_was_seen_is_the_culprit(void **state)
{
	const struct end after[ENDS_MAX] = {curl, nginx}, before[ENDS_MAX] = {nginx, curl};
	struct end over[ENDS_MAX] = {curl, nginx};

	over[0].is_over = over[1].is_over = true;
	for (size_t i = 0; i < 3; i++) {
		const struct end *ends = (const struct end *[]){after, before, over}[i];

		assert_told(ends, "\"summary\":\"nginx[12] reads too slowly at 10.0.0.2:80 what "
				  "curl[7] sends: the window was closed on 1 connection, ");
		assert_told(ends, NGINX);
		assert_told(ends, "probes were seen in their whole lives\",");
		/* whose it is */
		assert_told(ends, "\"connections\":[\"100\"]");
	}
}

static void reader_who_has_asked_is_named_as_well(void **state)
{
	struct end ends[ENDS_MAX] = {nginx, curl};

	ends[0].reads = false;
	ends[1].reads = true;
	assert_told(ends, "\"summary\":\"curl[7] reads too slowly from port 80 what nginx[12] "
			  "sends: ");
	assert_told(ends, "\"culprit\":{\"pid\":7,\"comm\":\"curl\",\"owner\":\"connect\","
			  "\"cgroup\":null,\"address\":null,\"port\":null,");
}

/// That of another namespace may be any end that has the same addresses.
static void reader_elsewhere_is_not_known(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx};

	ends[1].netns = 4026539999;
	assert_told(ends, "\"summary\":\"10.0.0.2:80 reads too slowly what curl[7] sends: ");
	assert_told(ends, NOT_KNOWN);
	assert_told(ends, CURL);
	ends[1].pid = 0;
	assert_told(ends, NOT_KNOWN);
	assert_told(ends, CURL);
}

static void end_that_shares_no_more_than_the_service_is_no_reader(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx};

	ends[1].apart = 1;
	assert_told(ends, NOT_KNOWN);
	assert_told(ends, CURL);
}

static void readers_that_are_known_of_some_are_not_blamed_for_all(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx, curl};

	ends[2].apart = 1;
	assert_told(ends, "; which process reads there is not known of all\"");
	assert_told(ends, CURL);
}

static void readers_are_counted_apart(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx, curl, nginx};

	ends[2].apart = ends[3].apart = 1;
	assert_told(ends, NGINX "\"owner\":\"io\",\"cgroup\":null,\"count\":2}]");
	ends[3].pid = 13;
	assert_told(ends, "\"summary\":\"10.0.0.2:80 reads too slowly what curl[7] sends: the "
			  "window was closed on 2 connections, ");
	assert_told(ends, "\"culprit\":{\"pid\":null,\"comm\":\"nginx\",\"owner\":null,"
			  "\"cgroup\":null,\"address\":\"10.0.0.2\",\"port\":80,\"processes\":["
			  "{\"pid\":12,");
	assert_told(ends, "{\"pid\":13,");
}

/// Who has the listener need not be who was to read.
static void reader_that_is_known_by_its_listener_is_not_said_to_read(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx};

	ends[1].owner = CT_OWNER_INHERITED;
	assert_told(ends, "\"summary\":\"10.0.0.2:80, whose listener is of nginx[~12], reads too "
			  "slowly what curl[7] sends: ");
	assert_told(ends, "\"culprit\":{\"pid\":12,\"comm\":\"nginx\",\"owner\":\"inherited\",");
}

/// Of the first nothing is known any more, and the second is not blamed for it.
static void addresses_that_are_used_again_are_of_another_reader(void **state)
{
	struct end ends[ENDS_MAX] = {curl, nginx, curl, nginx};

	ends[0].is_over = ends[1].is_over = true;
	ends[2].again = ends[3].again = 1;
	ends[3].pid = 13;
	assert_told(ends, "; which process reads there is not known of all\"");
	assert_told(ends, CURL);
	ends[2].is_innocent = true;
	assert_told(ends, NGINX);
	ends[1] = ends[3]; /* and who read of the first nobody has seen */
	assert_told(ends, "; which process reads there is not known\"");
	assert_told(ends, CURL);
}

/// Of a long trace: what is known of those that were not found to stall makes room for others.
static void those_that_went_on_take_nobody_s_place(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = doctor_begin(&printed, &session, options);
	struct patient reads = patient_of(&nginx), waits = patient_of(&curl);
	struct end goes_on = curl;

	goes_on.is_innocent = true;
	for (goes_on.apart = 1; goes_on.apart <= 10000; goes_on.apart++) {
		struct patient patient = patient_of(&goes_on);

		probe(sink, &patient, 0);
		doctor_sees(sink, &patient);
	}
	probe(sink, &waits, 0);
	doctor_sees(sink, &waits);
	doctor_sees(sink, &reads);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text, NGINX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_went_on_take_nobody_s_place),
		cmocka_unit_test(reader_whose_end_was_seen_is_the_culprit),
		cmocka_unit_test(reader_who_has_asked_is_named_as_well),
		cmocka_unit_test(reader_elsewhere_is_not_known),
		cmocka_unit_test(end_that_shares_no_more_than_the_service_is_no_reader),
		cmocka_unit_test(readers_that_are_known_of_some_are_not_blamed_for_all),
		cmocka_unit_test(readers_are_counted_apart),
		cmocka_unit_test(reader_that_is_known_by_its_listener_is_not_said_to_read),
		cmocka_unit_test(addresses_that_are_used_again_are_of_another_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
