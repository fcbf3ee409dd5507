TESTS += buf_test
OBJS_buf_test := base/buf.o base/err.o
