TESTS += forward_test
OBJS_forward_test := base/forward.o base/net.o base/buf.o
TESTS += messages_forward_test
OBJS_messages_forward_test := base/messages_forward.o base/forward.o \
	base/net.o base/buf.o
