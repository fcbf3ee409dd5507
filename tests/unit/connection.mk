# The upper half of the engine, over a fake of the lower one.
FAKE_CONN := tests/unit/fake_conn.o base/buf.o
UPPER_OBJS := $(addprefix server/,channel.o channel_open.o channel_data.o \
	session.o pty.o global.o outgoing.o)

TESTS += userauth_msg_test userauth_test channel_test session_test global_test \
	connection_test
OBJS_userauth_msg_test := base/userauth_msg.o base/policy.o base/buf.o
OBJS_userauth_test := server/userauth.o server/outgoing.o server/words.o \
	base/userauth_msg.o base/policy.o tests/unit/fake_conn.o $(SSHKEY_OBJS)
LIBS_userauth_test := $(CRYPTO_LIBS)
OBJS_channel_test := $(UPPER_OBJS) $(FAKE_CONN)
OBJS_session_test := $(UPPER_OBJS) $(FAKE_CONN)
OBJS_global_test := $(UPPER_OBJS) $(FAKE_CONN)
# The whole engine and a client in memory.
OBJS_connection_test := tests/unit/ssh_peer.o tests/unit/engine.o \
	$(ENGINE_OBJS)
LIBS_connection_test := $(CRYPTO_LIBS)
