#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "chroot/ttymodes.h"

static void
apply(struct termios *t, uint8_t op, uint32_t arg)
{
	struct wr w = wr_new(64);

	wr_u8(&w, op);
	wr_u32(&w, arg);
	wr_u8(&w, 0);
	ttymodes_apply(wr_view(&w), t);
	wr_free(&w);
}

/* RFC 4254 8, with termios' names. */
static const struct {
	uint8_t op, cc;
} characters[] = {
	{ 1, VINTR }, { 2, VQUIT }, { 3, VERASE }, { 4, VKILL }, { 5, VEOF },
	{ 6, VEOL }, { 7, VEOL2 }, { 8, VSTART }, { 9, VSTOP }, { 10, VSUSP },
	{ 12, VREPRINT }, { 13, VWERASE }, { 14, VLNEXT }, { 18, VDISCARD },
};

static void
test_characters(void **state)
{
	struct termios t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]);
	    i++) {
		apply(&t, characters[i].op, 3 + (uint32_t)i);
		assert_int_equal(t.c_cc[characters[i].cc], 3 + i);
		apply(&t, characters[i].op, 255);
		assert_int_equal(t.c_cc[characters[i].cc], _POSIX_VDISABLE);
	}
}

#define F(op, field, flag) { op, offsetof(struct termios, field), flag }
static const struct {
	uint8_t op;
	size_t offset;
	tcflag_t flag;
} flags[] = {
	F(30, c_iflag, IGNPAR), F(31, c_iflag, PARMRK), F(32, c_iflag, INPCK),
	F(33, c_iflag, ISTRIP), F(34, c_iflag, INLCR), F(35, c_iflag, IGNCR),
	F(36, c_iflag, ICRNL), F(37, c_iflag, IUCLC), F(38, c_iflag, IXON),
	F(39, c_iflag, IXANY), F(40, c_iflag, IXOFF),
	F(41, c_iflag, IMAXBEL), F(42, c_iflag, IUTF8),
	F(50, c_lflag, ISIG), F(51, c_lflag, ICANON), F(53, c_lflag, ECHO),
	F(54, c_lflag, ECHOE), F(55, c_lflag, ECHOK), F(56, c_lflag, ECHONL),
	F(57, c_lflag, NOFLSH), F(58, c_lflag, TOSTOP),
	F(59, c_lflag, IEXTEN), F(60, c_lflag, ECHOCTL),
	F(61, c_lflag, ECHOKE), F(62, c_lflag, PENDIN),
	F(70, c_oflag, OPOST), F(71, c_oflag, OLCUC), F(72, c_oflag, ONLCR),
	F(73, c_oflag, OCRNL), F(74, c_oflag, ONOCR), F(75, c_oflag, ONLRET),
	F(92, c_cflag, PARENB), F(93, c_cflag, PARODD),
};

static void
test_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct termios t = { 0 };
		tcflag_t *field = (void *)((uint8_t *)&t + flags[i].offset);

		apply(&t, flags[i].op, 1);
		assert_int_equal(*field, flags[i].flag);
		*field = ~(tcflag_t)0;
		apply(&t, flags[i].op, 0);
		assert_int_equal(*field, (tcflag_t)~flags[i].flag);
	}
}

static void
test_sizes_and_speeds(void **state)
{
	struct termios t = { .c_cflag = CS8 };

	(void)state;
	apply(&t, 90, 1);
	assert_int_equal(t.c_cflag & CSIZE, CS7);
	apply(&t, 91, 0);
	assert_int_equal(t.c_cflag & CSIZE, CS7);
	apply(&t, 91, 1);
	assert_int_equal(t.c_cflag & CSIZE, CS8);
	apply(&t, 128, 9600);
	apply(&t, 129, 115200);
	assert_int_equal(cfgetospeed(&t), B115200);
	apply(&t, 129, 39000);	/* between two */
	assert_int_equal(cfgetospeed(&t), B38400);
	apply(&t, 129, UINT32_MAX);
	assert_int_equal(cfgetospeed(&t), B4000000);
	apply(&t, 129, 0);	/* would hang up */
	assert_int_equal(cfgetospeed(&t), B4000000);
}

/* Opcodes that nobody knows are passed over up to where their arguments have
 * no defined length; what is cut short changes nothing. */
static void
test_odd(void **state)
{
	static const uint8_t unknown[] = {
		11, 0, 0, 0, 7, 99, 1, 2, 3, 4, 53, 0, 0, 0, 1, 0,
	};
	static const uint8_t behind[] = {
		160, 53, 0, 0, 0, 1, 0,
	};
	static const uint8_t ended[] = { 0, 53, 0, 0, 0, 1 };
	static const uint8_t cut[] = { 53, 0, 0, 0 };
	static const uint8_t no_end[] = { 53, 0, 0, 0, 1 };
	struct termios t = { 0 }, zero = { 0 };

	(void)state;
	ttymodes_apply(view_of(behind, sizeof(behind)), &t);
	ttymodes_apply(view_of(ended, sizeof(ended)), &t);
	ttymodes_apply(view_of(cut, sizeof(cut)), &t);
	ttymodes_apply(view_of(NULL, 0), &t);
	assert_memory_equal(&t, &zero, sizeof(t));
	ttymodes_apply(view_of(unknown, sizeof(unknown)), &t);
	assert_int_equal(t.c_lflag, ECHO);
	t.c_lflag = 0;
	ttymodes_apply(view_of(no_end, sizeof(no_end)), &t);
	assert_int_equal(t.c_lflag, ECHO);
}

static void
test_window(void **state)
{
	struct msg_window m = { 80, 24, 640, 480 };
	struct winsize w = ttymodes_window(&m);

	(void)state;
	assert_int_equal(w.ws_col, 80);
	assert_int_equal(w.ws_row, 24);
	assert_int_equal(w.ws_xpixel, 640);
	assert_int_equal(w.ws_ypixel, 480);
	m = (struct msg_window){ UINT32_MAX, 65536, 65535, 0 };
	w = ttymodes_window(&m);
	assert_int_equal(w.ws_col, 65535);
	assert_int_equal(w.ws_row, 65535);
	assert_int_equal(w.ws_xpixel, 65535);
	assert_int_equal(w.ws_ypixel, 0);
}

/* The kernel takes all of it. */
static void
test_real(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios t;
	struct wr w = wr_new(4096);

	(void)state;
	if (master == -1)
		skip();
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave != -1);
	assert_int_equal(tcgetattr(slave, &t), 0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		wr_u8(&w, flags[i].op);
		wr_u32(&w, flags[i].op == 53 ? 0 : 1);
	}
	wr_u8(&w, 1);
	wr_u32(&w, 5);
	ttymodes_apply(wr_view(&w), &t);
	assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	assert_int_equal(t.c_lflag & ECHO, 0);
	assert_int_not_equal(t.c_lflag & ICANON, 0);
	assert_int_not_equal(t.c_iflag & IUTF8, 0);
	assert_int_equal(t.c_cc[VINTR], 5);
	wr_free(&w);
	close(slave);
	close(master);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_sizes_and_speeds),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
