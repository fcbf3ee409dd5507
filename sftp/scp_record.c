#include "sftp/scp.h"

static bool
fail(const char **why_out, const char *why)
{
	*why_out = why;
	return false;
}

static bool
take_byte(struct view *v, uint8_t b)
{
	if (v->n == 0 || v->p[0] != b)
		return false;
	*v = view_of(v->p + 1, v->n - 1);
	return true;
}

/* Decimal digits, one at least, below 2^63. */
static bool
take_number(struct view *v, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < v->n && v->p[i] >= '0' && v->p[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(v->p[i] - '0');

		if (n > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*v = view_of(v->p + i, v->n - i);
	*out = n;
	return i != 0;
}

static bool
take_mode(struct view *v, uint32_t *out)
{
	uint32_t mode = 0;

	for (size_t i = 0; i < 4; i++) {
		if (i == v->n || v->p[i] < '0' || v->p[i] > '7')
			return false;
		mode = mode << 3 | (uint32_t)(v->p[i] - '0');
	}
	*v = view_of(v->p + 4, v->n - 4);
	*out = mode;
	return true;
}

/* seconds, space, microseconds */
static bool
take_time(struct view *v, struct timespec *out)
{
	uint64_t sec, usec;

	if (!take_number(v, &sec) || !take_byte(v, ' ') ||
	    !take_number(v, &usec) || usec > 999999)
		return false;
	*out = (struct timespec){ .tv_sec = (time_t)sec,
	    .tv_nsec = (long)usec * 1000 };
	return true;
}

static bool
times(struct view v, struct scp_record *r, const char **why_out)
{
	if (!take_time(&v, &r->times[1]) || !take_byte(&v, ' ') ||
	    !take_time(&v, &r->times[0]) || v.n != 0)
		return fail(why_out, "bad times");
	return true;
}

/* One component, and no way up: what a name that is none could do is known
 * from CVE-2018-20685 and CVE-2019-6111, seen from the other side. */
static bool
is_name(struct view v)
{
	if (v.n == 0 || view_is(v, ".") || view_is(v, ".."))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '/' || v.p[i] == '\0')
			return false;
	return true;
}

static bool
entry(struct view v, struct scp_record *r, const char **why_out)
{
	if (!take_mode(&v, &r->mode))
		return fail(why_out, "bad mode");
	if (!take_byte(&v, ' '))
		return fail(why_out, "mode not delimited");
	if (!take_number(&v, &r->size))
		return fail(why_out, "bad size");
	if (!take_byte(&v, ' '))
		return fail(why_out, "size not delimited");
	r->name = v;
	return is_name(v) || fail(why_out, "unexpected file name");
}

bool
scp_record(struct view line, struct scp_record *out, const char **why_out)
{
	struct view v = line;

	*out = (struct scp_record){ .kind = '\0' };
	if (line.n == 0)
		return fail(why_out, "unexpected <newline>");
	out->kind = (char)line.p[0];
	v = view_of(line.p + 1, line.n - 1);
	switch (line.p[0]) {
	case 'C':
	case 'D':
		return entry(v, out, why_out);
	case 'T':
		return times(v, out, why_out);
	case 'E':
		return v.n == 0 || fail(why_out, "bad end of a directory");
	case 1:
	case 2:
		out->kind = (char)('0' + line.p[0]);
		out->name = v;
		return true;
	default:
		return fail(why_out, "expected control record");
	}
}
