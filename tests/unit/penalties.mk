PENALTIES_OBJS := base/penalties.o base/penalties_file.o \
	base/penalty_bytes.o base/net.o base/buf.o

TESTS += net_test penalties_test
OBJS_net_test := base/net.o base/buf.o
OBJS_penalties_test := $(PENALTIES_OBJS)
