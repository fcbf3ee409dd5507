TESTS += tool_test
OBJS_tool_test := chroot/tool/tool.o chroot/tool/ask.o chroot/tool/passwd.o \
	chroot/tool/totp.o base/otp_secret.o base/buf.o base/err.o
LIBS_tool_test := -lcrypt
TESTS += tool_jail_test
OBJS_tool_jail_test := chroot/tool/jail_add.o chroot/tool/jail_needs.o \
	chroot/tool/jail_place.o chroot/tool/tool.o base/buf.o
