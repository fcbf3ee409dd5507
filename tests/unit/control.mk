TESTS += control_test
OBJS_control_test := base/control.o chroot/control_requests.o \
	chroot/control_socket.o base/penalty_bytes.o base/net.o base/buf.o
