// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows what a recording is worth when its recorder is killed, its disk is full or broken, or its
// file is deleted or cut meanwhile.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/recording.h"

#define EXIT_RUNTIME 1
#define WAIT_MS	     30000
#define CHURN_MS     2500
#define SILENCE_MS   2000 /// a frame spans a second, and is told to go out ten times in that
#define MISSING_MS   3000
#define POLL_MS	     50
#define RING_FILES   32
#define RING_CHURN   200
#define RING_ROUNDS  500
#define FSIZE	     32768
#define FSIZE_ROUNDS 100

static void assert_says(const struct e2e_tracer *tracer, const char *name, const char *what)
{
	char *said = e2e_tracer_stderr(tracer);

	if (!strstr(said, name) || !strstr(said, what))
		fail_msg("'%s' and '%s' are not in what it said: %s", name, what, said);
	free(said);
}

/// What `info` tells of a recording, whatever its exit status; that is asked for, too. The caller
/// owns it.
static json_t *ask_info(const char *recording, int want_status)
{
	struct e2e_output output;
	json_t *objects, *info;

	E2E_CONNTRACE(&output, "info", "--json", recording);
	if (output.status != want_status)
		fail_msg("info exited %d, wanted %d: %s", output.status, want_status, output.err);
	objects = e2e_events_parse(output.out, output.out_bytes);
	assert_int_equal(json_array_size(objects), 1);
	info = json_incref(json_array_get(objects, 0));
	json_decref(objects);
	e2e_output_free(&output);
	return info;
}

static long long real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Of a recording that is being written.
static long long frames_in(const char *recording)
{
	struct e2e_output output;
	json_t *objects;
	long long frames = 0;

	E2E_CONNTRACE(&output, "info", "--json", recording);
	objects = e2e_events_parse(output.out, output.out_bytes);
	if (json_array_size(objects))
		frames = e2e_event_number(json_array_get(objects, 0), "frames");
	json_decref(objects);
	e2e_output_free(&output);
	return frames;
}

/// Whoever waits in vain finds out from what is missing.
static void wait_for_a_frame(const char *recording)
{
	for (int ms = 0; ms < WAIT_MS && !frames_in(recording); ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
}

static void killed_in_the_midst_of_churn_all_but_the_last_frame_is_there(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "killed.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording);
	long long killed_ns;
	json_t *info;

	e2e_churn_noise(e2e, e2e_port(0));
	wait_for_a_frame(recording);
	e2e_sleep_ms(CHURN_MS);
	killed_ns = real_ns();
	kill(tracer->pid, SIGKILL);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 128 + SIGKILL);
	info = ask_info(recording, EXIT_RUNTIME);
	e2e_assert_has(info, "{s:b, s:b, s:i}", "finished", false, "whole", false, "damaged_frames",
		       0);
	assert_true(e2e_event_number(info, "frames") > 0);
	assert_non_null(strstr(e2e_event_text(info, "problem"), "no index"));
	assert_true(e2e_event_number(info, "last_ns") >
		    killed_ns - 1000000LL * e2e_patience(MISSING_MS));
	json_decref(info);
}

static size_t count_established(const char *recording, const struct e2e_pair *pair)
{
	json_t *events = e2e_recording_events(recording);
	size_t n = 0;

	n += e2e_events_count(events, "{s:s, s:s, s:s}", "event", "state", "conn",
			      pair->client_conn, "to", "ESTABLISHED");
	n += e2e_events_count(events, "{s:s, s:s, s:s}", "event", "state", "conn",
			      pair->server_conn, "to", "ESTABLISHED");
	json_decref(events);
	return n;
}

/// argument: the command. No event comes behind that would push the frame out.
static void what_came_before_a_silence_survives_a_kill(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "silent.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, e2e->argument, "-w", recording, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	for (int ms = 0; ms < e2e_patience(SILENCE_MS) && count_established(recording, &pair) < 2;
	     ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
	kill(tracer->pid, SIGKILL);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 128 + SIGKILL);
	assert_int_equal(count_established(recording, &pair), 2);
}

