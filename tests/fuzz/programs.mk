FUZZERS += json_ask_fuzz json_decision_fuzz
OBJS_json_ask_fuzz = $(JSON_OBJS)
LIBS_json_ask_fuzz := -ljansson
OBJS_json_decision_fuzz = $(JSON_OBJS)
LIBS_json_decision_fuzz := -ljansson
FUZZERS += fetch_fuzz
OBJS_fetch_fuzz := auth/fetch.o base/buf.o
