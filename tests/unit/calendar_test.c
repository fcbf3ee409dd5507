/* Times as an operator writes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"

#define DAY	86400
#define FRI	(1 << 4)
#define SUN	(1 << 6)

static void
test_zones(void **state)
{
	static const char *const bad[] = {
		"", "/etc/passwd", "../zoneinfo/UTC", "Europe", "Europe/",
		"europe/berlin", "Europe/Berlin ", "Mars/Olympus", ":UTC",
		"tzdata.zi", "zone.tab", "leap-seconds.list",
		"Europe/../UTC", "CET-1CEST", "UTC0", "Europe/Berlin/x",
	};
	char text[CALENDAR_ZONE_MAX + 2];

	(void)state;
	assert_true(calendar_zone_known(view_str("Europe/Berlin")));
	assert_true(calendar_zone_known(view_str("UTC")));
	assert_true(calendar_zone_known(view_str("Etc/GMT+12")));
	assert_true(calendar_zone_known(
	    view_str("America/Argentina/Buenos_Aires")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(calendar_zone_known(view_str(bad[i])));
	assert_false(calendar_zone_known(view_of("UTC\0x", 5)));
	memset(text, 'A', sizeof(text));
	assert_false(calendar_zone_known(view_of(text, sizeof(text))));
}

static void
clock_is(const char *zone, int64_t t, unsigned day, unsigned minute)
{
	struct calendar_clock c;

	assert_true(calendar_clock(view_str(zone), t, &c));
	assert_int_equal(c.day, day);
	assert_int_equal(c.minute, minute);
}

static void
test_clock(void **state)
{
	const int64_t monday = 1767571200;	/* 2026-01-05T00:00:00Z */
	const int64_t march = 1774746000;	/* 2026-03-29T01:00:00Z */
	struct calendar_clock c;

	(void)state;
	clock_is("UTC", monday, 0, 0);
	clock_is("UTC", monday - 1, 6, 1439);
	clock_is("Europe/Berlin", monday, 0, 60);
	clock_is("America/New_York", monday, 6, 19 * 60);
	clock_is("Asia/Kathmandu", monday, 0, 5 * 60 + 45);
	/* the hour that summer time leaves out */
	clock_is("Europe/Berlin", march - 1, 6, 119);
	clock_is("Europe/Berlin", march, 6, 180);
	assert_false(calendar_clock(view_str("Mars/Olympus"), monday, &c));
}

/* What the process thought of time before, it thinks afterwards. */
static void
test_zone_restored(void **state)
{
	const time_t t = 1767571200;
	struct calendar_clock c;
	struct tm tm;

	(void)state;
	setenv("TZ", "XXX-3", 1);
	tzset();
	clock_is("", t, 0, 180);
	clock_is("Asia/Tokyo", t, 0, 540);
	assert_string_equal(getenv("TZ"), "XXX-3");
	localtime_r(&t, &tm);
	assert_int_equal(tm.tm_hour, 3);
	assert_false(calendar_clock(view_str("no"), t, &c));
	assert_string_equal(getenv("TZ"), "XXX-3");
	unsetenv("TZ");
	clock_is("Asia/Tokyo", t, 0, 540);
	assert_null(getenv("TZ"));
}

static void
test_hours_read(void **state)
{
	static const struct {
		const char *text;
		uint8_t days;
		uint16_t from, to;
	} good[] = {
		{ "08:00-18:00", 0x7f, 480, 1080 },
		{ "00:00-24:00", 0x7f, 0, 1440 },
		{ "Mon-Fri 08:00-18:00", 0x1f, 480, 1080 },
		{ "Sat 09:00-12:30", 0x20, 540, 750 },
		{ "mon,WED,Fri 00:01-00:02", 0x15, 1, 2 },
		{ "Sat-Mon 22:00-06:00", 0x61, 1320, 360 },
		{ "Sun-Sat 22:00-00:00", 0x7f, 1320, 0 },
		{ "Mon-Tue,Sun 01:00-02:00", 0x43, 60, 120 },
		{ "Fri-Fri 01:00-02:00", FRI, 60, 120 },
	};
	static const char *const bad[] = {
		"", " ", "Mon", "Mon ", "Mon-Fri", "08:00", "08:00-", "-18:00",
		"8:00-18:00", "08:00-18", "0800-1800", "08:00 - 18:00",
		"08:00-18:00 ", " 08:00-18:00", "Mon  08:00-18:00",
		"Monday 08:00-18:00", "Mo 08:00-18:00", "Mon, 08:00-18:00",
		"Mon- 08:00-18:00", ",Mon 08:00-18:00", "Mon\t08:00-18:00",
		"24:00-24:00", "24:00-06:00", "08:00-24:01", "08:60-09:00",
		"25:00-26:00", "08:00-08:00", "08:00-18:00,20:00-21:00",
		"Mon/Fri 08:00-18:00", "08:00-18:0x", "08:00-18:000",
	};
	struct calendar_hours h;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(calendar_hours_parse(view_str(good[i].text), &h,
		    &why));
		assert_int_equal(h.days, good[i].days);
		assert_int_equal(h.from, good[i].from);
		assert_int_equal(h.to, good[i].to);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (calendar_hours_parse(view_str(bad[i]), &h, &why))
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_non_null(strstr(why, "; use "));
	}
	assert_false(calendar_hours_parse(view_of("08:00-18:00\0", 12), &h,
	    &why));
}

