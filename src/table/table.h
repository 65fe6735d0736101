/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the connection table: the store, which apply.c's handlers work on. */
#pragma once

#include <stdbool.h>

#include "conntrace/conn_table.h"
#include "conntrace/hash.h"
#include "slots.h"

/// How often losses were told that nobody counted, by CT_UNCOUNTED_*.
struct ct_epochs {
	uint32_t sockets;
	uint32_t minis;
};

/// What a packet tells of the connection that it belongs to. Compared as bytes: no padding.
struct ct_tuple {
	uint8_t laddr[16]; /// as in struct ct_conn_id: v4-mapped is IPv4
	uint8_t raddr[16];
	uint16_t lport;
	uint16_t rport;
	uint32_t netns;
	uint32_t family;
};

/// A place in the index by tuple.
struct ct_place {
	struct ct_tuple tuple;
	uint32_t number; /// of the entry
	UT_hash_handle hh;
};

/// A connection as the handlers of events see it: awake. Between two events it may be frozen, when
/// nothing has happened to it for a while: no pointer to it is kept then but in the table itself.
struct ct_entry {
	struct ct_conn conn;
	struct ct_place *place; /// owned; NULL: it is not in the index by tuple
	/// When its mini-socket's or its request's timer was taken off and nobody knows why yet;
	/// CT_NS_UNKNOWN.
	uint64_t cancelled_ns;
	uint64_t answered_ns;	/// when a reset was sent for it last; CT_NS_UNKNOWN
	uint64_t overdue_ns;	/// when its timer must have expired for sure; CT_NS_UNKNOWN
	uint32_t counted_epoch; /// losses told when it was last sure of its own
	struct ct_epochs uncounted;
	uint32_t gap_at;     /// steps of its history at its last gap: one place is told once
	bool torn;	     /// its last events may be missing: nobody knows whether it is open
	bool requested;	     /// its request socket is known
	bool unannounced;    /// its LISTEN → SYN_RECV is not told yet: nobody knows its cookie
	bool expired;	     /// cancelled_ns is that of its time-out
	bool deaf;	     /// the listener of its request is none any more
	bool fin_wait2_mini; /// it is counted as one
	uint16_t told_err;   /// errno of the last error that was told; 0 none
	uint8_t twins;	     /// other children of its request that have not gone yet
	/* from here on it is not kept while it is frozen */
	uint64_t key;		/// as in its slot
	uint32_t number;	/// of its slot
	bool touched;		/// somebody has looked for it since its turn to freeze came last
	bool listed_closed;	/// which list it is in: of those that are closed, or awake
	struct ct_entry *after; /// utlist
	struct ct_entry *before;
};

/// One that nothing is known of.
extern const struct ct_entry ct_entry_unknown;

/// Of two children of one request (twin.c): true of what is told in STATE of the one that goes.
static inline bool ct_table_is_of_twin(const struct ct_entry *entry, uint8_t state)
{
	return entry->twins && state == CT_STATE_SYN_RECV;
}

/// Set in a key that stands for a cookie which is not known.
#define CT_KEY_MADE (1ULL << 63)

/// A place in the heap: its deadline stands by, so that moving looks at no entry.
struct ct_due {
	uint64_t deadline_ns;
	uint32_t number; /// of the entry
};

/// Entries by deadline, the earliest first.
struct ct_heap {
	struct ct_due *dues; /// owned
	size_t n;
	size_t capacity;
	uint32_t *places; /// owned: by number where in dues it is, from 1 on; 0: nowhere
	size_t n_places;  /// there is room for
};

/// Puts, moves or (CT_NS_UNKNOWN) removes the entry NUMBER. 0 or -ENOMEM, nothing has changed then.
int ct_heap_set(struct ct_heap *heap, uint32_t number, uint64_t deadline_ns);
/// The earliest; 0 when there is none.
uint32_t ct_heap_first(const struct ct_heap *heap);
/// When that is; CT_NS_UNKNOWN.
uint64_t ct_heap_first_ns(const struct ct_heap *heap);
void ct_heap_fini(struct ct_heap *heap);

