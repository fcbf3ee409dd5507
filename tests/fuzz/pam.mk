FUZZERS += talk_fuzz
OBJS_talk_fuzz := auth/talk.o base/buf.o
