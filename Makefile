# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make help lists the targets. V=1 shows the commands. For another machine, into build/arm64/:
# make deps ARCH=arm64, then make ARCH=arm64

VERSION := 0.1.0

# What there is to know of a machine, by the kernel's name for it.
triplet_x86   := x86_64-linux-gnu
triplet_arm64 := aarch64-linux-gnu
debian_x86    := amd64
debian_arm64  := arm64

HOST_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
ARCH      ?= $(HOST_ARCH)
TRIPLET   := $(triplet_$(ARCH))
ifndef TRIPLET
$(error ARCH=$(ARCH) is not supported: x86 and arm64 are)
endif

# Set when it is not the machine at hand that is built for.
CROSS         := $(filter-out $(HOST_ARCH),$(ARCH))
CROSS_COMPILE ?= $(if $(CROSS),$(TRIPLET)-)
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
CLANG      ?= clang
PKG_CONFIG ?= pkg-config
# /usr/sbin is not in everybody's PATH.
BPFTOOL     = $(shell PATH="$$PATH:/usr/sbin:/sbin" && command -v bpftool || echo bpftool)

PREFIX  ?= /usr/local
DESTDIR ?=
ARGS    ?=
V       ?=

CFLAGS  ?= -O3 -g
LDFLAGS ?=
# The program is optimised as one: what stands for each event is many small functions in many files.
# Tests are linked of the same objects as they are. LTO= on the command line leaves it out, and so do
# CFLAGS that say something of it themselves.
LTO     ?= $(if $(findstring clang,$(CC))$(findstring lto,$(CFLAGS)),,-flto=auto -ffat-lto-objects)

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/conntrace

# The other machine's libraries: those of this machine's multiarch where they are, else a tree that
# make deps unpacks them into.
ifndef CROSS
SYSROOT ?=
else ifeq ($(origin SYSROOT),undefined)
SYSROOT := $(if $(wildcard /usr/lib/$(TRIPLET)/pkgconfig/libbpf.pc),,$(CACHE)/sysroot-$(ARCH))
endif
SYSROOT_FLAGS := $(if $(SYSROOT),--sysroot=$(SYSROOT))

BUILD_TOOLS     := clang bpftool scdoc pkg-config
BUILD_LIBRARIES := libc6-dev libbpf-dev libelf-dev zlib1g-dev libzstd-dev libxxhash-dev \
	libcap-ng-dev libseccomp-dev uthash-dev libsmartcols-dev
TEST_TOOLS      := nftables iproute2 zstd clang-format clang-tidy procps nginx apache2-utils \
	zsh
TEST_LIBRARIES  := libcmocka-dev libjansson-dev
# Large, and of use to one suite: without them it is skipped.
BROWSER_TOOLS   := chromium chromium-driver python3-selenium
VM_TOOLS        := qemu-system-x86 busybox-static kmod xz-utils \
	$(if $(KERNEL),$(if $(filter %arm64,$(KERNEL)),qemu-system-arm),qemu-system-arm)

BUILD := build$(if $(CROSS),/$(ARCH))
ASAN  := $(BUILD)/asan
COV   := $(BUILD)/cov

# Asked for once, and only when a recipe needs it: on a fresh machine pkg-config itself may come to
# be installed by this very run.
PKGS        := 'libbpf >= 1.1' libzstd libxxhash smartcols libcap-ng 'libseccomp >= 2.5'
TEST_PKGS   := cmocka jansson
PKG_ASK      = $(if $(CROSS),PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig \
	PKG_CONFIG_SYSROOT_DIR=$(SYSROOT)) $(PKG_CONFIG)
