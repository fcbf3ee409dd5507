# Tests.  A unit test is tests/unit/NAME_test.c; OBJS_NAME_test lists exactly
# the objects it links (each module proves itself separable that way), LIBS_NAME_test
# the libraries beyond cmocka.  tests/unit/*.mk hold those lists, one file for
# each area.  Fuzz targets likewise: tests/fuzz/NAME_fuzz.c, OBJS_NAME_fuzz.

# Used by the lists below, so they come first.
CRYPTO_LIBS := -L$(BSSL_LIB) -Wl,-rpath,$(BSSL_LIB) -lcrypto
CRYPTO_OBJS := base/crypto.o base/cipher.o base/kex_share.o \
	base/crypto_algs.o base/base64.o base/mpint.o base/buf.o
OTP_OBJS := base/otp.o base/otp_secret.o
SSHKEY_OBJS := base/sshkey.o base/sshkey_file.o base/sshkey_sk.o \
	base/sshcert.o $(CRYPTO_OBJS)
# What runs programs of the operator's and speaks with them.
PROGRAM_OBJS := auth/program.o auth/program_child.o auth/program_path.o \
	auth/supervisor.o \
	base/fds.o base/privdrop.o base/proctitle.o base/log.o base/buf.o
JSON_OBJS := auth/json.o base/config_values.o base/envname.o base/policy.o \
	base/calendar.o base/buf.o
# The SSH engine, whole; with it goes tests/unit/ssh_peer.o, a client.
ENGINE_OBJS := $(addprefix server/,conn.o conn_feed.o conn_tick.o \
	ssh_server.o ident.o packet.o kex.o kex_keys.o kex_methods.o \
	message.o userauth.o channel.o channel_open.o channel_data.o \
	session.o global.o outgoing.o pty.o words.o) \
	base/userauth_msg.o base/policy.o base/err.o $(SSHKEY_OBJS)

TESTS :=
FUZZERS :=
include $(wildcard tests/unit/*.mk) $(wildcard tests/fuzz/*.mk)

TEST_BINS := $(TESTS:%=$(BUILD)/tests/%)

define test_rule
$(BUILD)/tests/$(1): $(BUILD)/obj/tests/unit/$(1).o $$(OBJS_$(1):%=$(BUILD)/obj/%)
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ -lcmocka $$(LIBS_$(1))
endef
$(foreach t,$(TESTS),$(eval $(call test_rule,$(t))))

# Fuzz targets are plain functions LLVMFuzzerTestOneInput; `make check` links
# them with tests/fuzz/replay.c, which runs every file of the corpus
# (tests/fuzz/corpus/NAME/*), `make fuzz` with clang's libFuzzer.
FUZZ_REPLAY_BINS := $(FUZZERS:%=$(BUILD)/tests/%_replay)
define fuzz_rule
$(BUILD)/tests/$(1)_replay: $(BUILD)/obj/tests/fuzz/$(1).o $(BUILD)/obj/tests/fuzz/replay.o $$(OBJS_$(1):%=$(BUILD)/obj/%)
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS_$(1))
$(BUILD)/fuzz/$(1): tests/fuzz/$(1).c $$(OBJS_$(1):%.o=%.c)
	@mkdir -p $$(@D)
	clang $$(CPPFLAGS_ALL) -isystem $(BSSL_INC) -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $$@ $$^ $$(LIBS_$(1))
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzz_rule,$(t))))

unit-bins: $(TEST_BINS) $(FUZZ_REPLAY_BINS)

# One area alone: make unit-NAME_test
unit-%: $(BUILD)/tests/%
	$<

# For tests/check.sh.
print-tests:
	@echo $(TESTS)
print-fuzzers:
	@echo $(FUZZERS)

# Fuzzing: each target for FUZZ_SECONDS; what it finds is kept in
# tests/fuzz/corpus and replayed by `make check` from then on.
FUZZ_SECONDS ?= 30
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%)
	@BUILD=$(BUILD) tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZERS)

# An hour by default: half of it fuzzing, half of it load.
SOAK_SECONDS ?= 3600
soak: all $(FUZZERS:%=$(BUILD)/fuzz/%)
	@BUILD=$(BUILD) tests/soak.sh $(SOAK_SECONDS) $(FUZZERS)

.PHONY: unit-bins print-tests print-fuzzers fuzz soak
