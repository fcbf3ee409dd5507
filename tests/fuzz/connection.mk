FUZZERS += userauth_fuzz channel_fuzz
OBJS_userauth_fuzz := $(OBJS_userauth_test)
LIBS_userauth_fuzz := $(CRYPTO_LIBS)
OBJS_channel_fuzz := $(OBJS_channel_test)
