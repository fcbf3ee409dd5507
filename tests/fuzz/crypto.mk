FUZZERS += sshkey_fuzz
OBJS_sshkey_fuzz := $(SSHKEY_OBJS)
LIBS_sshkey_fuzz := $(CRYPTO_LIBS)