static void second_sigint_does_not_cut_the_end_short(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "twice.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "--sync", "frame", "-w", recording);

	e2e_churn_noise(e2e, e2e_port(0));
	e2e_sleep_ms(500);
	for (int i = 0; i < 2; i++) {
		kill(tracer->pid, SIGINT);
		e2e_sleep_ms(5);
	}
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);
	json_decref(ask_info(recording, 0));
}

static const char *mount_disk(struct e2e *e2e, const char *size)
{
	const char *disk = e2e_path(e2e, "disk");

	assert_int_equal(mkdir(disk, 0755), 0);
	assert_int_equal(mount("none", disk, "tmpfs", 0, size), 0);
	return disk;
}

static bool has_said(const struct e2e_tracer *tracer, const char *what)
{
	char *said = e2e_tracer_stderr(tracer);
	bool has = strstr(said, what) != NULL;

	free(said);
	return has;
}

/// Churns until the tracer has said it; false: it has ended, or there was too much of it.
static bool churn_until(struct e2e *e2e, struct e2e_tracer *tracer, const char *what)
{
	bool said = false;
	int status;

	for (int round = 0; round < RING_ROUNDS && !said; round++) {
		if (e2e_process_has_ended(tracer->pid, &status)) {
			e2e_untrack(e2e, tracer->pid);
			tracer->pid = 0;
			return false;
		}
		e2e_churn(e2e, e2e_port(0), RING_CHURN);
		said = has_said(tracer, what);
	}
	return said;
}

/// Events that the head of a file says are lost, or 0; they stand there and nowhere else.
static long long lost_before(const char *recording)
{
	json_t *events = e2e_recording_events(recording);
	size_t losses = e2e_events_count(events, "{s:s}", "event", "lost");
	const json_t *first = json_array_get(events, 0);
	long long lost = 0;

	if (losses) {
		assert_int_equal(losses, 1);
		e2e_assert_has(first, "{s:s, s:s}", "event", "lost", "where", "disk");
		lost = e2e_event_number(first, "events");
		assert_true(lost > 0);
	}
	json_decref(events);
	return lost;
}

/// What the kernel keeps from all tracers is none of the disk's.
static void expect_no_other_loss(const struct e2e_tracer *tracer)
{
	if (has_said(tracer, "recursion "))
		e2e_again("the kernel left programs out");
}

static void ring_goes_on_when_the_disk_is_full_and_tells_what_is_missing(void **state)
{
	struct e2e *e2e = *state;
	const char *recording;
	struct e2e_tracer *tracer;
	long long lost = 0;

	recording = e2e_format(e2e, "%s/x", mount_disk(e2e, "size=128k"));
	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-w", recording, "-C", "16K", "-W", "32", "--no-snapshot",
			   "-P", e2e_port_text(e2e, 0));
	if (!churn_until(e2e, tracer, "events are lost"))
		fail_msg("the disk was not filled: %s", e2e_tracer_stderr(tracer));
	e2e_tracer_stop(tracer, 0);
	expect_no_other_loss(tracer);
	for (int i = 0; i < RING_FILES; i++) {
		const char *file = e2e_format(e2e, "%s%02d", recording, i);

		if (!access(file, F_OK))
			lost += lost_before(file);
	}
	assert_true(lost > 0);
	assert_says(tracer, recording, e2e_format(e2e, "%lld lost\n", lost));
	assert_says(tracer, "were lost", e2e_format(e2e, "(disk %lld)", lost));
	assert_int_equal(access(e2e_format(e2e, "%s31", recording), F_OK), -1);
}

static void fill_disk(const char *path)
{
	static const char page[4096];
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(page, sizeof(page), 1, file) == 1)
		;
	fclose(file);
}