PKG_CFLAGS   = $(eval PKG_CFLAGS := $$(shell $(PKG_ASK) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS     = $(eval PKG_LIBS := $$(shell $(PKG_ASK) --libs $(PKGS)))$(PKG_LIBS)
TEST_LIBS    = $(eval TEST_LIBS := $$(shell $(PKG_ASK) --libs $(TEST_PKGS)))$(TEST_LIBS)

WARN_FLAGS  := -Wall -Wextra -Werror
CT_CPPFLAGS  = $(SYSROOT_FLAGS) -D_GNU_SOURCE -DCT_VERSION='"$(VERSION)"' -Iinclude -I$(BUILD) \
	$(PKG_CFLAGS)
CT_CFLAGS   := -std=gnu11 $(WARN_FLAGS)
CT_LDFLAGS  := $(SYSROOT_FLAGS) -Wl,--as-needed
TEST_LDFLAGS = $(CT_LDFLAGS) $(if $(LTO),-fno-lto)
# cmocka hands every test a state that few of them use.
TEST_FLAGS  := -Itests -Wno-unused-parameter
ASAN_FLAGS  := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
COV_FLAGS   := -O0 -g --coverage
# The arguments that a tracepoint has are not ours to choose.
BPF_FLAGS    = -target bpf -mcpu=v3 -O2 -g -D__TARGET_ARCH_$(ARCH) -Ivmlinux -Iinclude -Ibpf \
	$(SYSROOT_FLAGS) $(PKG_CFLAGS) $(WARN_FLAGS) -Wno-unused-parameter

SRCS       := $(wildcard src/*.c src/*/*.c)
OBJS       := $(SRCS:%.c=$(BUILD)/obj/%.o)
SKELETON   := $(BUILD)/conntrace.skel.h
# What this machine can ask the program for: not when it is for another.
COMPLETIONS := $(if $(CROSS),,$(addprefix $(BUILD)/completions/,conntrace.bash _conntrace))
PAGE       := $(BUILD)/page.h
PAGE_PARTS := $(addprefix src/report/page/,page.html style.css text.js lives.js chart.js life.js findings.js \
	table.js main.js)
MAN        := $(patsubst doc/%.scd,$(BUILD)/man/%,$(wildcard doc/*.scd))
UNIT_TESTS := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
E2E_TESTS  := $(patsubst tests/e2e/e2e_%.c,%,$(wildcard tests/e2e/e2e_*.c))
FUZZERS    := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
C_FILES     = $(wildcard bpf/*.[ch] include/*/*.h src/*.[ch] src/*/*.[ch] tests/*/*.[ch] bench/*.[ch] \
	demo/*.[ch])

UNIT_PROGRAMS := $(UNIT_TESTS:%=$(BUILD)/unit/test_%)
ASAN_PROGRAMS := $(UNIT_TESTS:%=$(ASAN)/unit/test_%)
COV_PROGRAMS  := $(UNIT_TESTS:%=$(COV)/unit/test_%)
E2E_PROGRAMS  := $(E2E_TESTS:%=$(BUILD)/e2e/e2e_%)
FUZZ_REPLAYS  := $(FUZZERS:%=$(ASAN)/fuzz/fuzz_%)
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,bench churn bulk idle)
DEMO := $(BUILD)/demo

BROWSER_PAGES := $(BUILD)/browser/browser_pages

# What each unit test links, and nothing else: a stage that reaches for a later one does not build.
# The name is that of tests/unit/test_NAME.c.
RECORD_SRCS := $(addprefix src/record/,model.c encoder.c decoder.c file.c format.c frame.c input.c reader.c \
	replay.c sink.c writer.c) src/decode.c src/base/buf.c

UNIT_SRCS_addr        := src/base/addr.c src/base/number.c
UNIT_SRCS_buf         := src/base/buf.c
UNIT_SRCS_cleanup     :=
UNIT_SRCS_completion   = $(UNIT_SRCS_options) src/cli/offer.c $(wildcard src/cli/completion*.c)
UNIT_SRCS_confine     := $(wildcard src/confine/*.c) src/sink/spool.c src/sink/sink_out.c src/base/buf.c
UNIT_SRCS_cost        := src/cli/cost.c $(addprefix src/base/,json_writer.c buf.c text.c timefmt.c)
UNIT_SRCS_json_writer := $(addprefix src/base/,json_writer.c buf.c text.c)
UNIT_SRCS_log         := src/base/log.c src/base/text.c src/base/buf.c
UNIT_SRCS_number      := src/base/number.c
UNIT_SRCS_ports       := src/base/ports.c
UNIT_SRCS_options     := src/cli/options.c src/cli/option_table.c src/cli/option_values.c \
	src/cli/option_select.c src/cli/option_cgroup.c src/cli/help.c src/cli/examples.c src/cli/suggest.c \
	$(addprefix src/select/,match.c judge.c expression.c parse.c term.c lexer.c) src/names.c \
	$(wildcard src/sink/*.c src/base/*.c src/doctor/*.c) src/report/by.c src/history.c src/conn.c \
	src/capability.c
UNIT_SRCS_options_expression := $(UNIT_SRCS_options)
UNIT_SRCS_options_list := $(UNIT_SRCS_options)
UNIT_SRCS_options_report := $(UNIT_SRCS_options)
UNIT_SRCS_record_codec := $(addprefix src/record/,model.c encoder.c decoder.c) src/decode.c
UNIT_SRCS_recording   := $(RECORD_SRCS) tests/unit/recording_fixture.c
UNIT_SRCS_recording_damage  := $(RECORD_SRCS) $(addprefix tests/unit/recording_,fixture.c sample.c)
UNIT_SRCS_recording_hostile := $(UNIT_SRCS_recording_damage)
UNIT_SRCS_recording_faults  := $(UNIT_SRCS_recording_damage)
UNIT_SRCS_recording_file    := src/record/file.c
UNIT_SRCS_decode      := src/decode.c tests/unit/build_event.c
UNIT_SRCS_file_names  := src/cli/file_names.c
UNIT_SRCS_frozen      := src/table/frozen.c src/history.c
UNIT_SRCS_heap        := src/table/heap.c
UNIT_SRCS_help        := $(UNIT_SRCS_options)
UNIT_SRCS_history     := src/history.c
UNIT_SRCS_hooks       := src/live/hooks.c src/names.c
UNIT_SRCS_moment      := src/live/moment.c src/decode.c
UNIT_SRCS_names       := src/names.c
UNIT_SRCS_slots       := src/table/slots.c
UNIT_SRCS_suggest     := $(UNIT_SRCS_options)
UNIT_SRCS_symbols     := src/live/symbols.c
UNIT_SRCS_text        := src/base/text.c src/base/buf.c
UNIT_SRCS_timefmt     := src/base/timefmt.c

WORDS_SRCS  := src/sink/words.c src/sink/words_detail.c src/sink/sink_out.c src/history.c src/names.c \
	$(addprefix src/base/,addr.c buf.c number.c text.c timefmt.c)
WORDS_SRCS  += src/sink/words_found.c
FIELD_SRCS  := $(addprefix src/sink/,field.c field_identity.c field_event.c field_summary.c \
	field_options.c sink_out.c) src/names.c \
	$(addprefix src/base/,addr.c buf.c json_writer.c number.c text.c timefmt.c)
REPORT_SRCS := $(wildcard src/report/*.c src/doctor/*.c) src/sink/spool.c src/capability.c

UNIT_SRCS_tally       := src/cli/tally.c $(WORDS_SRCS)
UNIT_SRCS_terminal    := src/cli/terminal.c $(WORDS_SRCS)
UNIT_SRCS_wrap        := $(WORDS_SRCS)
UNIT_SRCS_capabilities := $(addprefix src/cli/,capabilities.c terminal.c) src/capability.c \
	src/base/json_writer.c $(WORDS_SRCS)

UNIT_SRCS_sink_csv    := src/sink/sink_csv.c $(FIELD_SRCS)
UNIT_SRCS_sink_json   := src/sink/sink_json.c $(FIELD_SRCS)
UNIT_SRCS_sink_summary := $(UNIT_SRCS_sink_json)
UNIT_SRCS_sink_table  := src/sink/sink_table.c src/sink/fit.c $(WORDS_SRCS)
UNIT_SRCS_report      := $(REPORT_SRCS) src/sink/sink_json.c src/sink/sink_csv.c \
	$(sort $(FIELD_SRCS) $(WORDS_SRCS))
UNIT_SRCS_report_sections := $(UNIT_SRCS_report)
UNIT_SRCS_report_groups := $(addprefix src/report/,groups.c by.c columns.c report_text.c) src/capability.c \
	$(WORDS_SRCS)
UNIT_SRCS_report_percentiles := $(addprefix src/report/,percentiles.c histogram.c columns.c) $(WORDS_SRCS)
UNIT_SRCS_report_timeline := $(addprefix src/report/,timeline.c worst.c report_text.c) src/capability.c \
	$(WORDS_SRCS)
UNIT_SRCS_report_html := $(wildcard src/report/html*.c src/doctor/*.c) src/report/page.c src/sink/spool.c \
	src/capability.c src/report/report_text.c $(sort $(FIELD_SRCS) $(WORDS_SRCS))
UNIT_SRCS_report_html_bound := $(UNIT_SRCS_report_html)
UNIT_SRCS_report_html_chart := $(addprefix src/report/,html_chart.c html_json.c) $(UNIT_SRCS_json_writer)
UNIT_SRCS_report_memory := $(UNIT_SRCS_report)
UNIT_SRCS_sink        := $(addprefix src/sink/,sink.c sink_csv.c sink_json.c sink_table.c fit.c) \
	$(sort $(FIELD_SRCS) $(WORDS_SRCS))
UNIT_SRCS_sink_found  := src/sink/sink_list.c src/sink/list_memory.c $(UNIT_SRCS_sink)
UNIT_SRCS_sink_list   := $(UNIT_SRCS_sink_found)
UNIT_SRCS_fit         := $(UNIT_SRCS_sink_found)
UNIT_SRCS_list_memory := src/sink/list_memory.c
UNIT_SRCS_stop        := src/cli/stop.c
UNIT_SRCS_screen      := src/cli/screen.c src/base/buf.c
UNIT_SRCS_progress    := $(addprefix src/cli/,progress.c terminal.c) src/base/log.c $(WORDS_SRCS)
UNIT_SRCS_progress_read := $(addprefix src/cli/,progress.c progress_read.c stop.c terminal.c) src/base/log.c \
	$(sort $(WORDS_SRCS) $(RECORD_SRCS)) tests/unit/recording_fixture.c

# A whole life: the builder of events, the table they go into, the words it answers with.
LIFE_SRCS   := $(addprefix tests/unit/,build_event.c told.c) src/decode.c src/names.c src/history.c \
	src/conn.c
TABLE_SRCS  := $(addprefix src/table/,apply.c awake.c conn_table.c deadline.c due.c entry.c found.c frozen.c \
	gap.c heap.c identity.c mini.c owner.c request.c reset.c slots.c state.c tell.c transition.c tuple.c \
	twin.c) src/verdict.c \
	$(addprefix src/base/,addr.c number.c)
DETECT_SRCS := $(addprefix src/detect/,detect.c stuck.c failure.c half_close.c half_open.c probe.c reset.c \
	retransmit.c simultaneous.c time_wait_killed.c)
SELECT_SRCS := $(addprefix src/select/,match.c judge.c expression.c selector.c)
EXPRESSION_SRCS := $(addprefix src/select/,match.c judge.c expression.c parse.c term.c lexer.c) src/names.c \
	$(addprefix src/base/,addr.c buf.c number.c text.c timefmt.c)

UNIT_SRCS_doctor := $(wildcard src/doctor/*.c) $(sort $(WORDS_SRCS) $(FIELD_SRCS)) src/capability.c
UNIT_SRCS_doctor_silent := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_netns := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_ports := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_ended := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_over  := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_short := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_full := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_reset := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_culprit := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_readers := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_path := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_blocked := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_connect := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_many := $(UNIT_SRCS_doctor)
UNIT_SRCS_doctor_stuck := $(UNIT_SRCS_doctor)

UNIT_SRCS_conn_table      := tests/unit/world.c $(TABLE_SRCS) $(LIFE_SRCS)
UNIT_SRCS_conn_table_frozen := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_loss := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_blind := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_mini := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_left := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_probes := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_cause := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_found := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_look := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_unseen := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_request := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_request_end := $(UNIT_SRCS_conn_table)
UNIT_SRCS_conn_table_twin    := $(UNIT_SRCS_conn_table)
UNIT_SRCS_detect          := $(DETECT_SRCS) $(UNIT_SRCS_conn_table)
UNIT_SRCS_detect_failure  := $(UNIT_SRCS_detect)
UNIT_SRCS_detect_half_open := $(UNIT_SRCS_detect)
UNIT_SRCS_detect_found    := $(UNIT_SRCS_detect)
UNIT_SRCS_detect_gap      := $(UNIT_SRCS_detect)
UNIT_SRCS_select          := $(addprefix src/select/,match.c judge.c expression.c) \
	$(addprefix src/base/,addr.c number.c)
UNIT_SRCS_expression      := $(EXPRESSION_SRCS)
UNIT_SRCS_expression_judge := $(EXPRESSION_SRCS)
UNIT_SRCS_selector        := $(SELECT_SRCS) $(LIFE_SRCS) $(addprefix src/base/,addr.c number.c)
UNIT_SRCS_selector_found  := $(UNIT_SRCS_selector)
UNIT_SRCS_selector_age    := $(UNIT_SRCS_selector)
UNIT_SRCS_selector_expression := $(sort $(UNIT_SRCS_selector) $(EXPRESSION_SRCS))
UNIT_SRCS_pipeline        := src/pipeline.c $(SELECT_SRCS) $(DETECT_SRCS) \
	$(sort $(TABLE_SRCS) $(LIFE_SRCS) $(UNIT_SRCS_sink))
UNIT_SRCS_rounds          := $(addprefix src/cli/,rounds.c screen.c terminal.c output.c session.c tally.c unseen.c) src/capability.c $(addprefix src/base/,log.c ports.c) \
	$(addprefix src/sink/,sink_list.c list_memory.c) $(UNIT_SRCS_pipeline)
UNIT_SRCS_last_owners     := src/cli/last_owners.c src/decode.c tests/unit/build_event.c
UNIT_SRCS_pipeline_count  := $(UNIT_SRCS_pipeline)
UNIT_SRCS_pipeline_verbatim := $(UNIT_SRCS_pipeline)
UNIT_SRCS_soak_judge      := tests/soak/judge.c
UNIT_SRCS_oracle_excuse   := $(addprefix tests/support/,oracle_excuse.c oracle_model.c)
UNIT_SRCS_verdict         := src/verdict.c src/history.c src/decode.c tests/unit/build_event.c
UNIT_SRCS_verdict_end     := src/verdict.c src/history.c

# The same for tests/fuzz/fuzz_NAME.c, each of which has a corpus in tests/fuzz/corpus/NAME/.
FUZZ_SRCS_decode    := src/decode.c
FUZZ_SRCS_recording := $(RECORD_SRCS)
FUZZ_SRCS_expression := $(EXPRESSION_SRCS)
FUZZ_SRCS_text      := $(UNIT_SRCS_json_writer)
FUZZ_SRCS_options   := $(UNIT_SRCS_options)
FUZZ_SRCS_pipeline  := src/pipeline.c $(SELECT_SRCS) $(DETECT_SRCS) $(REPORT_SRCS) \
	$(sort $(TABLE_SRCS) $(UNIT_SRCS_sink_found) src/decode.c src/conn.c)

export CONNTRACE := $(abspath $(BUILD)/conntrace)

Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# The two commands of the README install what they need, so does demo, and vm, which says what it could not
# get; the others take the machine as it is.
NEED := $(if $(filter run check demo deps vm,$(MAKECMDGOALS)),need)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all run demo check unit asan e2e e2e-programs golden golden-update golden-record completion scripts browser fuzz vm bench soak \
	coverage lint format format-check tidy man \
	install uninstall clean help deps need always
.DEFAULT_GOAL := all

## all: the program, build/conntrace
all: $(BUILD)/conntrace $(COMPLETIONS)

## run: install what is missing, build, and watch this machine (ARGS='-p 1234')
run: all
	$(Q)$(as_root) $(BUILD)/conntrace watch $(ARGS)

## demo: install what is missing, build, plant faults, record them and let the doctor find them
demo: all $(DEMO)
	$(Q)tools/demo.sh $(BUILD)

## deps: install the packages for building and testing
deps: need

need:
ifndef CROSS
	$(Q)tools/need.sh gcc $(BUILD_TOOLS) $(BUILD_LIBRARIES) \
		$(if $(filter check deps vm,$(MAKECMDGOALS)),$(TEST_TOOLS) $(TEST_LIBRARIES))
	$(if $(filter check deps,$(MAKECMDGOALS)),$(Q)tools/need.sh $(BROWSER_TOOLS) || true)
else
	$(Q)tools/need.sh gcc-$(subst _,-,$(TRIPLET)) $(BUILD_TOOLS)
	$(if $(SYSROOT),$(Q)tools/sysroot.sh $(debian_$(ARCH)) $(SYSROOT) $(BUILD_LIBRARIES) \
		$(TEST_LIBRARIES))
endif

as_root = $(if $(filter-out 0,$(shell id -u)),sudo)

# What everything is built with. When it changes it is looked over, and all is built anew.
TOOLCHAIN := $(strip $(ARCH) $(CC) $(CLANG) $(PKG_CONFIG) $(PKG_CONFIG_PATH) $(PKGS) $(SYSROOT) \
	$(CPPFLAGS) $(CFLAGS) $(LTO) $(LDFLAGS))
ifneq ($(file <$(BUILD)/toolchain),$(TOOLCHAIN))
$(BUILD)/toolchain: always
endif

# $(1) the libraries that are needed
look_over = CC='$(strip $(CC) $(SYSROOT_FLAGS))' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' PKG_CONFIG="$(PKG_ASK)" \
	ADVICE='make deps$(if $(CROSS), ARCH=$(ARCH))' tools/toolchain.sh $(1)

$(BUILD)/toolchain: | $(NEED)
	$(Q)mkdir -p $(@D)
	$(Q)$(call look_over,$(PKGS))
	$(Q)printf '%s\n' '$(subst ','\'',$(TOOLCHAIN))' >$@

$(BUILD)/toolchain-tests: $(BUILD)/toolchain
	$(Q)$(call look_over,$(TEST_PKGS))
	$(Q)touch $@

# The program: kernel side, skeleton, user side.

$(BUILD)/conntrace.bpf.o: bpf/conntrace.bpf.c $(BUILD)/toolchain
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $(@:.o=.tmp.o)
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)
	$(Q)rm $(@:.o=.tmp.o)

# The same as text, for tests/lint/stack.sh.
$(BUILD)/conntrace.bpf.s: bpf/conntrace.bpf.c $(BUILD)/toolchain
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -MT $@ -MF $@.d -S $< -o $@

$(SKELETON): $(BUILD)/conntrace.bpf.o
	$(call say,SKEL,$@)
	$(Q){ echo "// NOLINTBEGIN: generated" && $(BPFTOOL) gen skeleton $< name conntrace_bpf && \
		echo "// NOLINTEND"; } >$@

$(filter $(BUILD)/obj/src/live/%,$(OBJS)): $(SKELETON)

$(PAGE): $(PAGE_PARTS) tools/page.sh | $(BUILD)/toolchain
	$(call say,PAGE,$@)
	$(Q)tools/page.sh $(PAGE_PARTS) >$@

$(addsuffix /obj/src/report/page.o,$(BUILD) $(ASAN) $(COV)): $(PAGE)

$(BUILD)/conntrace: $(OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(CT_LDFLAGS) $(LTO) $(LDFLAGS) $^ $(PKG_LIBS) -o $@

$(BUILD)/completions/conntrace.bash: $(BUILD)/conntrace
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< completion bash >$@

$(BUILD)/completions/_conntrace: $(BUILD)/conntrace
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< completion zsh >$@

# Objects and unit tests exist three times: as they ship, under sanitizers, and for coverage.

# $(1) tree, $(2) compiler flags, $(3) more of them for what is no test
define tree_rules
$(1)/obj/%.o: %.c $(BUILD)/toolchain
	$(call compile,$(2) $(3))

$(1)/obj/tests/%.o: tests/%.c $(BUILD)/toolchain-tests
	$(call compile,$(2) $(TEST_FLAGS))
endef

# $(1) compiler flags
define compile
$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CT_CPPFLAGS) $$(CPPFLAGS) $$(CT_CFLAGS) $(1) -MMD -MP -c $$< -o $$@
endef

# $(1) tree, $(2) compiler flags, $(3) test, $(4) program's folder, $(5) its sources
define program_rule
$(1)/$(4)_$(3): $(5:%.c=$(1)/obj/%.o)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $(2) $$(TEST_LDFLAGS) $$(LDFLAGS) $$^ $$(TEST_LIBS) $$(PKG_LIBS) -o $$@
endef

# $(1) tree, $(2) test
define unregistered_rule
$(1)/unit/test_$(2):
	@echo 'tests/unit/test_$(2).c is not registered: list its sources in the Makefile, UNIT_SRCS_$(2)' >&2
	@false
.PHONY: $(1)/unit/test_$(2)
endef

unit_rule = $(if $(filter undefined,$(origin UNIT_SRCS_$(3))),$(call unregistered_rule,$(1),$(3)),$(call \
	program_rule,$(1),$(2),$(3),unit/test,tests/unit/test_$(3).c $(UNIT_SRCS_$(3))))

$(eval $(call tree_rules,$(BUILD),$$(CFLAGS),$$(LTO)))
$(eval $(call tree_rules,$(ASAN),$(ASAN_FLAGS)))
$(eval $(call tree_rules,$(COV),$(COV_FLAGS)))
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_rule,$(BUILD),$$(CFLAGS),$(test))))
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_rule,$(ASAN),$(ASAN_FLAGS),$(test))))
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_rule,$(COV),$(COV_FLAGS),$(test))))

# Their allocations are the tests' to refuse.
$(addsuffix /unit/test_frozen,$(BUILD) $(ASAN) $(COV)): LDFLAGS += -Wl,--wrap=malloc
$(addsuffix /unit/test_report_memory,$(BUILD) $(ASAN) $(COV)): LDFLAGS += \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray

# What the programs read of the kernel's types, and what vmlinux.h has of them, for both machines.
VMLINUX_TEST := $(BUILD)/vmlinux/test_vmlinux
VMLINUX_DATA := $(BUILD)/vmlinux/own.txt $(foreach arch,x86 arm64,\
	$(addprefix $(BUILD)/vmlinux/$(arch)/,programs.bpf.o types.bpf.o programs.txt))
bpf_for       = $(filter-out -D__TARGET_ARCH_%,$(BPF_FLAGS)) -D__TARGET_ARCH_$(1)

$(eval $(call program_rule,$(BUILD),$$(CFLAGS),vmlinux,vmlinux/test,$(wildcard tests/vmlinux/*.c)))

$(BUILD)/vmlinux/%/programs.bpf.o: bpf/conntrace.bpf.c $(BUILD)/toolchain
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(call bpf_for,$*) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@

$(BUILD)/vmlinux/%/programs.txt: $(BUILD)/vmlinux/%/programs.bpf.o
	$(Q)$(CLANG) $(call bpf_for,$*) -E -P bpf/conntrace.bpf.c -o $@

$(BUILD)/vmlinux/%/types.bpf.o: vmlinux/vmlinux.h tests/vmlinux/types.awk $(BUILD)/toolchain
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f tests/vmlinux/types.awk $< >$(@:.o=.c)
	$(Q)$(CLANG) $(call bpf_for,$*) -c $(@:.o=.c) -o $@

$(BUILD)/vmlinux/own.txt: $(wildcard bpf/*.[ch]) $(addprefix include/conntrace/,event.h moment.h) | \
		$(BUILD)/toolchain
	$(Q)mkdir -p $(@D)
	$(Q)grep -hv "^#include" $^ | $(CLANG) -w -x c -E -P - -o $@

# A scenario takes of tests/support/ what it uses.
SUPPORT := $(BUILD)/obj/tests/support.a

$(SUPPORT): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/support/*.c))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/e2e/e2e_%: $(BUILD)/obj/tests/e2e/e2e_%.o $(SUPPORT)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) $^ $(TEST_LIBS) $(PKG_LIBS) -o $@

$(BUILD)/soak/soak: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/soak/*.c)) $(SUPPORT)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) $^ $(TEST_LIBS) $(PKG_LIBS) -o $@

$(BUILD)/bench/bench: $(addprefix $(BUILD)/obj/,bench/bench.o bench/run.o src/base/number.o)
$(BUILD)/bench/churn: $(addprefix $(BUILD)/obj/bench/,churn.o workload.o)
$(BUILD)/bench/bulk: $(addprefix $(BUILD)/obj/bench/,bulk.o workload.o)
$(BUILD)/bench/idle: $(addprefix $(BUILD)/obj/bench/,idle.o workload.o)
$(BENCH_PROGRAMS):
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) $^ -o $@

$(DEMO): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard demo/*.c))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) $^ -o $@

$(BUILD)/e2e/e2e_demo: | $(DEMO)

$(BUILD)/golden/scenes: $(BUILD)/obj/tests/golden/scenes.o $(SUPPORT)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) $^ $(TEST_LIBS) $(PKG_LIBS) -o $@

# Pages for a browser to open: many lives, and hostile ones.
$(eval $(call program_rule,$(BUILD),$$(CFLAGS),pages,browser/browser,tests/browser/pages.c $(UNIT_SRCS_report_html)))

# For make check the corpus runs through a plain main(); for make fuzz libFuzzer drives.
$(foreach fuzzer,$(FUZZERS),$(eval $(call program_rule,$(ASAN),$(ASAN_FLAGS),$(fuzzer),fuzz/fuzz,\
	tests/fuzz/fuzz_$(fuzzer).c tests/fuzz/replay_corpus.c $(FUZZ_SRCS_$(fuzzer)))))

FUZZ_SECONDS ?= 60

define fuzzer_rule
$(BUILD)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(FUZZ_SRCS_$(1)) | $(BUILD)/toolchain-tests $(PAGE)
	$$(call say,FUZZER,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(CT_CPPFLAGS) $$(CT_CFLAGS) $$(TEST_FLAGS) -O1 -g -fsanitize=fuzzer,address,undefined \
		$$^ $$(TEST_LIBS) $$(PKG_LIBS) -o $$@
endef
$(foreach fuzzer,$(FUZZERS),$(eval $(call fuzzer_rule,$(fuzzer))))

# Suites for tests/run.sh.
suite_unit   := unit: $(UNIT_PROGRAMS)
suite_asan   := asan: $(ASAN_PROGRAMS)
suite_fuzz   := fuzz: $(foreach f,$(FUZZERS),'$(ASAN)/fuzz/fuzz_$(f) tests/fuzz/corpus/$(f)')
suite_vmlinux := vmlinux: '$(VMLINUX_TEST) $(BUILD)/vmlinux'
suite_golden := golden: $(wildcard tests/golden/run.sh)
suite_completion := completion: tests/completion/bash.sh tests/completion/zsh.sh
suite_scripts := scripts: tests/scripts/demo.sh
suite_browser := browser: 'tests/browser/run.sh $(BROWSER_PAGES)'
suite_lint   := lint: tests/lint/spdx.sh tests/lint/ranks.sh tests/lint/size.sh tests/lint/states.sh tests/lint/faults.sh tests/lint/hooks.sh \
	'tests/lint/stack.sh $(BUILD)/conntrace.bpf.s'
suite_format  = format: 'tests/lint/format.sh $(C_FILES)'
suite_tidy   := tidy: 'tests/lint/tidy.sh $(SRCS)'
suite_e2e    := e2e: $(E2E_PROGRAMS)

# In the recipe, not as an exported variable of the target: the packages' flags must not be asked for
# before the packages are there.
TIDY_ENV = TIDY_FLAGS="$(subst ",\",$(CT_CPPFLAGS)) -std=gnu11"

## check: install what is missing and run every test that this machine permits
check: all $(UNIT_PROGRAMS) $(VMLINUX_TEST) $(VMLINUX_DATA) $(ASAN_PROGRAMS) $(FUZZ_REPLAYS) \
	$(E2E_PROGRAMS) $(BROWSER_PAGES) $(DEMO) $(BUILD)/conntrace.bpf.s
	$(Q)$(TIDY_ENV) tests/run.sh $(suite_unit) $(suite_vmlinux) $(suite_asan) $(suite_fuzz) $(suite_golden) \
		$(suite_completion) $(suite_scripts) $(suite_browser) $(suite_lint) $(suite_format) $(suite_tidy) $(suite_e2e)

## unit: unit tests
unit: $(UNIT_PROGRAMS) $(VMLINUX_TEST) $(VMLINUX_DATA)
	$(Q)tests/run.sh $(suite_unit) $(suite_vmlinux)

## asan: unit tests and the fuzzers' corpus under ASan and UBSan
asan: $(ASAN_PROGRAMS) $(FUZZ_REPLAYS)
	$(Q)tests/run.sh $(suite_asan) $(suite_fuzz)

## e2e: scenarios with real sockets and a real kernel (root)
e2e: all $(E2E_PROGRAMS)
	$(Q)tests/run.sh $(suite_e2e)

## e2e-programs: what e2e runs, for another machine (ARCH=arm64)
e2e-programs: all $(E2E_PROGRAMS)

## golden: kept recordings against kept output
golden: all
	$(Q)tests/run.sh $(suite_golden)

## completion: what bash and zsh offer
completion: all
	$(Q)tests/run.sh $(suite_completion)

## scripts: what make demo does for who is not root
scripts: all $(DEMO)
	$(Q)tests/run.sh $(suite_scripts)

## browser: the page of `report --html` in a headless browser; screenshots in build/screenshots/
browser: all $(BROWSER_PAGES)
	$(Q)tests/run.sh $(suite_browser)

## golden-update: keep the output of today, for git diff to judge
golden-update: all
	$(Q)tests/golden/run.sh --update

## golden-record: make the recordings anew, when their format has changed (root)
golden-record: all $(BUILD)/golden/scenes
	$(Q)tests/golden/record.sh $(BUILD)/golden/scenes

## lint: licence lines, ranks of includes, sizes, the programs' stack
lint: $(BUILD)/conntrace.bpf.s
	$(Q)tests/run.sh $(suite_lint)

## fuzz: let libFuzzer look for new input (FUZZ_SECONDS=60 each)
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/fuzz_%)
	$(Q)for f in $(FUZZERS); do \
		$(BUILD)/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 \
			tests/fuzz/corpus/$$f || exit 1; \
	done

SOAK_SECONDS ?= 1200
SOAK_IDLE    ?= 50000
SOAK_CHURN   ?= 1000

## soak: whether a tracer stays as it is when it runs for long (root; SOAK_SECONDS=1200 SOAK_IDLE=50000)
soak: all $(BUILD)/soak/soak $(BUILD)/bench/idle $(BUILD)/bench/churn
	$(Q)rm -f $(BUILD)/soak/figures
	$(Q)SOAK_SECONDS=$(SOAK_SECONDS) SOAK_IDLE=$(SOAK_IDLE) SOAK_CHURN=$(SOAK_CHURN) \
		SOAK_FIGURES=$(BUILD)/soak/figures E2E_ATTEMPTS=1 TEST_TIMEOUT=$$(($(SOAK_SECONDS) + 900)) \
		tests/run.sh soak: $(BUILD)/soak/soak; status=$$?; \
		cat $(BUILD)/soak/figures 2>/dev/null; exit $$status

## vm: the scenarios under QEMU on other kernels (root; KERNEL='6.1 6.12' E2E='reset owner')
vm: all $(E2E_PROGRAMS)
	$(Q)tools/need.sh $(VM_TOOLS) || true
	$(if $(if $(KERNEL),$(filter %arm64,$(KERNEL)),all),$(Q)if $(MAKE) ARCH=arm64 deps; then \
		$(MAKE) ARCH=arm64 e2e-programs; else rm -f build/arm64/conntrace; fi)
	$(Q)KERNEL='$(KERNEL)' tests/vm/run.sh $(E2E)

## bench: the price of being traced, as a ratio (root; BENCH='-r 9 record watch')
bench: all $(BENCH_PROGRAMS)
	$(Q)$(BUILD)/bench/bench $(BENCH)

## coverage: what the unit tests reach, build/cov/index.html
coverage: $(COV_PROGRAMS)
	$(Q)find $(COV) -name '*.gcda' -delete
	$(Q)tests/run.sh unit: $^
	$(Q)gcovr --root . --filter src/ --object-directory $(COV)/obj --html-details $(COV)/index.html \
		--print-summary

## format: put every C file into the house style
format:
	$(Q)clang-format -i $(C_FILES)

## format-check: whether every C file is
format-check:
	$(Q)tests/run.sh $(suite_format)

## tidy: clang-tidy
tidy: $(SKELETON) $(PAGE)
	$(Q)$(TIDY_ENV) tests/run.sh $(suite_tidy)

## man: manual pages, build/man/
man: $(MAN)

$(BUILD)/man/%: doc/%.scd
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scdoc <$< >$@

## install: program, manual pages and completions (PREFIX=/usr/local, DESTDIR=)
install: all man
	install -D -m 755 $(BUILD)/conntrace $(DESTDIR)$(PREFIX)/bin/conntrace
	$(foreach script,$(COMPLETIONS),install -D -m 644 $(script) $(DESTDIR)$(call installed_completion,$(script)) &&) true
	$(foreach page,$(MAN),install -D -m 644 $(page) $(DESTDIR)$(call installed_page,$(page)) &&) true

## uninstall: take them away again
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/conntrace $(foreach page,$(MAN),$(DESTDIR)$(call installed_page,$(page))) \
		$(foreach script,$(COMPLETIONS),$(DESTDIR)$(call installed_completion,$(script)))

installed_page = $(PREFIX)/share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

installed_completion = $(PREFIX)/share/$(if $(filter %.bash,$(1)),bash-completion/completions/conntrace,zsh/site-functions/_conntrace)

## clean: remove build/
clean:
	$(Q)rm -rf $(BUILD)

## help: this list
help:
	@sed -n 's/^## \([a-z0-9-]*\): \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
