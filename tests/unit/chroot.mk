MESSAGES_OBJS := base/messages.o base/policy.o base/penalty_bytes.o \
	base/net.o base/buf.o base/err.o
WARDS_OBJS := chroot/requests.o chroot/wards.o base/ipc.o \
	base/messages_forward.o base/forward.o $(MESSAGES_OBJS)
KEEPER_OBJS := $(addprefix chroot/,keeper.o keeper_end.o keeper_files.o \
	keeper_flows.o keeper_root.o keeper_run.o keeper_say.o environ.o \
	spawn.o ttymodes.o) \
	base/envname.o
SESSION_OBJS = chroot/session.o chroot/serve.o \
	$(FLOWS_OBJS) chroot/session_role.o \
	chroot/child.o base/fds.o \
	chroot/jail.o chroot/sandbox.o chroot/landlock.o base/privdrop.o \
	$(KEEPER_OBJS) \
	base/proctitle.o base/ipc.o base/log.o $(MESSAGES_OBJS)

TESTS += chroot_requests_test chroot_jail_test chroot_log_format_test \
	chroot_privdrop_test chroot_parts_test chroot_session_test \
	chroot_hostkeys_test
OBJS_chroot_requests_test := $(WARDS_OBJS)
OBJS_chroot_jail_test := chroot/jail.o base/policy.o base/buf.o
OBJS_chroot_log_format_test := chroot/log_format.o base/json_text.o base/log.o \
	base/buf.o
OBJS_chroot_privdrop_test := base/privdrop.o chroot/sandbox.o \
	chroot/landlock.o base/buf.o
LIBS_chroot_privdrop_test := -lseccomp
OBJS_chroot_parts_test := chroot/outq.o chroot/tokens.o chroot/log_who.o \
	chroot/listeners.o base/ipc.o $(MESSAGES_OBJS)
OBJS_chroot_session_test = $(SESSION_OBJS) $(SFTP_OBJS) $(CRYPTO_OBJS)
LIBS_chroot_session_test := -lseccomp $(CRYPTO_LIBS)
OBJS_chroot_hostkeys_test := chroot/hostkeys.o base/err.o $(SSHKEY_OBJS)
LIBS_chroot_hostkeys_test := $(CRYPTO_LIBS)
