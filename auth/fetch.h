/*
 * sallyport-fetch: asks one URL, as the account of programs.  The login says
 * what to ask on its standard input; what comes back goes to its standard
 * output, and its status is 0 if that was an answer.  Nothing of it stands in
 * arguments or environment, and it opens no file of ours.
 *
 * The message (RFC 4251 5 data types): string url, string ca, string token,
 * uint32 timeout, string body.
 */
#ifndef AUTH_FETCH_H
#define AUTH_FETCH_H

#include "base/buf.h"

#define FETCH_URL_MAX	2048
#define FETCH_CA_MAX	((size_t)1 << 20)
#define FETCH_TOKEN_MAX	4096
#define FETCH_BODY_MAX	((size_t)1 << 20)
#define FETCH_MAX	(FETCH_URL_MAX + FETCH_CA_MAX + FETCH_TOKEN_MAX + \
			FETCH_BODY_MAX + 20)
#define FETCH_ANSWER_MAX	((size_t)64 * 1024)

struct fetch_request {
	struct view url;	/* http or https */
	struct view ca;		/* PEM, the authorities that alone count;
				 * empty: those of the machine */
	struct view token;	/* of printable ASCII; empty: none */
	uint32_t timeout_ms;
	struct view body;	/* JSON, is posted */
};

/* Appends q; w goes bad if it is more than there may be. */
void fetch_put(struct wr *w, const struct fetch_request *q);
/* Parses a whole message into views of it. */
bool fetch_get(struct view message, struct fetch_request *out) MUST_CHECK;

/* fetch_http.c.  False: *why_out, which stays until the next call. */
bool fetch_http(const struct fetch_request *q, struct wr *answer,
    const char **why_out) MUST_CHECK;

#endif
