/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A finder: which connections speak for its finding, and what follows from those of one culprit
 * together. Each is a file or a part of one, and a row in the table of diagnosis.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case.h"
#include "conntrace/finding.h"
#include "full.h"
#include "holders.h"
#include "services.h"

#define CT_SECOND_NS 1000000000ULL
#define CT_MINUTE_NS (60 * CT_SECOND_NS)

/// So many time-outs in a row, and nobody answers, or nothing gets out.
#define CT_FINDER_STREAK 3

/// From one time-out to the next, and from one probe of a closed window to the next, at most:
/// TCP_RTO_MAX, include/net/tcp.h.
#define CT_RTO_MAX_NS (2 * CT_MINUTE_NS)

/// What is the same for all cases.
struct ct_doctor_facts {
	const struct ct_output_options *options; /// how durations are written
	uint64_t observed_ns;			 /// from the beginning to the end; 0: not known
	const struct ct_session *session;
	const struct ct_holders *holders;   /// a hash; borrowed
	const struct ct_full *full;	    /// likewise
	const struct ct_services *services; /// likewise
};

struct ct_finder {
	const char *id; /// more than one may have it: they see different signs of the same
	enum ct_case_by by;
	bool keeps_samples; /// the case keeps values[0] and values[1] of each
	bool of_silence;    /// values[0] is how long it was silent: one of less than the doctor was
			    /// asked for does not count, nor one whose other end is here
	uint64_t takes_ns;  /// what begins while it is watched, or is repeated too rarely to be
			    /// seen at once, may take so long to show; 0: it shows when it happens,
			    /// or by what was before
	/// One does not count whose process may have been answered by another address meanwhile.
	bool unless_rivalled;
	/// True when CONN speaks for it; *ret is all 0 before. @now_ns the end of the observation,
	/// or when its summary was made.
	bool (*matches)(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret);
	/// True when they are a finding: severity, confidence, evidence and the three texts are
	/// filled in.
	bool (*concludes)(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  struct ct_finding *finding);
};

/// What is to be done where an accept queue is full: who looks at it sees that by ss.
#define CT_FINDER_ACCEPT_FASTER                                                                   \
	"Recv-Q at Send-Q says that it is full: let accept() be called more often, or raise the " \
	"backlog of listen() and net.core.somaxconn"

extern const struct ct_finder ct_find_close_wait_leak;
extern const struct ct_finder ct_find_fin_wait_stuck;
extern const struct ct_finder ct_find_last_ack_stuck;
extern const struct ct_finder ct_find_closing_stuck;
extern const struct ct_finder ct_find_close_wait_over;
extern const struct ct_finder ct_find_fin_wait_over;
extern const struct ct_finder ct_find_last_ack_over;
extern const struct ct_finder ct_find_closing_over;
extern const struct ct_finder ct_find_time_wait_pressure;
extern const struct ct_finder ct_find_port_exhaustion;
extern const struct ct_finder ct_find_linger0_reset;
extern const struct ct_finder ct_find_unread_data_reset;
extern const struct ct_finder ct_find_nonstandard_close;
extern const struct ct_finder ct_find_stale_pool_reuse;
extern const struct ct_finder ct_find_keepalive_race;
extern const struct ct_finder ct_find_half_open_ghost;
extern const struct ct_finder ct_find_dead_peer_hang;
extern const struct ct_finder ct_find_send_blocked;
extern const struct ct_finder ct_find_syn_unanswered;
extern const struct ct_finder ct_find_given_up;
extern const struct ct_finder ct_find_ended_at_once;
extern const struct ct_finder ct_find_refused;
extern const struct ct_finder ct_find_unreachable;
extern const struct ct_finder ct_find_accept_overflow;
extern const struct ct_finder ct_find_zero_window_stall;
extern const struct ct_finder ct_find_handshake_bound;
extern const struct ct_finder ct_find_silent_ghost;

/// What a listener that was seen full says to ct_find_accept_overflow, beside the handshakes of
/// others.
void ct_finder_full_symptom(const struct ct_full *full, struct ct_symptom *ret);

/**
 * CONN stands in STATE.
 *
 * @ret_for_ns for so long; for at least so long if it was found in it, *ret_exact is false then.
 *	       For as long as it had been silent it was there: a segment takes it into a state.
 */
bool ct_finder_stands_in(const struct ct_conn *conn, uint8_t state, uint64_t now_ns,
			 uint64_t *ret_for_ns, bool *ret_exact);

/// The first step in STATE; NULL: it was never seen there.
const struct ct_step *ct_finder_step(const struct ct_conn *conn, uint8_t state);

/// Bytes that were queued since the peer's FIN came; 0 where that is not known.
uint32_t ct_finder_sent_behind_fin(const struct ct_conn *conn);

/// The segment whose time-outs came in a row is not acknowledged yet at AT_NS, as far as is known:
/// the next one is not overdue. RFC 6298 5.5.
bool ct_finder_goes_on(const struct ct_conn *conn, uint64_t at_ns);

/// Of what was to be sent again no segment was seen to leave this host, and it would have been:
/// nothing is missing.
bool ct_finder_none_left(const struct ct_conn *conn);

