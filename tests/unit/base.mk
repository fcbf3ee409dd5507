TESTS += buf_test ipc_test duct_test
OBJS_buf_test := base/buf.o base/err.o
OBJS_ipc_test := base/buf.o base/ipc.o base/log.o server/link.o
OBJS_duct_test := base/buf.o base/log.o server/duct.o server/drain.o \
	server/heap.o server/pollset.o base/messages.o \
	base/penalty_bytes.o base/net.o
