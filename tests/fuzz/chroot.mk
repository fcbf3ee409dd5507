FUZZERS += warden_fuzz logd_fuzz
OBJS_warden_fuzz = $(WARDS_OBJS)
OBJS_logd_fuzz = chroot/log_format.o base/json_text.o chroot/log_who.o base/log.o \
	$(MESSAGES_OBJS)
FUZZERS += elf_fuzz
OBJS_elf_fuzz := chroot/tool/jail_needs.o chroot/tool/tool.o base/buf.o
