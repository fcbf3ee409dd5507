#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/control.h"
#include "chroot/tool/tool.h"

struct words {
	const char *control, *what, *source;
	bool json, all;
};

static bool
read_words(int argc, char **argv, struct words *w)
{
	static const struct option options[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	*w = (struct words){ .control = CONFIG_CONTROL, .what = "list" };
	optind = 0;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			w->control = optarg;
		else if (o == 'j')
			w->json = true;
		else if (o == 'a')
			w->all = true;
		else
			return false;
	}
	if (optind < argc)
		w->what = argv[optind++];
	if (optind < argc)
		w->source = argv[optind++];
	if (optind != argc)
		return false;
	if (strcmp(w->what, "list") == 0)
		return w->source == NULL && !w->all;
	return strcmp(w->what, "clear") == 0 && !w->json &&
	    (w->source != NULL) != w->all;
}

/* ---- list ---- */

struct list {
	bool json;
	time_t now;
	uint32_t n;
};

static void
print_entry(struct list *l, const struct penalty *e)
{
	unsigned long long left = (e->until + 999) / 1000;
	time_t until = l->now + (time_t)left;
	char src[NET_TEXT_MAX], when[32];
	struct tm tm;

	net_text(&e->net, src);
	gmtime_r(&until, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (l->json)
		printf("%s\n  {\"source\": \"%s\", \"reason\": \"%s\", "
		    "\"barred\": %s, \"seconds\": %llu, \"until\": \"%s\"}",
		    l->n == 0 ? "" : ",", src, penalty_word(e->reason),
		    e->barred ? "true" : "false", left, when);
	else
		printf("%-43s  %-14s  %-8s  %6llus  %s\n", src,
		    penalty_word(e->reason), e->barred ? "barred" :
		    "counting", left, when);
	l->n++;
}

/* Prints the frames of an answer as they come. */
static bool
print_answer(int fd, uint8_t *frame, struct list *l)
{
	struct control_entries m;
	struct control_done done;
	struct ipc_msg msg;
	struct penalty e;

	for (;;) {
		if (!tool_warden_read(fd, frame, &msg))
			return false;
		if (msg.type == CONTROL_DONE &&
		    get_control_done(msg.body, &done) && done.count == l->n)
			return true;
		if (msg.type != CONTROL_ENTRIES ||
		    !get_control_entries(msg.body, &m)) {
			tool_complain("the daemon's answer makes no sense");
			return false;
		}
		while (control_entry_next(&m, &e))
			print_entry(l, &e);
	}
}

static int
list(int fd, uint8_t *frame, bool json)
{
	struct list l = { .json = json, .now = time(NULL) };
	bool ok;

	if (!tool_warden_ask(fd, CONTROL_PENALTIES, view_of(NULL, 0)))
		return TOOL_FAILED;
	if (json)
		putchar('[');
	else
		printf("%-43s  %-14s  %-8s  %7s  %s\n", "SOURCE", "REASON",
		    "STATE", "LEFT", "UNTIL");
	ok = print_answer(fd, frame, &l);
	if (json)
		puts(l.n != 0 ? "\n]" : "]");
	return ok ? TOOL_OK : TOOL_FAILED;
}

/* ---- clear ---- */

static int
clear(int fd, uint8_t *frame, const struct control_clear *m)
{
	struct wr w = wr_new(64);
	struct control_done done;
	struct ipc_msg msg;
	bool ok;

	put_control_clear(&w, m);
	ok = tool_warden_ask(fd, CONTROL_CLEAR, wr_view(&w)) &&
	    tool_warden_read(fd, frame, &msg);
	wr_free(&w);
	if (!ok)
		return TOOL_FAILED;
	if (msg.type != CONTROL_DONE || !get_control_done(msg.body, &done))
		return tool_complain("the daemon's answer makes no sense");
	printf("%u %s freed\n", done.count, done.count == 1 ? "source" :
	    "sources");
	return TOOL_OK;
}

int
tool_penalties(int argc, char **argv)
{
	struct control_clear m = { .all = false };
	uint8_t *frame;
	struct words w;
	int fd, status = TOOL_FAILED;

	if (!read_words(argc, argv, &w))
		return TOOL_USAGE;
	m.all = w.all;
	if (w.source != NULL && !net_parse(view_str(w.source), &m.net))
		return tool_complain("\"%s\" is not an address or network",
		    w.source);
	if ((fd = tool_warden(w.control)) == -1)
		return TOOL_FAILED;
	if ((frame = malloc(IPC_MAX_FRAME)) == NULL)
		tool_complain("out of memory");
	else if (strcmp(w.what, "list") == 0)
		status = list(fd, frame, w.json);
	else
		status = clear(fd, frame, &m);
	free(frame);
	close(fd);
	return status;
}
