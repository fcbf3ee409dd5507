SFTP_OBJS := $(addprefix sftp/,attrs.o builtin.o checksum.o command.o copy.o \
	dir.o events.o exec.o glob.o handles.o match.o op_dir.o op_ext.o \
	op_file.o op_path.o open.o ops_table.o parse.o reply.o resolve.o \
	scp.o scp_record.o scp_sink.o scp_source.o session.o status.o \
	text.o) base/buf.o base/err.o base/log.o

TESTS += sftp_parse_test sftp_words_test sftp_session_test sftp_file_test \
	sftp_path_test sftp_policy_test sftp_fallback_test
OBJS_sftp_parse_test := sftp/parse.o base/buf.o base/err.o
OBJS_sftp_words_test := sftp/attrs.o sftp/resolve.o sftp/status.o \
	base/buf.o base/err.o
OBJS_sftp_session_test := tests/unit/sftp_client.o $(SFTP_OBJS)
OBJS_sftp_file_test := tests/unit/sftp_client.o $(SFTP_OBJS)
OBJS_sftp_path_test := tests/unit/sftp_client.o $(SFTP_OBJS)
OBJS_sftp_policy_test := tests/unit/sftp_client.o $(SFTP_OBJS)
OBJS_sftp_fallback_test := tests/unit/sftp_client.o $(SFTP_OBJS)

# Commands that are served without a program.
EXEC_PEER := tests/unit/exec_peer.o tests/unit/sftp_client.o
TESTS += command_test
OBJS_command_test := sftp/command.o sftp/match.o sftp/text.o base/buf.o
TESTS += glob_test
OBJS_glob_test := tests/unit/sftp_client.o $(SFTP_OBJS)
TESTS += scp_record_test scp_sink_test scp_source_test builtin_test
OBJS_scp_record_test := $(SFTP_OBJS)
OBJS_scp_sink_test := $(EXEC_PEER) $(SFTP_OBJS)
OBJS_scp_source_test := $(EXEC_PEER) $(SFTP_OBJS)
OBJS_builtin_test := $(EXEC_PEER) $(SFTP_OBJS) $(CRYPTO_OBJS)
LIBS_builtin_test := $(CRYPTO_LIBS)