/* Every minute of a week against the plain meaning of the words. */
static void
test_hours_open(void **state)
{
	const struct calendar_hours h[] = {
		{ 0x1f, 480, 1080 },		/* Mon-Fri 08:00-18:00 */
		{ FRI | SUN, 1320, 120 },	/* Fri,Sun 22:00-02:00 */
	};
	unsigned open = 0;

	(void)state;
	for (unsigned d = 0; d < 7; d++) {
		for (unsigned m = 0; m < 1440; m++) {
			const struct calendar_clock c = { d, m };
			bool want = (d < 5 && m >= 480 && m < 1080) ||
			    ((d == 4 || d == 6) && m >= 1320) ||
			    ((d == 5 || d == 0) && m < 120);

			assert_int_equal(calendar_hours_open(h, 2, &c), want);
			open += want;
		}
	}
	assert_int_equal(open, 5 * 600 + 2 * 240);
	assert_false(calendar_hours_open(h, 0,
	    &(struct calendar_clock){ 0, 600 }));
}

static void
test_dates_read(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} moments[] = {
		{ "2026-01-05T00:00:00Z", 1767571200 },
		{ "2026-01-05T01:00:00+01:00", 1767571200 },
		{ "2026-01-04T18:30:00-05:30", 1767571200 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
	};
	static const char *const bad[] = {
		"", "2026", "2026-1-5", "2026-01", "26-01-05", "2026-13-01",
		"2026-00-01", "2026-01-00", "2026-01-32", "2026-02-29",
		"2100-02-29", "2026-04-31", "1999-12-31", "2026-01-05 ",
		" 2026-01-05", "2026/01/05", "2026-01-05T", "2026-01-05Z",
		"2026-01-05T08:00Z", "2026-01-05T08:00:00",
		"2026-01-05 08:00:00Z", "2026-01-05T24:00:00Z",
		"2026-01-05T08:60:00Z", "2026-01-05T08:00:60Z",
		"2026-01-05T08:00:00z", "2026-01-05T08:00:00+1:00",
		"2026-01-05T08:00:00+24:00", "2026-01-05T08:00:00+01:60",
		"2026-01-05T08:00:00+0100", "2026-01-05T08:00:00Z ",
		"2026-01-05T08:00:00.5Z", "20260105", "tomorrow",
	};
	struct calendar_date d;
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		assert_true(calendar_date_parse(view_str(moments[i].text),
		    &d));
		assert_true(d.given && !d.whole_day);
		assert_int_equal(d.t, moments[i].t);
		assert_true(calendar_date_moment(&d, view_str("no"), true,
		    &t));
		assert_int_equal(t, moments[i].t);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (calendar_date_parse(view_str(bad[i]), &d))
			fail_msg("accepted: \"%s\"", bad[i]);
	assert_true(calendar_date_parse(view_str("2024-02-29"), &d));
	assert_true(d.given && d.whole_day && d.year == 2024 &&
	    d.month == 2 && d.day == 29);
}

static void
day_is(const char *text, const char *zone, int64_t begins, int64_t seconds)
{
	struct calendar_date d;
	int64_t t;

	assert_true(calendar_date_parse(view_str(text), &d));
	assert_true(calendar_date_moment(&d, view_str(zone), false, &t));
	assert_int_equal(t, begins);
	assert_true(calendar_date_moment(&d, view_str(zone), true, &t));
	assert_int_equal(t, begins + seconds);
}

static void
test_days(void **state)
{
	struct calendar_date d;
	int64_t t;

	(void)state;
	day_is("2026-01-05", "UTC", 1767571200, DAY);
	day_is("2026-01-05", "Europe/Berlin", 1767571200 - 3600, DAY);
	day_is("2026-12-31", "UTC", 1798675200, DAY);
	/* days of 23 and 25 hours */
	day_is("2026-03-29", "Europe/Berlin", 1774738800, DAY - 3600);
	day_is("2026-10-25", "Europe/Berlin", 1792879200, DAY + 3600);
	/* a day whose midnight does not exist */
	day_is("2018-11-04", "America/Sao_Paulo", 1541300400, DAY - 3600);
	assert_true(calendar_date_parse(view_str("2026-01-05"), &d));
	assert_false(calendar_date_moment(&d, view_str("no"), false, &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_zone_restored),
		cmocka_unit_test(test_hours_read),
		cmocka_unit_test(test_hours_open),
		cmocka_unit_test(test_dates_read),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
