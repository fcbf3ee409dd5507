PEER_OBJS := tests/unit/ssh_peer.o tests/unit/engine.o $(ENGINE_OBJS)

TESTS += ident_test packet_test kex_test message_test conn_test
OBJS_packet_test := server/packet.o $(CRYPTO_OBJS)
LIBS_packet_test := $(CRYPTO_LIBS)
OBJS_ident_test := $(PEER_OBJS)
LIBS_ident_test := $(CRYPTO_LIBS)
OBJS_kex_test := $(PEER_OBJS)
LIBS_kex_test := $(CRYPTO_LIBS)
OBJS_message_test := $(PEER_OBJS)
LIBS_message_test := $(CRYPTO_LIBS)
OBJS_conn_test := $(PEER_OBJS)
LIBS_conn_test := $(CRYPTO_LIBS)
