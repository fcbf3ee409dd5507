FUZZERS += authorized_keys_fuzz auth_fuzz
OBJS_authorized_keys_fuzz := base/log.o $(AUTH_KEYS_OBJS)
LIBS_authorized_keys_fuzz := $(CRYPTO_LIBS)
OBJS_auth_fuzz := base/log.o $(AUTH_OBJS)
LIBS_auth_fuzz := $(AUTH_LIBS)
FUZZERS += records_fuzz
OBJS_records_fuzz := auth/records.o base/buf.o
