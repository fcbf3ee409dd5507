PEER_OBJS := tests/unit/ssh_peer.o tests/unit/engine.o $(ENGINE_OBJS)

TESTS += kex_test
OBJS_kex_test := $(PEER_OBJS)
LIBS_kex_test := $(CRYPTO_LIBS)
