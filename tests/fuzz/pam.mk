FUZZERS += talk_fuzz
OBJS_talk_fuzz := auth/talk.o base/buf.o
FUZZERS += host_fuzz
OBJS_host_fuzz := $(OBJS_host_test)