static void wait_for_file(const char *path)
{
	for (int ms = 0; ms < WAIT_MS && access(path, F_OK); ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
	assert_int_equal(access(path, F_OK), 0);
}

/// A file can still be made on such a disk, but nothing be written to it.
static void ring_goes_on_in_its_oldest_when_there_is_no_room_for_another(void **state)
{
	struct e2e *e2e = *state;
	const char *disk = mount_disk(e2e, "size=512k");
	const char *recording = e2e_format(e2e, "%s/x", disk);
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-C", "64K", "-G",
					      "1s", "-W", "32", "--no-snapshot", "-P", "1");

	wait_for_file(e2e_format(e2e, "%s02", recording));
	fill_disk(e2e_format(e2e, "%s/fill", disk));
	for (int ms = 0; ms < WAIT_MS && !has_said(tracer, "room on the disk"); ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
	e2e_tracer_stop(tracer, 0);
	assert_says(tracer, "x00' is overwritten", "no room on the disk for another file");
	json_decref(ask_info(e2e_format(e2e, "%s00", recording), 0));
	json_decref(ask_info(e2e_format(e2e, "%s01", recording), 0));
}

/// Churns until the tracer has ended by itself. Its exit status; -1: it goes on.
static int churn_to_the_end(struct e2e *e2e, const struct e2e_tracer *tracer, int rounds)
{
	int status = -1;

	for (int i = 0; i < rounds && !e2e_process_has_ended(tracer->pid, &status); i++)
		e2e_churn(e2e, e2e_port(0), RING_CHURN);
	if (status >= 0)
		e2e_untrack(e2e, tracer->pid);
	return status;
}

/// Each of its files is a page that holds a header: no frame fits where one of them was.
static void ring_whose_files_make_no_room_ends(void **state)
{
	struct e2e *e2e = *state;
	const char *disk = mount_disk(e2e, "size=512k");
	const char *recording = e2e_format(e2e, "%s/x", disk);
	struct e2e_tracer *tracer;

	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-w", recording, "-C", "64K", "-G", "1s", "-W", "32",
			   "--no-snapshot", "-P", e2e_port_text(e2e, 0));
	wait_for_file(e2e_format(e2e, "%s02", recording));
	fill_disk(e2e_format(e2e, "%s/fill", disk));
	assert_int_equal(churn_to_the_end(e2e, tracer, RING_ROUNDS), EXIT_RUNTIME);
	assert_says(tracer, "events are lost", "is overwritten");
	assert_says(tracer, "cannot write the recording", "No space left on device");
}

