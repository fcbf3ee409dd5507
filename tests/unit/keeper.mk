TESTS += ttymodes_test environ_test
OBJS_ttymodes_test := chroot/ttymodes.o base/buf.o
OBJS_environ_test = chroot/environ.o base/envname.o $(MESSAGES_OBJS)
TESTS += ptys_test
OBJS_ptys_test := chroot/ptys.o base/buf.o
TESTS += spawn_test
OBJS_spawn_test := chroot/spawn.o chroot/ptys.o base/buf.o
