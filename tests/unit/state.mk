TESTS += state_test
OBJS_state_test := chroot/state.o base/buf.o
TESTS += userstore_test
OBJS_userstore_test := chroot/userstore.o chroot/state.o base/buf.o