/// A child that was born a short while ago. Its twin is looked for among the last of them.
struct ct_child {
	struct ct_tuple tuple;
	uint64_t key; /// of its entry; 0: none
	uint64_t born_ns;
};
#define CT_CHILDREN_MAX 32

/// Which entry is the newest with a key, as it was looked for last. It is awake.
struct ct_recent {
	uint64_t key;
	struct ct_entry *newest; /// NULL: none is noted
};
#define CT_RECENT_BITS 10

struct ct_conn_table {
	struct ct_slots slots;	 /// of all entries
	struct ct_place *places; /// uthash: requests, and whom a new SYN may replace
	struct ct_heap deadlines;
	struct ct_entry *closed; /// utlist: those that are, in the order in which it was told
	struct ct_entry *awake;	 /// utlist: all others that are not frozen, as their turn comes
	size_t n_awake;
	size_t max_awake; /// so many may be, between two events
	int error;	  /// -ENOMEM: one could not be thawed. Nothing is told any more
	const struct ct_capabilities *capabilities; /// borrowed; NULL: all
	const struct ct_conn_table_ops *ops;
	void *context;
	size_t max_conns;
	size_t n_conns;
	size_t n_fin_wait2_minis;
	uint64_t last_key; /// of those that were made
	uint64_t now_ns;   /// of the event that is being applied
	/// The moment that an update is told of which no event brought, as a tick: a recording
	/// keeps it in its place among what is selected. NULL: at the end of the stream, or for
	/// want of room.
	const struct ct_event *moment;
	struct ct_child children[CT_CHILDREN_MAX];
	size_t n_children; /// ever born
	struct ct_recent recent[1 << CT_RECENT_BITS];
	uint32_t counted_epoch;
	struct ct_epochs uncounted;
	struct ct_conn_table_stats stats;
};

/// Makes of an entry that is in no list what it takes to thaw it; the entry is freed. NULL: there
/// is no memory, and it is unchanged.
uint32_t *ct_entry_freeze(struct ct_entry *entry);
/// The entry as it was, to be given its number and a list; FROZEN is freed. NULL: there is no
/// memory, and FROZEN is unchanged.
struct ct_entry *ct_entry_thaw(uint32_t *frozen, uint64_t key);
/// The generation of an entry that stays frozen.
uint16_t ct_entry_frozen_generation(const uint32_t *frozen);
/// The same without its history, for which memory would be needed.
void ct_entry_melt(uint32_t *frozen, uint64_t key, struct ct_entry *ret);

/// The one way to an entry: it stays awake until ct_table_rest(). NULL: NUMBER is 0; or there is no
/// memory, which table->error says from then on.
struct ct_entry *ct_table_wake(struct ct_conn_table *table, uint32_t number);

/// Nobody is holding an entry now: some of those that nothing happens to are frozen.
void ct_table_rest(struct ct_conn_table *table);

/// ENTRY, which has a slot but no key yet, is awake.
void ct_table_list(struct ct_conn_table *table, struct ct_entry *entry, uint32_t number);
/// It is closed: it leaves soon, and is not frozen any more.
void ct_table_list_closed(struct ct_conn_table *table, struct ct_entry *entry);
/// It leaves.
void ct_table_unlist(struct ct_conn_table *table, struct ct_entry *entry);
/// Nobody finds ENTRY any more.
void ct_entry_free(struct ct_entry *entry);

/// Makes it the newest with its key.
void ct_table_link(struct ct_conn_table *table, struct ct_entry *entry);
void ct_table_unlink(struct ct_conn_table *table, struct ct_entry *entry);

/// The life before ENTRY of the same socket; NULL: none, or table->error.
struct ct_entry *ct_table_older(struct ct_conn_table *table, const struct ct_entry *entry);

