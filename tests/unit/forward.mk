TESTS += forward_test
OBJS_forward_test := base/forward.o base/net.o base/buf.o
