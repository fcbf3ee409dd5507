TESTS += forward_test
OBJS_forward_test := base/forward.o base/net.o base/buf.o
TESTS += messages_forward_test
OBJS_messages_forward_test := base/messages_forward.o base/forward.o \
	base/net.o base/buf.o
TESTS += lookups_test
OBJS_lookups_test := auth/account_lookup.o chroot/lookups.o chroot/child.o base/fds.o \
	base/privdrop.o base/ipc.o base/log.o base/messages_forward.o \
	base/forward.o base/net.o base/buf.o base/err.o
FLOWS_OBJS := chroot/flows.o chroot/flows_open.o chroot/flows_listen.o \
	chroot/flows_bind.o chroot/flows_private.o \
	base/log_budget.o base/messages_forward.o base/forward.o
TESTS += flows_test
OBJS_flows_test = $(FLOWS_OBJS) base/log.o $(MESSAGES_OBJS)
TESTS += log_budget_test
OBJS_log_budget_test := base/log_budget.o
