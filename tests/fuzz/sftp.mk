FUZZERS += sftp_fuzz scp_fuzz command_fuzz
OBJS_sftp_fuzz := tests/fuzz/root.o $(SFTP_OBJS)
EXEC_FUZZ := tests/fuzz/root.o tests/fuzz/exec_drive.o
OBJS_scp_fuzz := $(EXEC_FUZZ) $(SFTP_OBJS)
OBJS_command_fuzz := $(EXEC_FUZZ) $(SFTP_OBJS)
