/*
 * Times as an operator writes them: zones of the IANA database, hours of the
 * week, days and moments.  Only the times of day and days of a zone are asked
 * of libc, which reads the zone's file: before a chroot, or not at all.
 */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/buf.h"

#define CALENDAR_ZONE_MAX	64	/* bytes of a zone's name */

/* Is there a zone of that name ("Europe/Berlin", "UTC")?  Opens its file. */
bool calendar_zone_known(struct view name) MUST_CHECK;

/* What a clock on the wall shows. */
struct calendar_clock {
	unsigned day;			/* 0: Monday */
	unsigned minute;		/* of the day */
};
/* The clock of a zone at t (seconds since 1970); zone empty: that of the
 * process.  Reads the zone's file; TZ is afterwards as it was.  False: the
 * file cannot be read. */
bool calendar_clock(struct view zone, int64_t t, struct calendar_clock *out)
    MUST_CHECK;

/* Hours on some days of the week, by a zone's clock. */
struct calendar_hours {
	uint8_t days;			/* 1 << day; 1: Monday */
	uint16_t from, to;		/* minutes of the day, to is past the
					 * end; to < from: to on the next day */
};
/*
 * "Mon-Fri 08:00-18:00", "Sat,Sun 22:00-02:00", "00:00-24:00": days in
 * English, three letters, a range may go over Sunday; none: every day.
 * Otherwise *why_out, static: "is ...; use ...".
 */
bool calendar_hours_parse(struct view v, struct calendar_hours *out,
    const char **why_out) MUST_CHECK;
/* Is it one of those hours now?  What begins on one day goes on after its
 * midnight. */
bool calendar_hours_open(const struct calendar_hours *h, size_t n,
    const struct calendar_clock *now);

/* A day, or a moment. */
struct calendar_date {
	bool given;
	bool whole_day;			/* else t alone counts */
	uint16_t year;			/* 2000-9999 */
	uint8_t month, day;		/* from 1 */
	int64_t t;			/* seconds since 1970 */
};
/* "2026-01-31", "2026-01-31T08:00:00Z", "2026-01-31T08:00:00+01:00"
 * (RFC 3339, without fractions). */
bool calendar_date_parse(struct view v, struct calendar_date *out)
    MUST_CHECK;
/* The moment when a day begins in the zone or, with `end`, when it is over; a
 * moment is itself.  Zone as in calendar_clock. */
bool calendar_date_moment(const struct calendar_date *d, struct view zone,
    bool end, int64_t *out) MUST_CHECK;

#endif
