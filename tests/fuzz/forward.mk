FUZZERS += forward_fuzz
OBJS_forward_fuzz := base/forward.o base/net.o base/buf.o
