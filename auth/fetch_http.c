/* The one file that includes libcurl. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "auth/fetch.h"

#define CONNECT_MS	5000	/* at most, for name and connection */
#define HEADER_MAX	(FETCH_TOKEN_MAX + 64)

/* This program asks once and ends. */
struct fetch {
	CURL *curl;
	struct curl_slist *headers;
	char url[FETCH_URL_MAX + 1];
	char header[HEADER_MAX];
	char error[CURL_ERROR_SIZE];
	char why[CURL_ERROR_SIZE + 64];
};

static size_t
take(char *p, size_t size, size_t n, void *ctx)
{
	struct wr *answer = ctx;

	(void)size;		/* is 1 */
	wr_bytes(answer, view_of(p, n));
	return answer->bad ? 0 : n;
}

static bool
add_header(struct fetch *f, const char *line)
{
	struct curl_slist *more = curl_slist_append(f->headers, line);

	if (more != NULL)
		f->headers = more;
	return more != NULL;
}

static bool
make_headers(struct fetch *f, struct view token)
{
	if (!add_header(f, "Content-Type: application/json") ||
	    !add_header(f, "Accept: application/json") ||
	    !add_header(f, "Expect:"))
		return false;
	if (token.n == 0)
		return true;
	snprintf(f->header, sizeof(f->header), "Authorization: Bearer %.*s",
	    (int)token.n, (const char *)token.p);
	return add_header(f, f->header);
}

/* For the steps below: all of them, or none of it. */
static bool
all_ok(const CURLcode *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i] != CURLE_OK)
			return false;
	return true;
}

#define SET(o, v)	curl_easy_setopt(f->curl, (o), (v))

/* Nowhere but there: no redirect, proxy, cookie, .netrc or other protocol,
 * and no way round the certificate. */
static bool
set_bounds(struct fetch *f, const struct fetch_request *q)
{
	const CURLcode c[] = {
		SET(CURLOPT_PROTOCOLS_STR, "http,https"),
		SET(CURLOPT_FOLLOWLOCATION, 0L),
		SET(CURLOPT_PROXY, ""),
		SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED),
		SET(CURLOPT_SSL_VERIFYPEER, 1L),
		SET(CURLOPT_SSL_VERIFYHOST, 2L),
		SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2),
		SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1),
		SET(CURLOPT_NOSIGNAL, 1L),
		SET(CURLOPT_TIMEOUT_MS, (long)q->timeout_ms),
		SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(q->timeout_ms <
		    CONNECT_MS ? q->timeout_ms : CONNECT_MS)),
		SET(CURLOPT_MAXFILESIZE, (long)FETCH_ANSWER_MAX),
		SET(CURLOPT_HTTP09_ALLOWED, 0L),
	};

	return all_ok(c, sizeof(c) / sizeof(c[0]));
}

/* The authorities that were given, and no other. */
static bool
set_ca(struct fetch *f, struct view ca)
{
	struct curl_blob blob = {
		.data = (void *)(uintptr_t)ca.p, .len = ca.n,
		.flags = CURL_BLOB_NOCOPY,
	};

	if (ca.n == 0)
		return true;
	return SET(CURLOPT_CAPATH, NULL) == CURLE_OK &&
	    SET(CURLOPT_CAINFO, NULL) == CURLE_OK &&
	    SET(CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK;
}

static bool
set_question(struct fetch *f, const struct fetch_request *q,
    struct wr *answer)
{
	const CURLcode c[] = {
		SET(CURLOPT_URL, f->url),
		SET(CURLOPT_POST, 1L),
		SET(CURLOPT_POSTFIELDS, (const char *)q->body.p),
		SET(CURLOPT_POSTFIELDSIZE, (long)q->body.n),
		SET(CURLOPT_HTTPHEADER, f->headers),
		SET(CURLOPT_USERAGENT, "sallyport-fetch/" VERSION),
		SET(CURLOPT_WRITEFUNCTION, take),
		SET(CURLOPT_WRITEDATA, answer),
		SET(CURLOPT_ERRORBUFFER, f->error),
	};

	return all_ok(c, sizeof(c) / sizeof(c[0]));
}

static const char *
perform(struct fetch *f)
{
	CURLcode e = curl_easy_perform(f->curl);
	long status = 0;

	if (e != CURLE_OK) {
		snprintf(f->why, sizeof(f->why), "%s", f->error[0] != '\0' ?
		    f->error : curl_easy_strerror(e));
		return f->why;
	}
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return NULL;
	snprintf(f->why, sizeof(f->why), "the server answers with status %ld, "
	    "not 200", status);
	return f->why;
}

bool
fetch_http(const struct fetch_request *q, struct wr *answer,
    const char **why_out)
{
	static struct fetch only;	/* for the text of *why_out */
	struct fetch *f = &only;

	memset(f, 0, sizeof(*f));
	*why_out = "libcurl does not start";
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	if ((f->curl = curl_easy_init()) == NULL)
		goto out;
	*why_out = "libcurl lacks an option that is needed";
	if (!view_to_cstr(q->url, f->url, sizeof(f->url)) ||
	    !make_headers(f, q->token) || !set_bounds(f, q) ||
	    !set_ca(f, q->ca) || !set_question(f, q, answer))
		goto out;
	*why_out = perform(f);
out:
	curl_slist_free_all(f->headers);
	if (f->curl != NULL)
		curl_easy_cleanup(f->curl);
	curl_global_cleanup();
	wipe(f->header, sizeof(f->header));
	return *why_out == NULL;
}
