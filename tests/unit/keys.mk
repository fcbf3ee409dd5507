# Keys on security tokens, certificates, lists of revoked keys.
KEYS_PEER_OBJS := tests/unit/keys_peer.o $(SSHKEY_OBJS)

TESTS += sshkey_sk_test
OBJS_sshkey_sk_test := $(KEYS_PEER_OBJS)
LIBS_sshkey_sk_test := $(CRYPTO_LIBS)

TESTS += sshcert_test
OBJS_sshcert_test := base/err.o $(KEYS_PEER_OBJS)
LIBS_sshcert_test := $(CRYPTO_LIBS)

TESTS += krl_test
OBJS_krl_test := base/krl.o $(KEYS_PEER_OBJS)
LIBS_krl_test := $(CRYPTO_LIBS)

TESTS += auth_cert_test
OBJS_auth_cert_test := tests/unit/auth_peer.o tests/unit/keys_peer.o \
	base/log.o base/err.o $(AUTH_OBJS)
LIBS_auth_cert_test := $(AUTH_LIBS)

TESTS += auth_hostbased_test
OBJS_auth_hostbased_test := tests/unit/auth_peer.o tests/unit/keys_peer.o \
	base/log.o $(AUTH_OBJS)
LIBS_auth_hostbased_test := $(AUTH_LIBS)
