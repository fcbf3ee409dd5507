FUZZERS += cert_fuzz krl_fuzz
OBJS_cert_fuzz := auth/certs.o auth/limits.o auth/match.o base/forward.o \
	base/net.o base/policy.o $(SSHKEY_OBJS)
LIBS_cert_fuzz := $(CRYPTO_LIBS)
OBJS_krl_fuzz := base/krl.o $(SSHKEY_OBJS)
LIBS_krl_fuzz := $(CRYPTO_LIBS)
