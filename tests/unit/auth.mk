AUTH_KEYS_OBJS := auth/authorized_keys.o auth/match.o auth/keys.o \
	auth/home.o \
	auth/file.o auth/certs.o auth/limits.o base/envname.o \
	auth/known_hosts.o base/forward.o base/net.o base/krl.o $(SSHKEY_OBJS)
AUTH_OBJS := \
	auth/auth.o \
	auth/account_line.o \
	auth/admit.o \
	auth/call.o \
	auth/chain.o \
	auth/change.o \
	auth/describe.o \
	auth/dialog.o \
	auth/dialog_own.o \
	auth/dialog_program.o \
	auth/external.o \
	auth/external_url.o \
	auth/fetch.o \
	auth/document.o \
	auth/hostbased.o \
	auth/key_use.o \
	auth/keys_command.o \
	auth/helper.o \
	auth/methods.o \
	auth/nss.o \
	auth/offer.o \
	auth/pam.o \
	auth/pam_session.o \
	auth/password.o \
	auth/publickey.o \
	auth/records.o \
	auth/remember.o \
	auth/talk.o \
	auth/totp.o \
	base/calendar.o \
	base/err.o \
	base/host.o \
	base/ipc.o \
	base/json_text.o \
	base/policy.o \
	base/userauth_msg.o \
	$(OTP_OBJS) $(AUTH_KEYS_OBJS) $(JSON_OBJS) $(PROGRAM_OBJS)
AUTH_LIBS := $(CRYPTO_LIBS) -lcrypt -ljansson

TESTS += authorized_keys_test auth_test password_test account_test
OBJS_authorized_keys_test := base/log.o auth/key_line.o \
	$(AUTH_KEYS_OBJS)
LIBS_authorized_keys_test := $(CRYPTO_LIBS)
OBJS_auth_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_auth_test := $(AUTH_LIBS)
OBJS_password_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_password_test := $(AUTH_LIBS)
TESTS += auth_dialog_test
OBJS_auth_dialog_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_auth_dialog_test := $(AUTH_LIBS)
OBJS_account_test := auth/account_line.o auth/account_resolve.o base/buf.o
TESTS += auth_totp_test
OBJS_auth_totp_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_auth_totp_test := $(AUTH_LIBS)
TESTS += auth_describe_test
OBJS_auth_describe_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_auth_describe_test := $(AUTH_LIBS)
TESTS += known_hosts_test
OBJS_known_hosts_test := auth/known_hosts.o auth/match.o $(CRYPTO_OBJS)
LIBS_known_hosts_test := $(CRYPTO_LIBS)
TESTS += auth_change_test
OBJS_auth_change_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_auth_change_test := $(AUTH_LIBS)
TESTS += key_use_test
OBJS_key_use_test := tests/unit/auth_peer.o base/log.o $(AUTH_OBJS)
LIBS_key_use_test := $(AUTH_LIBS)
