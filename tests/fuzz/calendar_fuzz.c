/*
 * Hours, dates, zones, networks.  What is accepted is in range, and means the
 * same when it is asked: hours have an open and a shut minute in a week, a
 * day ends after it begins, a network holds its own first address.  The first
 * byte says what the rest is.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
hours(struct view v)
{
	struct calendar_hours h;
	const char *why;
	unsigned open = 0;

	if (!calendar_hours_parse(v, &h, &why)) {
		must(strstr(why, "; use ") != NULL);
		return;
	}
	must(h.days != 0 && h.days < 0x80 && h.from < 1440 && h.to <= 1440 &&
	    h.from != h.to);
	for (unsigned d = 0; d < 7; d++) {
		for (unsigned m = 0; m < 1440; m += 1) {
			const struct calendar_clock c = { d, m };

			open += calendar_hours_open(&h, 1, &c);
		}
	}
	must(open != 0 && (open < 7 * 1440 || h.days == 0x7f));
}

static void
date(struct view v)
{
	struct calendar_date d;
	int64_t begin, end;

	if (!calendar_date_parse(v, &d))
		return;
	must(d.given && d.year >= 2000 && d.year <= 9999);
	must(calendar_date_moment(&d, view_str("UTC"), false, &begin));
	must(calendar_date_moment(&d, view_str("UTC"), true, &end));
	must(d.whole_day ? end - begin == 86400 : begin == end);
	must(begin > 900000000);
}

static void
zone(struct view v)
{
	struct calendar_clock c;

	if (v.n != 0)
		must(calendar_zone_known(v) == calendar_clock(v, 0, &c));
}

static void
net(struct view v)
{
	struct wr one = wr_new(64), all = wr_new(64);
	struct place p = { .port = 22 };

	if (condition_put_net(&one, v)) {
		const uint8_t *b = wr_view(&one).p;

		must(wr_size(&one) == 18 && b[17] <= b[0] * 8);
		p.from.n = b[0];
		memcpy(p.from.b, b + 1, 16);
		wr_u32(&all, 1);
		wr_bytes(&all, wr_view(&one));
		wr_u32(&all, 0);
		must(condition_valid(wr_view(&all)));
		must(condition_holds(wr_view(&all), &p));
	}
	wr_free(&one);
	wr_free(&all);
}

static void
condition(struct view v)
{
	struct place p = { .from = { 4, { 1 } }, .to = { 4, { 2 } },
	    .port = 22 };

	must(!condition_holds(v, &p) || condition_valid(v));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct view) = {
		hours, date, zone, net, condition,
	};

	if (size != 0)
		kinds[data[0] % 5](view_of(data + 1, size - 1));
	return 0;
}