static void file_that_may_not_grow_is_an_error_and_no_signal(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "limited.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));
	const struct rlimit limit = {FSIZE, FSIZE};
	struct stat st;
	json_t *info;

	e2e_churn_widen_ports();
	assert_int_equal(prlimit(tracer->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	assert_int_equal(churn_to_the_end(e2e, tracer, FSIZE_ROUNDS), EXIT_RUNTIME);
	assert_says(tracer, recording, "File too large");
	assert_int_equal(stat(recording, &st), 0);
	assert_in_range(st.st_size, 1, FSIZE);
	info = ask_info(recording, EXIT_RUNTIME);
	e2e_assert_has(info, "{s:i, s:i}", "cut_bytes", 0, "damaged_frames", 0);
	json_decref(info);
}

/// Runs a shell command; its exit status.
static int shell(const char *script)
{
	struct e2e_output output;
	int status;

	e2e_process_run((const char *const[]){"sh", "-c", script, NULL}, &output);
	status = output.status;
	if (status)
		print_message("%s%s", output.out, output.err);
	e2e_output_free(&output);
	return status;
}

/// A file system of its own that the kernel can be made to give up: it is read-only then, with
/// files open, as after an error of the disk.
static void disk_that_becomes_read_only_ends_a_recording_that_stays_readable(void **state)
{
	struct e2e *e2e = *state;
	const char *disk = e2e_path(e2e, "disk"), *recording = e2e_path(e2e, "disk/x.ctr");
	const char *mount_it = e2e_format(e2e, "mount -o loop '%s/image' '%s'", e2e->dir, disk);
	struct e2e_tracer *tracer;
	json_t *info;

	assert_int_equal(mkdir(disk, 0755), 0);
	if (shell(e2e_format(e2e,
			     "PATH=$PATH:/sbin:/usr/sbin; truncate -s 16M '%s/image' && "
			     "mkfs.ext4 -q '%s/image' && %s",
			     e2e->dir, e2e->dir, mount_it)))
		e2e_skip("no ext4 file system can be made and mounted here");
	tracer = E2E_TRACE(e2e, "record", "--sync", "frame", "-w", recording, "-P",
			   e2e_port_text(e2e, 0));
	e2e_churn(e2e, e2e_port(0), RING_CHURN);
	wait_for_a_frame(recording);
	if (shell(e2e_format(e2e, "mount -o remount,abort '%s'", disk)))
		print_message("as it should\n"); /* the kernel calls that an error itself */
	e2e_churn(e2e, e2e_port(0), RING_CHURN);
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), EXIT_RUNTIME);
	assert_says(tracer, recording, "cannot write the recording");
	assert_says(tracer, "Read-only file system", "it holds what came before");

	/* what was put on the disk is on it */
	assert_int_equal(shell(e2e_format(e2e, "umount '%s' && %s", disk, mount_it)), 0);
	info = ask_info(recording, EXIT_RUNTIME);
	assert_true(e2e_event_number(info, "frames") > 0);
	json_decref(info);
	assert_int_equal(shell(e2e_format(e2e, "umount '%s'", disk)), 0);
}

/// Starts to record, and waits until something is in the file.
static struct e2e_tracer *record_something(struct e2e *e2e, const char *recording)
{
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));

	e2e_churn(e2e, e2e_port(0), 10);
	wait_for_a_frame(recording);
	return tracer;
}

static void deleted_recording_is_told(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "deleted.ctr");
	struct e2e_tracer *tracer = record_something(e2e, recording);

	assert_int_equal(unlink(recording), 0);
	e2e_churn(e2e, e2e_port(0), 10);
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), EXIT_RUNTIME);
	assert_says(tracer, recording, "was deleted while it was written; what it held is gone");
}

static void recording_that_was_cut_is_told(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "cut.ctr");
	struct e2e_tracer *tracer = record_something(e2e, recording);
	struct stat st;

	assert_int_equal(stat(recording, &st), 0);
	assert_int_equal(truncate(recording, st.st_size - 1), 0);
	e2e_churn(e2e, e2e_port(0), 10);
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), EXIT_RUNTIME);
	assert_says(tracer, recording, "was cut by somebody else while it was written");
	json_decref(ask_info(recording, EXIT_RUNTIME));
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(killed_in_the_midst_of_churn_all_but_the_last_frame_is_there),
	E2E_TEST_WITH("what_came_before_a_silence_survives_a_kill_of_record",
		      what_came_before_a_silence_survives_a_kill, "record"),
	E2E_TEST_WITH("what_came_before_a_silence_survives_a_kill_of_watch",
		      what_came_before_a_silence_survives_a_kill, "watch"),
	E2E_TEST(second_sigint_does_not_cut_the_end_short),
	E2E_TEST(ring_goes_on_when_the_disk_is_full_and_tells_what_is_missing),
	E2E_TEST(ring_goes_on_in_its_oldest_when_there_is_no_room_for_another),
	E2E_TEST(ring_whose_files_make_no_room_ends),
	E2E_TEST(file_that_may_not_grow_is_an_error_and_no_signal),
	E2E_TEST(disk_that_becomes_read_only_ends_a_recording_that_stays_readable),
	E2E_TEST(deleted_recording_is_told),
	E2E_TEST(recording_that_was_cut_is_told),
};

E2E_MAIN("record_faults", tests)