/// Of the time-outs in a row one is known to have sent something.
bool ct_finder_was_sent_again(const struct ct_conn *conn);

/// For how long it has been trying by UNTIL_NS, at least: a look knows no more than its moment.
uint64_t ct_finder_tried_ns(const struct ct_conn *conn, uint64_t until_ns);

/// A look is as good as one at the end: the walk over all sockets takes its time.
#define CT_FINDER_LOOK_NS (5 * CT_SECOND_NS)

/// What waits for its acknowledgement at AT_NS was tried so often that it is no accident, and none
/// of it is known to have left this host: what is to be sent again goes no further.
bool ct_finder_is_held_back(const struct ct_conn *conn, uint64_t at_ns);

/// It asked, and as far as it was seen nobody has let it in.
bool ct_finder_never_connected(const struct ct_conn *conn);

/// Its local end asked for a service, which is the other end's; else it is asked.
bool ct_finder_asks(const struct ct_conn_id *id);

/// "opened_before_trace": so many are older than the trace, ct_conn_was_met_late(); of none nothing
/// is said. What was counted of them is what was seen since.
void ct_finder_number_older(struct ct_finding *finding, uint64_t n);

/// The flag, as it was raised; NULL: it was not.
const struct ct_mark *ct_finder_mark(const struct ct_conn *conn, enum ct_flag flag);

/// "nginx[1234]", "nginx[~1234]" where it may be another process, "an unknown process".
void ct_finder_put_process(const struct ct_output_options *options, struct ct_buf *buf,
			   const struct ct_conn_id *id);
void ct_finder_put_owner(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			 const struct ct_conn_id *id);

/// What is said of a process and its connections; or of those connections, where it is not known.
struct ct_deed {
	const char *does; /// " holds "
	const char *is;	  /// " is", of one connection
	const char *are;
};

/**
 * Whose connections they are, and what is with them: "nginx[12] holds 3 connections". An owner that
 * is the listener's need not have them, or have done anything: "3 connections that came through the
 * listener of nginx[~12] are".
 *
 * @return true: it was the former, of all of them.
 */
bool ct_finder_put_doer(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			const struct ct_finding *finding, const struct ct_deed *deed);

/// "; which process has them, if any does, is not known", of those that are known by their listener
/// alone; of none nothing is said.
void ct_finder_put_unheld(struct ct_buf *buf, const struct ct_finding *finding);

/// "10.0.0.2:80", "[2001:db8::1]:80".
void ct_finder_put_address(struct ct_buf *buf, uint8_t family, const uint8_t address[16],
			   uint16_t port);

/// "10.0.0.2", the address of the other end.
void ct_finder_put_remote(struct ct_buf *buf, const struct ct_conn_id *id);

/// "10.0.0.2:80" of whom an active end asked, "port 80" of who was asked.
void ct_finder_put_service(struct ct_buf *buf, const struct ct_conn_id *id);

/// "for 3m05s", "for at least 10.0 s".
void ct_finder_put_time(const struct ct_doctor_facts *facts, struct ct_buf *buf, uint64_t ns,
			bool exact);

/// The process of the example is known to have ended.
bool ct_finder_has_ended(const struct ct_doctor_facts *facts, const struct ct_example *example);

/**
 * ss, with what narrows it down to the case: "ss -tanpo state close-wait 'sport = :80'". By its
 * process only where that has the socket still, and is not the listener's, of which ss may name
 * another one with it or none; of a route by both its ends.
 *
 * It sees one network namespace: where the tracer's is known to be another one than the case's,
 * nsenter goes into that of its process, or if that has ended by another process that holds
 * something there; where none is known a comment says which namespace it is.
 *
 * @state as ss spells it; NULL: any.
 */
void ct_finder_put_ss(const struct ct_doctor_facts *facts, struct ct_buf *buf, const char *state,
		      const struct ct_case *one);

/// The same with the times of what was sent and received last, each socket in a line with them:
/// "ss -tanpoiO state established | grep pid=1234,".
void ct_finder_put_ss_times(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			    const char *state, const struct ct_case *one);

/// The same for the listener that was asked: "ss -tln 'sport = :80'".
void ct_finder_put_ss_listener(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			       const struct ct_case *one, uint16_t port);

/**
 * The tracer itself, for what leaves no trace in ss: of a recording it shows the very events, else
 * the next of their kind, which the finding says. What selects them is put behind it: " -P 80".
 */
void ct_finder_put_tracer(const struct ct_doctor_facts *facts, struct ct_finding *finding);

/// What is gone leaves no trace in ss: the tracer itself confirms it, by what FLAG says. By the
/// process, where it can be told by it.
void ct_finder_put_events(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  const char *flag, struct ct_finding *finding);

/// True: both ends are sockets of one kernel, and of one namespace; when one of them is gone, it
/// tells the other.
bool ct_finder_is_within_host(const struct ct_conn_id *id);

/// True: the connection is, for all that is known, not in the network namespace of the tracer.
bool ct_finder_is_elsewhere(const struct ct_doctor_facts *facts, const struct ct_conn_id *id);