/// The life that EVENT is about; NULL when it is not known.
struct ct_entry *ct_table_find(struct ct_conn_table *table, const struct ct_event *event);

/// The newest life of the socket with this cookie; NULL when it is not known.
struct ct_entry *ct_table_find_cookie(struct ct_conn_table *table, uint64_t cookie);

/// A new, empty one for EVENT; room is made if there is none. 0 or -errno.
int ct_table_create(struct ct_conn_table *table, const struct ct_event *event,
		    struct ct_entry **ret);

/// The cookie of ENTRY, which was made without one, has become known.
void ct_table_rekey(struct ct_conn_table *table, struct ct_entry *entry,
		    const struct ct_event *event);

/// Tells everybody that it leaves (its summary, if it is due), and frees it.
int ct_table_remove(struct ct_conn_table *table, struct ct_entry *entry);

/// Hands an update of ENTRY (NULL: of none) on, and notes what it is waiting for from now on.
int ct_table_tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update);

/// Notes that events of it are missing at this place.
int ct_table_gap(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns);

/// Its beginning is not known, and may have been missed: it need not be older than the tracer.
void ct_table_note_unseen(struct ct_entry *entry);

/// Both of one whose beginning is not known, if it may be among what was lost.
int ct_table_gap_if_lost(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns);

/// No event of it has come since that would tell what was missing; at its end, none is to come.
bool ct_table_may_have_missed(const struct ct_conn_table *table, const struct ct_entry *entry);

/// Events of it may be missing since it entered the state that it is in.
bool ct_table_is_doubtful(const struct ct_conn_table *table, const struct ct_entry *entry);

/// Events of it may be missing that nobody counted.
bool ct_table_may_miss(const struct ct_conn_table *table, const struct ct_entry *entry);

/// The socket, mini-socket or request is gone: its history ends, the grace period begins.
void ct_table_close(struct ct_entry *entry, uint64_t at_ns, uint64_t *ret_in_state_ns);

/// Adds what EVENT tells of its connection; only a full socket knows the owner.
void ct_table_merge_id(struct ct_conn_id *id, const struct ct_event *event);

/// Finds, adopts or makes the life of EVENT, and merges what the event tells of it. 0 or -errno.
int ct_table_entry_of(struct ct_conn_table *table, const struct ct_event *event,
		      struct ct_entry **ret);

/// The same for what is not worth an entry if it is gone: *ret is NULL then.
int ct_table_entry_if_alive(struct ct_conn_table *table, const struct ct_event *event,
			    struct ct_entry **ret);

/// It is met in the midst of its life: in STATE, since nobody knows when. 0 or -ENOMEM.
int ct_table_meet(struct ct_entry *entry, uint8_t state);
/// The same by something that happens to it: if events were lost, its beginning may be among them.
int ct_table_meet_late(struct ct_conn_table *table, struct ct_entry *entry,
		       const struct ct_event *event);

/// The enum ct_state that it is in: CLOSE once it is gone, NONE when not known.
uint8_t ct_table_state_of(const struct ct_conn *conn);

/// What having been in STATE says of the FINs: also of a state that it was found in.
void ct_table_note_fins(struct ct_conn *conn, uint8_t state);

void ct_table_tuple_of(const struct ct_conn_id *id, struct ct_tuple *ret);

/// Remembers a child that was born.
void ct_table_note_child(struct ct_conn_table *table, const struct ct_entry *entry,
			 const struct ct_event *event);
/// The life of the child whose twin EVENT, of a cookie that nobody knows, is about; NULL: of none.
struct ct_entry *ct_table_twin_of(struct ct_conn_table *table, const struct ct_event *event);

/// Makes ENTRY the one that is found by its addresses, instead of whoever was. 0 or -ENOMEM.
int ct_table_index(struct ct_conn_table *table, struct ct_entry *entry);
void ct_table_unindex(struct ct_conn_table *table, struct ct_entry *entry);

