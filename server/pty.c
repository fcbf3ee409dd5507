/* Encoded terminal modes (RFC 4254 8, RFC 8160). */
#include "server/ssh_server.h"

#define PTY_OP_END	0
#define PTY_OP_UNKNOWN	160	/* from here on no argument is defined */

static const char *const mode_names[PTY_OP_UNKNOWN] = {
	[PTY_OP_END] = "TTY_OP_END",
	[1] = "VINTR", [2] = "VQUIT", [3] = "VERASE", [4] = "VKILL",
	[5] = "VEOF", [6] = "VEOL", [7] = "VEOL2", [8] = "VSTART",
	[9] = "VSTOP", [10] = "VSUSP", [11] = "VDSUSP", [12] = "VREPRINT",
	[13] = "VWERASE", [14] = "VLNEXT", [15] = "VFLUSH", [16] = "VSWTCH",
	[17] = "VSTATUS", [18] = "VDISCARD",
	[30] = "IGNPAR", [31] = "PARMRK", [32] = "INPCK", [33] = "ISTRIP",
	[34] = "INLCR", [35] = "IGNCR", [36] = "ICRNL", [37] = "IUCLC",
	[38] = "IXON", [39] = "IXANY", [40] = "IXOFF", [41] = "IMAXBEL",
	[42] = "IUTF8",
	[50] = "ISIG", [51] = "ICANON", [52] = "XCASE", [53] = "ECHO",
	[54] = "ECHOE", [55] = "ECHOK", [56] = "ECHONL", [57] = "NOFLSH",
	[58] = "TOSTOP", [59] = "IEXTEN", [60] = "ECHOCTL", [61] = "ECHOKE",
	[62] = "PENDIN",
	[70] = "OPOST", [71] = "OLCUC", [72] = "ONLCR", [73] = "OCRNL",
	[74] = "ONOCR", [75] = "ONLRET",
	[90] = "CS7", [91] = "CS8", [92] = "PARENB", [93] = "PARODD",
	[128] = "TTY_OP_ISPEED", [129] = "TTY_OP_OSPEED"
};

bool
ssh_pty_mode_next(struct view *modes, uint8_t *op, uint32_t *arg)
{
	if (modes->n < 5 || modes->p[0] == PTY_OP_END ||
	    modes->p[0] >= PTY_OP_UNKNOWN)
		return false;
	*op = modes->p[0];
	*arg = get_u32(modes->p + 1);
	modes->p += 5;
	modes->n -= 5;
	return true;
}

const char *
ssh_pty_mode_name(uint8_t op)
{
	return op < PTY_OP_UNKNOWN ? mode_names[op] : NULL;
}
