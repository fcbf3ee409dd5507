#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "chroot/tool/tool.h"

/* ---- one line ---- */

/* Where a line is being put.  Byte by byte: what stands behind the newline
 * is the next reader's. */
struct line {
	char *out;
	size_t n, len;
	bool any, nul, over;
};

/* ERR_AGAIN: the line goes on. */
static enum err
take_byte(int fd, struct line *l)
{
	ssize_t got;
	char b;

	do
		got = read(fd, &b, 1);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return ERR_SYS;
	if (got == 0 && !l->any)
		return ERR_CLOSED;
	if (got == 0 || b == '\n')
		return l->nul ? ERR_PROTO : l->over ? ERR_LIMIT : OK;
	l->any = true;
	l->nul |= b == '\0';
	if (l->len + 1 < l->n)
		l->out[l->len++] = b;
	else
		l->over = true;
	wipe(&b, 1);
	return ERR_AGAIN;
}

static enum err
finish_line(struct line *l, enum err e)
{
	if (e == OK)
		l->out[l->len] = '\0';
	else
		wipe(l->out, l->n);
	return e;
}

enum err
tool_read_line(int fd, char *out, size_t n)
{
	struct line l = { .out = out, .n = n };
	enum err e;

	do
		e = take_byte(fd, &l);
	while (e == ERR_AGAIN);
	return finish_line(&l, e);
}

/* ---- without echo ---- */

/* Those that a user or the system may send while we ask. */
static void
asking_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTSTP);
}

static bool
echo_off(int tty, const struct termios *before)
{
	struct termios t = *before;

	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	return tcsetattr(tty, TCSAFLUSH, &t) == 0;
}

/* Waits for a byte or a signal: 0, the signal's number, or -1. */
static int
wait_input(int tty, int signals)
{
	struct pollfd p[2] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = tty, .events = POLLIN },
	};
	struct signalfd_siginfo si;

	while (poll(p, 2, -1) == -1)
		if (errno != EINTR)
			return -1;
	if (p[0].revents == 0)
		return 0;
	return read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si) ?
	    (int)si.ssi_signo : -1;
}

/* A whole line, or the signal that came first (*signal_out, ERR_AGAIN). */
static enum err
read_hidden(int tty, int signals, struct line *l, int *signal_out)
{
	enum err e;

	do {
		*signal_out = wait_input(tty, signals);
		if (*signal_out > 0)
			return ERR_AGAIN;
		e = *signal_out == -1 ? ERR_SYS : take_byte(tty, l);
	} while (e == ERR_AGAIN);
	return e;
}

static bool
say(int tty, const char *text)
{
	size_t n = strlen(text);

	return write(tty, text, n) == (ssize_t)n;
}

/* The signal does now what it would have done; from SIGTSTP we return when
 * the shell lets us go on. */
static void
let_signal_act(int number, const sigset_t *asking)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, number);
	kill(getpid(), number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, asking, NULL);
}

static enum err
ask_once(int tty, int signals, const struct termios *before,
    const char *prompt, struct line *l, int *signal_out)
{
	enum err e = ERR_SYS;
	int saved;

	if (echo_off(tty, before) && say(tty, prompt))
		e = read_hidden(tty, signals, l, signal_out);
	saved = errno;
	tcsetattr(tty, TCSAFLUSH, before);
	(void)say(tty, "\n");
	errno = saved;
	return e;
}

enum err
tool_ask(int tty, const char *prompt, char *out, size_t n)
{
	struct termios before;
	struct line l;
	sigset_t asking, old;
	int signals, number;
	enum err e = ERR_SYS;

	asking_signals(&asking);
	if (tcgetattr(tty, &before) == -1 ||
	    sigprocmask(SIG_BLOCK, &asking, &old) == -1)
		return ERR_SYS;
	signals = signalfd(-1, &asking, SFD_CLOEXEC);
	while (signals != -1) {
		number = 0;
		l = (struct line){ .out = out, .n = n };
		e = ask_once(tty, signals, &before, prompt, &l, &number);
		if (e != ERR_AGAIN)
			break;
		wipe(out, n);
		let_signal_act(number, &asking);
	}
	if (signals != -1) {
		close(signals);
		e = finish_line(&l, e);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return e;
}
