// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINTS_MAX 100000

enum side {
	SENT,
	RECEIVED,
};

/// The segments of one direction of one pair of addresses and ports, in turn.
struct direction {
	const struct oracle_record *record;
	const struct oracle_rules *rules;
	struct oracle_segments_verdict *verdict;
	struct oracle_end ends[2]; /// as the sender and as the receiver see it
	uint32_t next;		   /// sequence number behind all that was sent
	bool next_known;
	uint32_t arrived[_ORACLE_CLASS_MAX]; /// sequence number of the last that was accounted for
	bool has_arrived[_ORACLE_CLASS_MAX];
};

/// Who accounts for a segment of a class on a side of it: a fact, or else a reason.
struct account {
	enum oracle_segment_class class;
	enum side side;
	const char *name;
	int fact;     /// enum oracle_fact_kind, −1 for a reason
	bool earlier; /// the fact may be any time before the segment
	bool (*holds)(const struct direction *direction, const struct oracle_segment *segment);
};
static bool is_lost(const struct direction *direction, const struct oracle_segment *segment)
{
	(void)direction;
	return segment->lost;
}

static uint32_t end_of(const struct oracle_segment *segment)
{
	return segment->seq + segment->length;
}

static enum oracle_segment_class class_of(const struct direction *direction,
					  const struct oracle_segment *segment)
{
	if (segment->flags & ORACLE_TCP_RST)
		return ORACLE_CLASS_RST;
	if (segment->flags & ORACLE_TCP_SYN)
		return segment->flags & ORACLE_TCP_ACK ? ORACLE_CLASS_SYNACK : ORACLE_CLASS_SYN;
	if (segment->flags & ORACLE_TCP_FIN)
		return ORACLE_CLASS_FIN;
	/* RFC 9293 3.8.4 and 3.8.6.1 */
	if (direction->next_known && segment->length <= 1 && segment->seq == direction->next - 1 &&
	    segment->flags & ORACLE_TCP_ACK)
		return ORACLE_CLASS_PROBE;
	return _ORACLE_CLASS_MAX;
}

static bool has_arrived(const struct direction *direction, const struct oracle_segment *segment)
{
	enum oracle_segment_class class = class_of(direction, segment);

	return direction->has_arrived[class] && direction->arrived[class] == end_of(segment);
}

/// The life of an end that stands around a time, so that no slack can hide it.
static const struct oracle_life *life_at(const struct direction *direction, enum side side,
					 int64_t at_ns)
{
	int64_t near_ns = direction->rules->near_ns;
	const struct oracle_life *life = oracle_life_last(direction->record, &direction->ends[side],
							  at_ns - near_ns);

	return life && oracle_life_until(life) >= at_ns + near_ns ? life : NULL;
}

