# Sallyport.  `make` builds into build/; see README.md for the two commands.

CC ?= gcc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

BSSL_LIB := /usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null || gcc -print-multiarch)/android
BSSL_INC := /usr/include/android

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith -Werror
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
AUTH_SRC := $(filter-out $(ACCOUNT_SRC),$(wildcard auth/*.c))
CHROOT_SRC := $(wildcard chroot/*.c)
DAEMON_SRC := $(BASE_SRC) $(SERVER_SRC) $(SFTP_SRC) $(AUTH_SRC) $(CHROOT_SRC)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/obj/%.o)
ACCOUNT_OBJ := $(ACCOUNT_SRC:%.c=$(BUILD)/obj/%.o) \
	$(addprefix $(BUILD)/obj/base/,buf.o err.o ipc.o log.o)

DAEMON_LIBS := -L$(BSSL_LIB) -Wl,-rpath,$(BSSL_LIB) -lcrypto -lyaml \
	-lseccomp -lcrypt
ACCOUNT_LIBS := -lpam

all: $(BUILD)/sallyportd $(BUILD)/sallyport-account

$(BUILD)/sallyportd: $(DAEMON_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/sallyport-account: $(ACCOUNT_OBJ)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ACCOUNT_LIBS)

# Only crypto.c may see BoringSSL's headers (the lint holds that line).
$(BUILD)/obj/base/crypto.o: CPPFLAGS_ALL += -isystem $(BSSL_INC)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

include tests/tests.mk

clean:
	rm -rf $(BUILD)

.PHONY: all clean
