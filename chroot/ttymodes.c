#include <stdint.h>
#include <unistd.h>

#include "chroot/ttymodes.h"

#define OP_END		0
#define OP_UNKNOWN	160	/* from here on no argument is defined */
#define OP_ISPEED	128
#define OP_OSPEED	129
#define DISABLED	255	/* as SSH says _POSIX_VDISABLE */

enum kind { NOTHING, CHARACTER, INPUT, OUTPUT, LOCAL, CONTROL, SIZE };

/* VDSUSP (11), VFLUSH (15) and VSTATUS (17) are unknown to Linux. */
static const struct mode {
	uint8_t kind;		/* enum kind */
	tcflag_t what;		/* index into c_cc, or flag */
} modes[OP_UNKNOWN] = {
	[1] = { CHARACTER, VINTR }, [2] = { CHARACTER, VQUIT },
	[3] = { CHARACTER, VERASE }, [4] = { CHARACTER, VKILL },
	[5] = { CHARACTER, VEOF }, [6] = { CHARACTER, VEOL },
	[7] = { CHARACTER, VEOL2 }, [8] = { CHARACTER, VSTART },
	[9] = { CHARACTER, VSTOP }, [10] = { CHARACTER, VSUSP },
	[12] = { CHARACTER, VREPRINT }, [13] = { CHARACTER, VWERASE },
	[14] = { CHARACTER, VLNEXT }, [16] = { CHARACTER, VSWTC },
	[18] = { CHARACTER, VDISCARD },
	[30] = { INPUT, IGNPAR }, [31] = { INPUT, PARMRK },
	[32] = { INPUT, INPCK }, [33] = { INPUT, ISTRIP },
	[34] = { INPUT, INLCR }, [35] = { INPUT, IGNCR },
	[36] = { INPUT, ICRNL }, [37] = { INPUT, IUCLC },
	[38] = { INPUT, IXON }, [39] = { INPUT, IXANY },
	[40] = { INPUT, IXOFF }, [41] = { INPUT, IMAXBEL },
	[42] = { INPUT, IUTF8 },
	[50] = { LOCAL, ISIG }, [51] = { LOCAL, ICANON },
	[52] = { LOCAL, XCASE }, [53] = { LOCAL, ECHO },
	[54] = { LOCAL, ECHOE }, [55] = { LOCAL, ECHOK },
	[56] = { LOCAL, ECHONL }, [57] = { LOCAL, NOFLSH },
	[58] = { LOCAL, TOSTOP }, [59] = { LOCAL, IEXTEN },
	[60] = { LOCAL, ECHOCTL }, [61] = { LOCAL, ECHOKE },
	[62] = { LOCAL, PENDIN },
	[70] = { OUTPUT, OPOST }, [71] = { OUTPUT, OLCUC },
	[72] = { OUTPUT, ONLCR }, [73] = { OUTPUT, OCRNL },
	[74] = { OUTPUT, ONOCR }, [75] = { OUTPUT, ONLRET },
	[90] = { SIZE, CS7 }, [91] = { SIZE, CS8 },
	[92] = { CONTROL, PARENB }, [93] = { CONTROL, PARODD },
};

static const struct speed {
	uint32_t baud;
	speed_t code;
} speeds[] = {
	{ 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 },
	{ 150, B150 }, { 200, B200 }, { 300, B300 }, { 600, B600 },
	{ 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 }, { 4800, B4800 },
	{ 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 },
	{ 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 },
	{ 460800, B460800 }, { 500000, B500000 }, { 576000, B576000 },
	{ 921600, B921600 }, { 1000000, B1000000 }, { 1152000, B1152000 },
	{ 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 },
	{ 3000000, B3000000 }, { 3500000, B3500000 }, { 4000000, B4000000 },
};

static void
set_flag(tcflag_t *flags, tcflag_t flag, bool on)
{
	if (on)
		*flags |= flag;
	else
		*flags &= ~flag;
}

/* A speed between two is the lower one. */
static speed_t
speed_of(uint32_t baud)
{
	speed_t code = B0;

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud <= baud)
			code = speeds[i].code;
	return code;
}

static void
set_speed(struct termios *t, uint8_t op, uint32_t baud)
{
	speed_t s = speed_of(baud);

	/* B0 would hang up. */
	if (s == B0)
		return;
	if (op == OP_ISPEED)
		cfsetispeed(t, s);
	else
		cfsetospeed(t, s);
}

static void
set_mode(struct termios *t, const struct mode *m, uint32_t arg)
{
	switch ((enum kind)m->kind) {
	case CHARACTER:
		t->c_cc[m->what] = arg == DISABLED ? _POSIX_VDISABLE :
		    (cc_t)arg;
		break;
	case INPUT:
		set_flag(&t->c_iflag, m->what, arg != 0);
		break;
	case OUTPUT:
		set_flag(&t->c_oflag, m->what, arg != 0);
		break;
	case LOCAL:
		set_flag(&t->c_lflag, m->what, arg != 0);
		break;
	case CONTROL:
		set_flag(&t->c_cflag, m->what, arg != 0);
		break;
	case SIZE:
		if (arg != 0)
			t->c_cflag = (t->c_cflag & ~(tcflag_t)CSIZE) |
			    m->what;
		break;
	case NOTHING:
		break;
	}
}

void
ttymodes_apply(struct view left, struct termios *t)
{
	struct rd r = rd_of(left);
	uint32_t arg;
	uint8_t op;

	while ((op = rd_u8(&r)) != OP_END && op < OP_UNKNOWN) {
		arg = rd_u32(&r);
		if (r.bad)
			return;
		if (op == OP_ISPEED || op == OP_OSPEED)
			set_speed(t, op, arg);
		else
			set_mode(t, &modes[op], arg);
	}
}

static unsigned short
clamp(uint32_t n)
{
	return n > UINT16_MAX ? UINT16_MAX : (unsigned short)n;
}

struct winsize
ttymodes_window(const struct msg_window *m)
{
	return (struct winsize){
		.ws_row = clamp(m->rows), .ws_col = clamp(m->cols),
		.ws_xpixel = clamp(m->width), .ws_ypixel = clamp(m->height),
	};
}
