SFTP_OBJS := sftp/attrs.o sftp/copy.o sftp/dir.o sftp/events.o \
	sftp/handles.o sftp/open.o \
	sftp/op_dir.o sftp/op_ext.o sftp/op_file.o sftp/op_path.o \
	sftp/ops_table.o sftp/parse.o sftp/reply.o sftp/resolve.o \
	sftp/session.o sftp/status.o base/buf.o base/err.o base/log.o

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
