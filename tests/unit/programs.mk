# Programs of the operator's.
TESTS += program_test json_test auth_program_test config_programs_test
OBJS_config_programs_test := $(CONFIG_OBJS)
LIBS_config_programs_test := -lyaml
OBJS_program_test := $(PROGRAM_OBJS)
OBJS_json_test := auth/document.o base/json_text.o $(JSON_OBJS)
LIBS_json_test := -ljansson
OBJS_auth_program_test := tests/unit/auth_peer.o $(AUTH_OBJS)
LIBS_auth_program_test := $(AUTH_LIBS)
TESTS += fetch_test
OBJS_fetch_test := auth/fetch.o base/buf.o