/// Facts are sorted by end.
static size_t first_fact(const struct oracle_record *record, const struct oracle_end *end)
{
	size_t low = 0, high = record->n_facts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&record->facts[middle].end, end, sizeof(*end)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/// What ended a life is an RST that was told; USED: and that is not without a segment of its own.
static bool ended_by_rst(const struct direction *direction, const struct oracle_life *life,
			 bool used)
{
	const struct oracle_record *record = direction->record;
	int64_t slack_ns = direction->rules->slack_ns;

	for (size_t i = first_fact(record, &life->end); i < record->n_facts; i++) {
		const struct oracle_fact *fact = &record->facts[i];

		if (!oracle_end_is(&fact->end, &life->end))
			break;
		if (llabs(fact->at_ns - oracle_life_until(life)) <= slack_ns &&
		    (fact->kind == ORACLE_FACT_RST_SENT ||
		     (fact->kind == ORACLE_FACT_RST_RECEIVED && (fact->used_received || !used))))
			return true;
	}
	return false;
}

/// It cannot be this RST that ended a life: there was none, it was over clearly before, or another
/// RST has ended it.
static bool finds_nobody(const struct direction *direction, const struct oracle_segment *segment)
{
	int64_t slack_ns = direction->rules->slack_ns;
	const struct oracle_life *life =
		oracle_life_last(direction->record, &direction->ends[RECEIVED], segment->at_ns);

	if (!life || oracle_life_until(life) < segment->at_ns - slack_ns)
		return true;
	return oracle_life_until(life) <= segment->at_ns + slack_ns &&
	       ended_by_rst(direction, life, true);
}

/// The connection before it still stands: a challenge ACK answers, RFC 5961 4, which the client
/// resets; that reset, which was told, is the end of it.
static bool is_challenged(const struct direction *direction, const struct oracle_segment *segment)
{
	const struct oracle_life *life =
		oracle_life_last(direction->record, &direction->ends[RECEIVED], segment->at_ns);

	return life && oracle_life_until(life) >= segment->at_ns &&
	       oracle_life_until(life) <= segment->at_ns + direction->rules->slack_ns &&
	       life->steps[life->n_steps - 1].state == CT_STATE_ESTABLISHED &&
	       ended_by_rst(direction, life, false);
}

static bool finds_full_queue(const struct direction *direction,
			     const struct oracle_segment *segment)
{
	return segment->from.rport == direction->rules->short_port &&
	       !life_at(direction, RECEIVED, segment->at_ns);
}

/// The handshake stands, complete for the client alone: there is no room for a child that could
/// take what comes behind its ACK.
static bool finds_request(const struct direction *direction, const struct oracle_segment *segment)
{
	const struct oracle_life *life = life_at(direction, RECEIVED, segment->at_ns);

	if (!life || segment->from.rport != direction->rules->short_port)
		return false;
	for (size_t i = 0; i < life->n_steps; i++)
		if (life->steps[i].state == CT_STATE_SYN_RECV &&
		    life->steps[i].at_ns <= segment->at_ns &&
		    life->steps[i].until_ns >= segment->at_ns)
			return true;
	return false;
}

static bool is_syncookie(const struct direction *direction, const struct oracle_segment *segment)
{
	return segment->from.lport == direction->rules->short_port &&
	       !life_at(direction, SENT, segment->at_ns);
}

#define FACT(class, side, kind, name)                                             \
	{                                                                         \
		ORACLE_CLASS_##class, side, name, ORACLE_FACT_##kind, false, NULL \
	}
#define FACT_EARLIER(class, side, kind, name)                                    \
	{                                                                        \
		ORACLE_CLASS_##class, side, name, ORACLE_FACT_##kind, true, NULL \
	}
#define REASON(class, side, holds, name)                           \
	{                                                          \
		ORACLE_CLASS_##class, side, name, -1, false, holds \
	}

/// The first that applies accounts for it. A reason stands behind the facts, says why no history
/// can have the segment, and is bounded: by what the kernel counted (oracle_judge_excused()), or by
/// what else was captured or told.
static const struct account accounts[] = {
	FACT(SYN, SENT, SYN_SENT, "enters SYN_SENT"),
	FACT(SYN, SENT, SYN_AGAIN, "SYN retransmitted"),
	REASON(SYN, RECEIVED, is_lost, "SYN dropped by a rule"),
	REASON(SYN, RECEIVED, is_challenged, "SYN met the connection before it"),
	FACT(SYN, RECEIVED, SYN_RECV, "enters SYN_RECV"),
	FACT(SYN, RECEIVED, SYNACK_AGAIN, "answered by the SYN-ACK again"),
	FACT(SYN, RECEIVED, RST_SENT, "SYN refused by an RST"),
	/* listening, but no room: the kernel drops the SYN unseen, and counts it */
	REASON(SYN, RECEIVED, finds_full_queue, "SYN found a full accept queue"),

	FACT(SYNACK, SENT, SYN_RECV, "enters SYN_RECV, SYN-ACK"),
	FACT(SYNACK, SENT, SYNACK_AGAIN, "SYN-ACK retransmitted"),
	/* no socket is made for it, RFC 4987 3.6: nothing that could have a history */
	REASON(SYNACK, SENT, is_syncookie, "SYN cookie"),
	REASON(SYNACK, RECEIVED, is_lost, "SYN-ACK dropped by a rule"),
	FACT(SYNACK, RECEIVED, ESTABLISHED, "enters ESTABLISHED"),
	FACT(SYNACK, RECEIVED, RST_SENT, "SYN-ACK answered by an RST"),
	/* acknowledged again, RFC 9293 3.10.7.4, and no state changes */
	REASON(SYNACK, RECEIVED, has_arrived, "SYN-ACK again, the first is accounted for"),

	FACT_EARLIER(FIN, SENT, FIN_OUT, "enters FIN_WAIT1 or LAST_ACK"),
	FACT(FIN, SENT, FIN_AGAIN, "FIN retransmitted"),
	REASON(FIN, RECEIVED, is_lost, "FIN dropped by a rule"),
	FACT(FIN, RECEIVED, FIN_IN, "enters CLOSE_WAIT, CLOSING or TIME_WAIT"),
	FACT(FIN, RECEIVED, RST_SENT, "FIN answered by an RST"),
	/* dropped like the final ACK, tcp_v4_syn_recv_sock() */
	REASON(FIN, RECEIVED, finds_request, "FIN found a full accept queue"),
	REASON(FIN, RECEIVED, has_arrived, "FIN again, the first is accounted for"),

	FACT(RST, SENT, RST_SENT, "RST sent"),
	REASON(RST, RECEIVED, is_lost, "RST dropped by a rule"),
	FACT(RST, RECEIVED, RST_RECEIVED, "RST received"),
	/* an RST to no socket is dropped unanswered, RFC 9293 3.10.7.1 */
	REASON(RST, RECEIVED, finds_nobody, "RST to a connection that is gone by its history"),

	FACT(PROBE, SENT, PROBE_SENT, "probe sent"),
	REASON(PROBE, RECEIVED, is_lost, "probe dropped by a rule"),
	FACT(PROBE, RECEIVED, PROBE_RECEIVED, "probe received"),
	FACT(PROBE, RECEIVED, RST_SENT, "probe answered by an RST"),
};
_Static_assert(ORACLE_COUNT(accounts) <= ORACLE_ACCOUNTS_MAX, "room for each");

static int64_t apart(const struct oracle_fact *fact, const struct oracle_segment *segment)
{
	return fact->at_ns > segment->at_ns ? fact->at_ns - segment->at_ns
					    : segment->at_ns - fact->at_ns;
}

static bool is_used(const struct oracle_fact *fact, enum side side)
{
	return side == SENT ? fact->used_sent : fact->used_received;
}

/// The nearest fact of that kind that nobody has used yet, or NULL.
static struct oracle_fact *find_fact(const struct direction *direction,
				     const struct account *account,
				     const struct oracle_segment *segment)
{
	const struct oracle_record *record = direction->record;
	const struct oracle_end *end = &direction->ends[account->side];
	struct oracle_fact *best = NULL;

	for (size_t i = first_fact(record, end); i < record->n_facts; i++) {
		struct oracle_fact *fact = &record->facts[i];
		bool near = apart(fact, segment) <= direction->rules->near_ns ||
			    (account->earlier && fact->at_ns < segment->at_ns);

		if (!oracle_end_is(&fact->end, end))
			break;
		if (fact->kind != account->fact || !near || is_used(fact, account->side))
			continue;
		if (!best || apart(fact, segment) < apart(best, segment))
			best = fact;
	}
	return best;
}

static bool accounts_for(const struct direction *direction, const struct account *account,
			 const struct oracle_segment *segment)
{
	struct oracle_fact *fact;

	if (account->fact < 0)
		return account->holds(direction, segment);
	fact = find_fact(direction, account, segment);
	if (!fact)
		return false;
	if (account->side == SENT)
		fact->used_sent = true;
	else
		fact->used_received = true;
	if (!account->earlier && apart(fact, segment) > direction->verdict->needed_ns)
		direction->verdict->needed_ns = apart(fact, segment);
	return true;
}

static const char *const class_names[] = {
	[ORACLE_CLASS_SYN] = "SYN", [ORACLE_CLASS_SYNACK] = "SYN-ACK", [ORACLE_CLASS_FIN] = "FIN",
	[ORACLE_CLASS_RST] = "RST", [ORACLE_CLASS_PROBE] = "probe",
};
_Static_assert(ORACLE_COUNT(class_names) == _ORACLE_CLASS_MAX, "a name for each class");

/// Everything that was told of that end, to judge by.
static void print_context(const struct direction *direction, enum side side, int64_t at_ns)
{
	const struct oracle_record *record = direction->record;
	const struct oracle_end *end = &direction->ends[side];

	for (size_t i = 0; i < record->n_lives; i++) {
		const struct oracle_life *life = &record->lives[i];

		if (!oracle_end_is(&life->end, end))
			continue;
		fprintf(stderr, "    %" PRIx64 ":", life->cookie);
		for (size_t step = 0; step < life->n_steps; step++)
			fprintf(stderr, " %s at %+.3f", oracle_state_name(life->steps[step].state),
				(double)(life->steps[step].at_ns - at_ns) / 1e6);
		fprintf(stderr, " until %+.3f ms\n",
			(double)(life->steps[life->n_steps - 1].until_ns - at_ns) / 1e6);
	}
	for (size_t i = first_fact(record, end); i < record->n_facts; i++) {
		const struct oracle_fact *fact = &record->facts[i];

		if (!oracle_end_is(&fact->end, end))
			break;
		fprintf(stderr, "    %+.3f ms %s%s%s\n", (double)(fact->at_ns - at_ns) / 1e6,
			oracle_fact_name(fact->kind), fact->used_sent ? ", used as sent" : "",
			fact->used_received ? ", used as received" : "");
	}
}

static void complain(const struct direction *direction, const struct oracle_segment *segment,
		     enum oracle_segment_class class, enum side side)
{
	char text[ORACLE_END_STRLEN];

	if (direction->rules->quiet || direction->verdict->unaccounted > COMPLAINTS_MAX)
		return;
	fprintf(stderr,
		"  %s %s, flags %#x seq %u ack %u len %u dscp %u: not accounted for as %s; "
		"told of that end:\n",
		class_names[class], oracle_end_text(&segment->from, text), segment->flags,
		segment->seq, segment->ack, segment->length, segment->dscp,
		side == SENT ? "sent" : "received");
	print_context(direction, side, segment->at_ns);
}

static void judge_side(const struct direction *direction, const struct oracle_segment *segment,
		       enum oracle_segment_class class, enum side side)
{
	for (size_t i = 0; i < ORACLE_COUNT(accounts); i++) {
		if (accounts[i].class != class || accounts[i].side != side ||
		    !accounts_for(direction, &accounts[i], segment))
			continue;
		direction->verdict->accounts[i]++;
		return;
	}
	if (oracle_excuse(direction->rules->excuses, &segment->from, segment->at_ns,
			  class_names[class]))
		return;
	direction->verdict->unaccounted++;
	complain(direction, segment, class, side);
}

static void judge_segment(struct direction *direction, const struct oracle_segment *segment)
{
	enum oracle_segment_class class = class_of(direction, segment);
	uint32_t end = end_of(segment) + !!(segment->flags & ORACLE_TCP_SYN) +
		       !!(segment->flags & ORACLE_TCP_FIN);

	if (class != _ORACLE_CLASS_MAX && segment->at_ns >= direction->rules->from_ns) {
		direction->verdict->segments[class]++;
		judge_side(direction, segment, class, SENT);
		judge_side(direction, segment, class, RECEIVED);
	}
	if (class != _ORACLE_CLASS_MAX && !segment->lost) {
		direction->has_arrived[class] = true;
		direction->arrived[class] = end_of(segment);
	}
	/* an RST for somebody else's sake has a number of its own */
	if (class == ORACLE_CLASS_RST)
		return;
	if (!direction->next_known || segment->flags & ORACLE_TCP_SYN ||
	    (int32_t)(end - direction->next) > 0)
		direction->next = end;
	direction->next_known = true;
}

static int compare_segments(const void *left, const void *right)
{
	const struct oracle_segment *a = left, *b = right;
	int order = memcmp(&a->from, &b->from, sizeof(a->from));

	if (order)
		return order;
	return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

/// Facts that stand for a segment sent, and for one received. One that passed just before from_ns
/// is not judged.
static void judge_facts(const struct oracle_record *record, const struct oracle_rules *rules,
			struct oracle_segments_verdict *ret)
{
	static const struct {
		bool sent, received;
	} wants[_ORACLE_FACT_MAX] = {
		[ORACLE_FACT_SYN_SENT] = {.sent = true},
		[ORACLE_FACT_SYN_RECV] = {.sent = true, .received = true},
		[ORACLE_FACT_FIN_OUT] = {.sent = true},
		[ORACLE_FACT_FIN_IN] = {.received = true},
		[ORACLE_FACT_SYN_AGAIN] = {.sent = true},
		[ORACLE_FACT_SYNACK_AGAIN] = {.sent = true},
		[ORACLE_FACT_FIN_AGAIN] = {.sent = true},
		[ORACLE_FACT_RST_SENT] = {.sent = true},
		[ORACLE_FACT_RST_RECEIVED] = {.received = true},
		[ORACLE_FACT_PROBE_SENT] = {.sent = true},
		[ORACLE_FACT_PROBE_RECEIVED] = {.received = true},
	};
	char text[ORACLE_END_STRLEN];

	for (size_t i = 0; i < record->n_facts; i++) {
		const struct oracle_fact *fact = &record->facts[i];

		if (fact->at_ns < rules->from_ns + rules->near_ns ||
		    ((!wants[fact->kind].sent || fact->used_sent) &&
		     (!wants[fact->kind].received || fact->used_received)))
			continue;
		if (oracle_excuse(rules->excuses, &fact->end, fact->at_ns,
				  oracle_fact_name(fact->kind)))
			continue;
		ret->unused++;
		if (!rules->quiet && ret->unused <= COMPLAINTS_MAX)
			fprintf(stderr,
				"  no segment stands behind: %" PRIx64 " %s at %" PRId64 ": %s\n",
				fact->cookie, oracle_end_text(&fact->end, text), fact->at_ns,
				oracle_fact_name(fact->kind));
	}
}

size_t oracle_judge_segments(struct oracle_record *record, const struct oracle_rules *rules,
			     struct oracle_segments_verdict *ret)
{
	struct direction direction = {.record = record, .rules = rules, .verdict = ret};

	*ret = (struct oracle_segments_verdict){0};
	qsort(record->segments, record->n_segments, sizeof(*record->segments), compare_segments);
	for (size_t i = 0; i < record->n_facts; i++)
		record->facts[i].used_sent = record->facts[i].used_received = false;
	for (size_t i = 0; i < record->n_segments; i++) {
		const struct oracle_segment *segment = &record->segments[i];

		if (i == 0 || !oracle_end_is(&segment->from, &record->segments[i - 1].from))
			direction = (struct direction){
				.record = record,
				.rules = rules,
				.verdict = ret,
				.ends = {segment->from, oracle_end_turn(&segment->from)},
			};
		judge_segment(&direction, segment);
	}
	judge_facts(record, rules, ret);
	return ret->unaccounted + ret->unused;
}

size_t oracle_judge_excused(const struct oracle_segments_verdict *verdict, const char *name)
{
	for (size_t i = 0; i < ORACLE_COUNT(accounts); i++)
		if (!strcmp(accounts[i].name, name))
			return verdict->accounts[i];
	return SIZE_MAX;
}

static void print_states(const struct oracle_states_verdict *verdict)
{
	printf("%zu polls of ss, slack needed %.3f ms\n", verdict->polls,
	       (double)verdict->needed_ns / 1e6);
	for (uint8_t state = 0; state < _CT_STATE_MAX; state++)
		if (verdict->seen[state])
			printf("  %-12s %7zu times\n", oracle_state_name(state),
			       verdict->seen[state]);
	printf("  not in the recording %zu, in another state %zu, not seen by ss %zu\n",
	       verdict->missing, verdict->wrong, verdict->phantoms);
}

void oracle_judge_print(const struct oracle_states_verdict *states,
			const struct oracle_segments_verdict *segments)
{
	print_states(states);
	printf("segments, within %.3f ms of their facts\n", (double)segments->needed_ns / 1e6);
	for (size_t i = 0; i < ORACLE_COUNT(accounts); i++) {
		if (i == 0 || accounts[i].class != accounts[i - 1].class)
			printf("  %-8s %5zu captured\n", class_names[accounts[i].class],
			       segments->segments[accounts[i].class]);
		printf("    %-8s %-46s %5zu\n", accounts[i].side == SENT ? "sent" : "received",
		       accounts[i].name, segments->accounts[i]);
	}
	printf("  not accounted for %zu, facts without a segment %zu\n", segments->unaccounted,
	       segments->unused);
}
