FUZZERS += transport_fuzz
OBJS_transport_fuzz := tests/unit/ssh_peer.o tests/unit/engine.o $(ENGINE_OBJS)
LIBS_transport_fuzz := $(CRYPTO_LIBS)
