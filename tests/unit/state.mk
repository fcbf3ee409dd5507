TESTS += state_test
OBJS_state_test := chroot/state.o base/buf.o
