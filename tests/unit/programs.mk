# Programs of the operator's.
PROGRAM_OBJS := auth/program.o auth/program_child.o auth/program_path.o \
	base/fds.o base/privdrop.o base/proctitle.o base/log.o base/buf.o

TESTS += program_test
OBJS_program_test := $(PROGRAM_OBJS)
