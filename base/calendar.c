#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/calendar.h"

#define ZONES		"/usr/share/zoneinfo/"
#define DAY_MINUTES	(24 * 60)
#define ALL_DAYS	0x7f
#define YEAR_MIN	2000	/* below, somebody has mistyped */

/* ---- zones ---- */

/* A name as in the database: no way to any other file. */
static bool
zone_path(struct view name, char *out, size_t n)
{
	char text[CALENDAR_ZONE_MAX + 1];

	if (!view_to_cstr(name, text, sizeof(text)) || text[0] == '\0' ||
	    text[0] == '/' || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789/_+-") != name.n)
		return false;
	return snprintf(out, n, ":%s%s", ZONES, text) < (int)n;
}

bool
calendar_zone_known(struct view name)
{
	char path[sizeof(ZONES) + CALENDAR_ZONE_MAX + 2], magic[4];
	int fd;
	bool good;

	if (!zone_path(name, path, sizeof(path)) ||
	    (fd = open(path + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return false;
	good = read(fd, magic, 4) == 4 && memcmp(magic, "TZif", 4) == 0;
	close(fd);
	return good;
}

/* libc knows one zone at a time.  *saved_out is for leave(). */
static bool
enter(struct view name, char **saved_out)
{
	char path[sizeof(ZONES) + CALENDAR_ZONE_MAX + 2];
	const char *now = getenv("TZ");

	*saved_out = NULL;
	if (name.n == 0) {
		tzset();
		return true;
	}
	/* libc takes what it cannot read for UTC, and says nothing. */
	if (!calendar_zone_known(name) ||
	    !zone_path(name, path, sizeof(path)) ||
	    (now != NULL && (*saved_out = strdup(now)) == NULL) ||
	    setenv("TZ", path, 1) == -1) {
		free(*saved_out);
		return false;
	}
	tzset();
	return true;
}

static void
leave(struct view name, char *saved)
{
	if (name.n == 0)
		return;
	if (saved == NULL || setenv("TZ", saved, 1) == -1)
		unsetenv("TZ");
	tzset();
	free(saved);
}

bool
calendar_clock(struct view zone, int64_t t, struct calendar_clock *out)
{
	time_t when = (time_t)t;
	struct tm tm;
	char *saved;
	bool ok;

	if (!enter(zone, &saved))
		return false;
	if ((ok = localtime_r(&when, &tm) != NULL))
		*out = (struct calendar_clock){
			.day = (unsigned)(tm.tm_wday + 6) % 7,
			.minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min),
		};
	leave(zone, saved);
	return ok;
}

/* ---- small pieces of a text ---- */

/* Exactly n digits at the front of v. */
static bool
take_digits(struct view *v, size_t n, unsigned *out)
{
	unsigned x = 0;

	if (v->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (v->p[i] < '0' || v->p[i] > '9')
			return false;
		x = x * 10 + (unsigned)(v->p[i] - '0');
	}
	v->p += n;
	v->n -= n;
	*out = x;
	return true;
}

static bool
take_char(struct view *v, char c)
{
	if (v->n == 0 || v->p[0] != (uint8_t)c)
		return false;
	v->p++;
	v->n--;
	return true;
}

/* ---- hours ---- */

static const char hours_form[] = "is not a range of hours; use one such as "
    "\"Mon-Fri 08:00-18:00\", \"Sat,Sun 22:00-02:00\" or \"08:00-24:00\"";

static bool
take_day(struct view *v, unsigned *out)
{
	static const char names[7][4] = {
		"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
	};

	for (unsigned i = 0; v->n >= 3 && i < 7; i++) {
		if (strncasecmp((const char *)v->p, names[i], 3) != 0)
			continue;
		v->p += 3;
		v->n -= 3;
		*out = i;
		return true;
	}
	return false;
}

/* "Mon-Fri,Sun" */
static bool
take_days(struct view *v, uint8_t *out)
{
	unsigned first, last;

	do {
		if (!take_day(v, &first))
			return false;
		last = first;
		if (take_char(v, '-') && !take_day(v, &last))
			return false;
		for (;; first = (first + 1) % 7) {
			*out |= (uint8_t)(1u << first);
			if (first == last)
				break;
		}
	} while (take_char(v, ','));
	return true;
}

/* "08:00", up to 24:00 */
static bool
take_time(struct view *v, uint16_t *out)
{
	unsigned hour, minute;

	if (!take_digits(v, 2, &hour) || !take_char(v, ':') ||
	    !take_digits(v, 2, &minute) || minute > 59 ||
	    hour * 60 + minute > DAY_MINUTES)
		return false;
	*out = (uint16_t)(hour * 60 + minute);
	return true;
}

bool
calendar_hours_parse(struct view v, struct calendar_hours *out,
    const char **why_out)
{
	*why_out = hours_form;
	*out = (struct calendar_hours){ .days = 0 };
	if (v.n != 0 && (v.p[0] < '0' || v.p[0] > '9')) {
		if (!take_days(&v, &out->days) || !take_char(&v, ' '))
			return false;
	} else
		out->days = ALL_DAYS;
	if (!take_time(&v, &out->from) || !take_char(&v, '-') ||
	    !take_time(&v, &out->to) || v.n != 0)
		return false;
	*why_out = "begins when the day is over; use 00:00 of the next day";
	if (out->from == DAY_MINUTES)
		return false;
	*why_out = "ends when it begins; use 00:00-24:00 for a whole day";
	return out->from != out->to;
}

bool
calendar_hours_open(const struct calendar_hours *h, size_t n,
    const struct calendar_clock *now)
{
	uint8_t today = (uint8_t)(1u << now->day);
	uint8_t yesterday = (uint8_t)(1u << (now->day + 6) % 7);
	uint16_t m = (uint16_t)now->minute;

	for (size_t i = 0; i < n; i++) {
		bool over = h[i].to < h[i].from;

		if ((h[i].days & today) != 0 && m >= h[i].from &&
		    (over || m < h[i].to))
			return true;
		if (over && (h[i].days & yesterday) != 0 && m < h[i].to)
			return true;
	}
	return false;
}

/* ---- days and moments ---- */

static unsigned
days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool
take_day_of_year(struct view *v, struct calendar_date *out)
{
	unsigned y, m, d;

	if (!take_digits(v, 4, &y) || !take_char(v, '-') ||
	    !take_digits(v, 2, &m) || !take_char(v, '-') ||
	    !take_digits(v, 2, &d) || y < YEAR_MIN || m < 1 || m > 12 ||
	    d < 1 || d > days_of(y, m))
		return false;
	out->year = (uint16_t)y;
	out->month = (uint8_t)m;
	out->day = (uint8_t)d;
	return true;
}

/* "Z" or "+01:00", in seconds to the east. */
static bool
take_offset(struct view *v, int *out)
{
	bool west = v->n != 0 && v->p[0] == '-';
	unsigned h, m;

	*out = 0;
	if (take_char(v, 'Z'))
		return true;
	if ((!take_char(v, '+') && !take_char(v, '-')) ||
	    !take_digits(v, 2, &h) || !take_char(v, ':') ||
	    !take_digits(v, 2, &m) || h > 23 || m > 59)
		return false;
	*out = (int)(h * 3600 + m * 60);
	if (west)
		*out = -*out;
	return true;
}

static struct tm
tm_of(const struct calendar_date *d)
{
	return (struct tm){
		.tm_year = d->year - 1900, .tm_mon = d->month - 1,
		.tm_mday = d->day, .tm_isdst = -1,
	};
}

bool
calendar_date_parse(struct view v, struct calendar_date *out)
{
	unsigned h, m, s;
	struct tm tm;
	int east;

	*out = (struct calendar_date){ .given = true };
	if (!take_day_of_year(&v, out))
		return false;
	if (v.n == 0) {
		out->whole_day = true;
		return true;
	}
	if (!take_char(&v, 'T') || !take_digits(&v, 2, &h) ||
	    !take_char(&v, ':') || !take_digits(&v, 2, &m) ||
	    !take_char(&v, ':') || !take_digits(&v, 2, &s) ||
	    h > 23 || m > 59 || s > 59 || !take_offset(&v, &east) ||
	    v.n != 0)
		return false;
	tm = tm_of(out);
	out->t = (int64_t)timegm(&tm) + h * 3600 + m * 60 + s - east;
	return true;
}

bool
calendar_date_moment(const struct calendar_date *d, struct view zone,
    bool end, int64_t *out)
{
	struct tm tm = tm_of(d);
	char *saved;

	if (!d->whole_day) {
		*out = d->t;
		return true;
	}
	if (!enter(zone, &saved))
		return false;
	if (end)
		tm.tm_mday++;
	*out = (int64_t)mktime(&tm);
	leave(zone, saved);
	return *out != -1;
}
