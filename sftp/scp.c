#include <string.h>

#include "sftp/scp.h"
#include "sftp/text.h"

/* ---- what it is asked for ---- */

static bool
option(char c, struct scp_args *a)
{
	switch (c) {
	case 't':
		a->to = true;
		break;
	case 'f':
		a->from = true;
		break;
	case 'r':
		a->recursive = true;
		break;
	case 'p':
		a->times = true;
		break;
	case 'd':
		a->directory = true;
		break;
	case 'v':		/* talk about it */
	case 'q':		/* do not */
	case 'B':		/* ask for no password */
	case 'C':		/* compress: the connection's business */
		break;
	default:
		return false;
	}
	return true;
}

bool
scp_args(const struct command *c, struct scp_args *out, const char **why_out)
{
	size_t i = c->part[0].first + 1, end = i + c->part[0].n - 1;

	*out = (struct scp_args){ .first = 0 };
	for (; i < end; i++) {
		const char *w = c->word[i].text;

		if (w[0] != '-' || w[1] == '\0')
			break;
		if (strcmp(w, "--") == 0) {
			i++;
			break;
		}
		while (*++w != '\0')
			if (!option(*w, out)) {
				*why_out = "unknown option; -t, -f, -r, -p, "
				    "-d and -v are served";
				return false;
			}
	}
	out->first = i;
	out->n = end - i;
	*why_out = c->nparts != 1 ? "one command at a time" :
	    out->to == out->from ? "needs one of -t and -f; copies are made "
	    "by the client" :
	    out->n == 0 ? "needs a path" :
	    out->to && out->n != 1 ? "ambiguous target" : NULL;
	return *why_out == NULL;
}

/* ---- one that only says why not ---- */

static enum exec_step
refuse_step(struct exec_session *s)
{
	return scp_fatal(s, s->state);
}

static void
refuse_free(struct exec_session *s)
{
	s->state = NULL;
}

bool
scp_refuse(struct exec_session *s, const char *why)
{
	static const struct exec_service refuse = {
		.name = "scp", .level = LOG_DEBUG,
		.step = refuse_step, .free = refuse_free,
	};

	s->service = &refuse;
	s->state = (void *)(uintptr_t)why;
	return true;
}

bool
scp_start(struct exec_session *s)
{
	struct scp_args a;
	const char *why;

	if (!scp_args(s->command, &a, &why))
		return scp_refuse(s, why);
	s->state = a.to ? scp_sink_new(s, &a) : scp_source_new(s, &a);
	if (s->state == NULL)
		return false;
	s->service = a.to ? &scp_sink : &scp_source;
	return true;
}

/* ---- talking ---- */

void
scp_yes(struct exec_session *s)
{
	wr_u8(&s->out, 0);
}

void
scp_no(struct exec_session *s, const char *name, const char *what,
    const char *why)
{
	s->status = 1;
	wr_bytes(&s->out, view_str("\1scp: "));
	text_visible(&s->out, view_str(name));
	wr_bytes(&s->out, view_str(": "));
	if (what != NULL) {
		wr_bytes(&s->out, view_str(what));
		wr_bytes(&s->out, view_str(": "));
	}
	wr_bytes(&s->out, view_str(why));
	wr_bytes(&s->out, view_str("\n"));
}

static enum exec_step
fatal(struct exec_session *s, const char *what, const char *why)
{
	s->status = 1;
	s->fault = why;
	wr_bytes(&s->out, view_str("\2scp: "));
	wr_bytes(&s->out, view_str(what));
	wr_bytes(&s->out, view_str(why));
	wr_bytes(&s->out, view_str("\n"));
	return EXEC_OVER;
}

enum exec_step
scp_fatal(struct exec_session *s, const char *why)
{
	return fatal(s, "", why);
}

enum exec_step
scp_broken(struct exec_session *s, const char *why)
{
	return fatal(s, "protocol error: ", why);
}

enum err
scp_line(struct exec_session *s, struct view *line_out)
{
	struct view v = wr_view(&s->in);
	size_t most = v.n < SCP_LINE_MAX ? v.n : SCP_LINE_MAX;
	const uint8_t *nl = v.n != 0 ? memchr(v.p, '\n', most) : NULL;

	if (nl == NULL && v.n >= SCP_LINE_MAX)
		return ERR_LIMIT;
	if (nl == NULL)
		return s->eof ? ERR_CLOSED : ERR_AGAIN;
	*line_out = view_of(v.p, (size_t)(nl - v.p));
	/* The bytes stay where they are until others come. */
	wr_consume(&s->in, line_out->n + 1);
	return OK;
}

enum scp_answer
scp_answer(struct exec_session *s)
{
	struct view v = wr_view(&s->in), line;

	if (v.n == 0)
		return s->eof ? SCP_CUT : SCP_WAIT;
	if (v.p[0] == 0) {
		wr_consume(&s->in, 1);
		return SCP_YES;
	}
	switch (scp_line(s, &line)) {
	case OK:
		return line.n != 0 && line.p[0] == 1 ? SCP_NO : SCP_STOP;
	case ERR_AGAIN:
		return SCP_WAIT;
	case ERR_CLOSED:
		return SCP_CUT;
	default:
		return SCP_STOP;
	}
}
