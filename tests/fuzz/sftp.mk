FUZZERS += sftp_fuzz
OBJS_sftp_fuzz := $(SFTP_OBJS)
