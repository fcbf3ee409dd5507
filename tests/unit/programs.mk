# Programs of the operator's.
PROGRAM_OBJS := auth/program.o auth/program_child.o auth/program_path.o \
	base/fds.o base/privdrop.o base/proctitle.o base/log.o base/buf.o

TESTS += program_test
OBJS_program_test := $(PROGRAM_OBJS)
JSON_OBJS := auth/json.o base/config_values.o base/envname.o base/policy.o base/calendar.o \
	base/buf.o

TESTS += json_test
OBJS_json_test := auth/document.o base/json_text.o $(JSON_OBJS)
LIBS_json_test := -ljansson
