TESTS += crypto_test sshkey_test
OBJS_crypto_test := tests/unit/vectors.o $(CRYPTO_OBJS)
LIBS_crypto_test := $(CRYPTO_LIBS)
OBJS_sshkey_test := tests/unit/vectors.o $(SSHKEY_OBJS)
LIBS_sshkey_test := $(CRYPTO_LIBS)
TESTS += otp_test
OBJS_otp_test := tests/unit/vectors.o $(OTP_OBJS) $(CRYPTO_OBJS)
LIBS_otp_test := $(CRYPTO_LIBS)