/// Whom the addresses of EVENT belong to, among those that are indexed; NULL: nobody.
struct ct_entry *ct_table_by_tuple(struct ct_conn_table *table, const struct ct_event *event);

/// The timer of its mini-socket or request is due TIMEOUT_NS after NOW_NS.
void ct_table_arm(struct ct_entry *entry, uint64_t now_ns, uint64_t timeout_ns);
/// It has none any more.
void ct_table_disarm(struct ct_entry *entry);

/// A reset was sent for it right before its timer was taken off.
bool ct_table_is_answered(const struct ct_entry *entry);

/// Until then the cookie of a request that is not announced yet may become known.
uint64_t ct_table_announced_ns(const struct ct_entry *entry);
/// When it is clear that nothing follows on the end of its timer.
uint64_t ct_table_settled_ns(const struct ct_entry *entry);
/// When the end of its timer was not seen. All three: CT_NS_UNKNOWN never.
uint64_t ct_table_overdue_ns(const struct ct_entry *entry);

/// The next moment at which something about ENTRY is due; CT_NS_UNKNOWN: never.
uint64_t ct_table_deadline_of(const struct ct_entry *entry);

/// What the first of those that wait for something was waiting for has come.
int ct_table_on_deadline(struct ct_conn_table *table);

/// In mini.c: a full socket in a state from which a mini-socket takes over.
bool ct_table_may_become_mini(const struct ct_conn *conn);

/// Enters the STATE that a mini-socket stands for; UPDATE becomes that transition, if it
/// is one. 0 or -ENOMEM.
int ct_table_enter_mini(struct ct_entry *entry, uint8_t state, uint8_t basis, uint64_t at_ns,
			struct ct_update *update);

/// Its mini-socket or request is gone; UPDATE becomes that transition.
void ct_table_leave(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns,
		    enum ct_left_by left_by, struct ct_update *update);

/// Its mini-socket's timer was taken off, and nothing that would say why has followed.
void ct_table_settle_mini(struct ct_conn_table *table, struct ct_entry *entry,
			  struct ct_update *update);

/// A handshake begins with the addresses of EVENT: a mini-socket that has just gone has made way
/// for it.
int ct_table_recycle(struct ct_conn_table *table, const struct ct_event *event);

/// The request that EVENT is about, by its addresses, when its cookie was not known;
/// now it is. NULL: none.
struct ct_entry *ct_table_adopt(struct ct_conn_table *table, const struct ct_event *event);

/// The entry of a request socket whose SYN-ACK was sent again. 0 or -errno.
int ct_table_request_of(struct ct_conn_table *table, const struct ct_event *event,
			struct ct_entry **ret);

/// A request is met in the midst of its life. 0 or -ENOMEM.
int ct_table_meet_request(struct ct_conn_table *table, struct ct_entry *entry);

/// A request of a listener that is known is, for the time being, of the listener's owner.
int ct_table_inherit(struct ct_conn_table *table, struct ct_entry *entry, uint64_t listener);

/// Tells its LISTEN → SYN_RECV, if that is not told yet, with the time of its SYN; EVENT (NULL: of
/// another update) is told in any case.
int ct_table_announce(struct ct_conn_table *table, struct ct_entry *entry,
		      const struct ct_event *event);

/// Its timer has expired, or was taken off, and neither a new one nor a child has followed.
void ct_table_settle_request(struct ct_conn_table *table, struct ct_entry *entry,
			     struct ct_update *update);

/// The child of a request is there.
void ct_table_complete(struct ct_entry *entry);

/// Handlers of events: transition.c, mini.c, request.c, reset.c, found.c.
int ct_table_on_state(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_timewait(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_request(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_reset(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_counters(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_options(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_found(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_owner(struct ct_conn_table *table, const struct ct_event *event);

/// Hands on an update that may be of no connection: it tells the addresses of its event then.
int ct_table_tell_anyhow(struct ct_conn_table *table, struct ct_entry *entry,
			 struct ct_update *update);
