ACCOUNT_PAM_OBJS := auth/account_serve.o auth/account_session.o \
	auth/account_host.o auth/account_pam.o auth/account_line.o \
	auth/account_resolve.o auth/talk.o auth/supervisor.o base/fds.o \
	base/proctitle.o base/ipc.o base/log.o base/err.o base/buf.o

TESTS += account_pam_test
OBJS_account_pam_test := $(ACCOUNT_PAM_OBJS)
LIBS_account_pam_test := -lpam

# The module that misbehaves as told.
PAM_MODULE := $(BUILD)/tests/pam_sallyport_test.so
$(PAM_MODULE): tests/pam/module.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE $(OPT) $(WARN) -Wno-sign-conversion -Wno-missing-prototypes \
		$(SAN) -fPIC -shared -o $@ $< -lpam
$(BUILD)/tests/account_pam_test: | $(PAM_MODULE)

TESTS += talk_test
OBJS_talk_test := auth/talk.o base/buf.o

TESTS += auth_pam_test
OBJS_auth_pam_test = tests/unit/auth_peer.o $(AUTH_OBJS) \
	$(filter-out $(AUTH_OBJS),$(ACCOUNT_PAM_OBJS))
LIBS_auth_pam_test = $(AUTH_LIBS) -lpam
$(BUILD)/tests/auth_pam_test: | $(PAM_MODULE)

TESTS += config_pam_test
OBJS_config_pam_test = $(CONFIG_OBJS)
LIBS_config_pam_test := -lyaml

TESTS += home_test
OBJS_home_test := auth/home.o auth/file.o base/buf.o

TESTS += host_test
OBJS_host_test := base/host.o base/policy.o base/config_values.o \
	base/calendar.o base/envname.o base/buf.o
