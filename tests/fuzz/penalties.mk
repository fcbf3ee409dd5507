FUZZERS += control_fuzz penalties_fuzz
OBJS_control_fuzz := base/control.o chroot/control_requests.o \
	base/penalties.o base/penalty_bytes.o base/net.o base/buf.o
OBJS_penalties_fuzz := base/penalties.o base/penalties_file.o \
	base/penalty_bytes.o base/net.o base/buf.o
