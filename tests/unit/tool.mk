TESTS += tool_test
OBJS_tool_test := chroot/tool/tool.o chroot/tool/ask.o chroot/tool/passwd.o \
	chroot/tool/totp.o base/otp_secret.o base/buf.o base/err.o
LIBS_tool_test := -lcrypt
