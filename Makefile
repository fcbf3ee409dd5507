# Sallyport.  `make` builds into build/; see README.md for the two commands.

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

BSSL_LIB := /usr/lib/$(shell gcc -print-multiarch 2>/dev/null)/android
BSSL_INC := /usr/include/android

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith -Werror
COMMA := ,
OPT ?= -O2 -g
HARDEN ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDHARDEN ?= -pie -Wl,-z,relro,-z,now,-z,noexecstack
SAN ?=

CPPFLAGS_ALL := -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=c17 $(OPT) $(WARN) $(HARDEN) $(SAN) -fvisibility=hidden $(CFLAGS)
LDFLAGS_ALL := $(SAN) $(LDHARDEN) -Wl,--as-needed $(LDFLAGS)

# ---- what is built of what ----
BASE_SRC := $(wildcard base/*.c)
SERVER_SRC := $(wildcard server/*.c)
SFTP_SRC := $(wildcard sftp/*.c)
ACCOUNT_SRC := $(wildcard auth/account*.c)
# auth/talk.c and this one are in both programs: they hold both ends of what
# the two say to each other.
# auth/fetch.c likewise, of another program.
FETCH_SRC := auth/fetch.c auth/fetch_http.c auth/fetch_main.c
AUTH_SRC := $(filter-out $(ACCOUNT_SRC) $(FETCH_SRC),$(wildcard auth/*.c)) \
	auth/account_line.c auth/fetch.c
CHROOT_SRC := $(wildcard chroot/*.c)
DAEMON_SRC := $(BASE_SRC) $(SERVER_SRC) $(SFTP_SRC) $(AUTH_SRC) $(CHROOT_SRC)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/obj/%.o)
ACCOUNT_OBJ := $(ACCOUNT_SRC:%.c=$(BUILD)/obj/%.o) \
	$(addprefix $(BUILD)/obj/,auth/talk.o auth/supervisor.o base/buf.o \
	base/err.o base/fds.o base/forward.o base/ipc.o base/log.o \
	base/messages_forward.o base/net.o base/proctitle.o)
FETCH_OBJ := $(FETCH_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/base/buf.o

# The operator's tool: its commands, and what they need of the rest.
TOOL_SRC := $(wildcard chroot/tool/*.c)
TOOL_OBJ := $(TOOL_SRC:%.c=$(BUILD)/obj/%.o) \
	$(BASE_SRC:%.c=$(BUILD)/obj/%.o) $(AUTH_SRC:%.c=$(BUILD)/obj/%.o) \
	$(addprefix $(BUILD)/obj/chroot/,hostkeys.o jail.o parse_env.o resolve.o \
	state.o userstore.o)

DAEMON_LIBS := -L$(BSSL_LIB) -Wl,-rpath,$(BSSL_LIB) -lcrypto -lyaml \
	-lseccomp -lcrypt -ljansson
# Sanitizers stand before crypt(3) only if it is there when they start; PAM's
# modules bring it later.
ACCOUNT_LIBS := -lpam $(if $(SAN),-Wl$(COMMA)--no-as-needed -lcrypt)
FETCH_LIBS := -lcurl
TOOL_LIBS := -L$(BSSL_LIB) -Wl,-rpath,$(BSSL_LIB) -lcrypto -lyaml -lcrypt \
	-ljansson

all: $(BUILD)/sallyportd $(BUILD)/sallyport $(BUILD)/sallyport-account \
	$(BUILD)/sallyport-fetch

$(BUILD)/sallyportd: $(DAEMON_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/sallyport-account: $(ACCOUNT_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ACCOUNT_LIBS)
$(BUILD)/sallyport-fetch: $(FETCH_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FETCH_LIBS)
$(BUILD)/sallyport: $(TOOL_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(TOOL_LIBS)

# Only crypto.c may see BoringSSL's headers (the lint holds that line).
$(BUILD)/obj/base/crypto.o: CPPFLAGS_ALL += -isystem $(BSSL_INC)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

include tests/tests.mk

# ---- for people ----
# These two install what the machine lacks, so they must not depend on
# anything that this file found (or did not find) while it was read.
demo:
	@packaging/demo.sh
# ONLY: patterns of test names, as in  make check ONLY='plain/jail*'
check:
	@packaging/dependencies.sh test
	@tests/check.sh $(ONLY)

# The daemon and the unit tests under AddressSanitizer and UBSan.
ASAN := BUILD=build-asan OPT='-O1 -g' HARDEN= LDHARDEN= \
	SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
asan:
	$(MAKE) $(ASAN) all unit-bins

bench:
	@packaging/dependencies.sh bench
	@tests/bench/run.sh $(BENCH)

# ---- installing ----
SBIN := $(DESTDIR)$(PREFIX)/sbin
BIN := $(DESTDIR)$(PREFIX)/bin
LIBEXEC := $(DESTDIR)$(PREFIX)/libexec/sallyport
MAN := $(DESTDIR)$(PREFIX)/share/man
SYSCONFDIR ?= /etc
CONF := $(DESTDIR)$(SYSCONFDIR)/sallyport

# An existing configuration is never overwritten.
install: all
	install -d $(SBIN) $(BIN) $(LIBEXEC) $(MAN)/man1 $(MAN)/man5 \
		$(MAN)/man8
	install -m 755 $(BUILD)/sallyportd $(SBIN)/
	install -m 755 $(BUILD)/sallyport $(BIN)/
	install -m 755 $(BUILD)/sallyport-account $(LIBEXEC)/
	install -m 755 $(BUILD)/sallyport-fetch $(LIBEXEC)/
	install -m 644 $(wildcard packaging/man/*.1) $(MAN)/man1/
	install -m 644 $(wildcard packaging/man/*.5) $(MAN)/man5/
	install -m 644 $(wildcard packaging/man/*.8) $(MAN)/man8/
	install -d -m 755 $(CONF) $(CONF)/users.d
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/pam.d
	test -e $(DESTDIR)$(SYSCONFDIR)/pam.d/sallyport || \
		install -m 644 etc/pam.d/sallyport \
		$(DESTDIR)$(SYSCONFDIR)/pam.d/
	test -e $(CONF)/sallyport.yaml || \
		install -m 600 etc/sallyport.yaml $(CONF)/

clean:
	rm -rf $(BUILD) build-asan build-clang

.PHONY: all demo check asan bench install clean
