#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "auth/call.h"
#include "auth/external_url.h"
#include "auth/fetch.h"
#include "auth/file.h"
#include "base/log.h"

#define WHAT		"auth_url"
#define MARGIN_MS	50	/* in which it can say itself that it is late */

/* It lies beside the other helper. */
static bool
find_fetch(const struct auth *a, char out[PATH_MAX])
{
	const char *helper = a->start.helper, *slash;
	int n;

	if (helper == NULL || (slash = strrchr(helper, '/')) == NULL)
		return false;
	n = snprintf(out, PATH_MAX, "%.*s/sallyport-fetch",
	    (int)(slash - helper), helper);
	return n > 0 && n < PATH_MAX;
}

static const char *
fault(const char *key, struct view path, const char *why, const char *reason)
{
	struct log_ev e;

	log_begin(&e, LOG_WARN, "program-failed");
	log_str(&e, "program", WHAT);
	log_str(&e, "key", key);
	log_view(&e, "path", path);
	log_str(&e, "detail", why[0] != '\0' ? why : "no such file");
	log_send(&e);
	return reason;
}

static const char *
read_named(struct view path, enum file_kind kind, size_t max, struct wr *out)
{
	char name[PATH_MAX];

	if (!view_to_cstr(path, name, sizeof(name)))
		return "is no path";
	return file_read(name, 0, kind, max, out);
}

/* A word of printable ASCII, without the end of its line. */
static const char *
read_token(const struct policy_programs *p, struct wr *text,
    struct view *out)
{
	static const char reason[] = "file of auth_url_token cannot be used";
	const char *why;
	struct view v;

	if (p->url_token.n == 0)
		return NULL;
	why = read_named(p->url_token, FILE_SECRET, FETCH_TOKEN_MAX, text);
	if (why != NULL)
		return fault("auth_url_token", p->url_token, why, reason);
	v = wr_view(text);
	while (v.n != 0 && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r'))
		v.n--;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f)
			return fault("auth_url_token", p->url_token,
			    "holds more than one word of ASCII", reason);
	if (v.n == 0)
		return fault("auth_url_token", p->url_token, "is empty",
		    reason);
	*out = v;
	return NULL;
}

static const char *
read_ca(const struct policy_programs *p, struct wr *text, struct view *out)
{
	const char *why;

	if (p->url_ca.n == 0)
		return NULL;
	why = read_named(p->url_ca, FILE_PUBLIC, FETCH_CA_MAX, text);
	if (why == NULL && wr_size(text) == 0)
		why = "is empty";
	if (why != NULL)
		return fault("auth_url_ca", p->url_ca, why,
		    "file of auth_url_ca cannot be used");
	*out = wr_view(text);
	return NULL;
}

/* Starts sallyport-fetch with a message that is whole. */
static bool
run(struct auth *a, const struct wr *message, struct wr *out,
    const char **why_out)
{
	char path[PATH_MAX];
	struct view argv[1];
	struct program_spec spec;

	*why_out = "message is too long";
	if (message->bad)
		return false;
	*why_out = "sallyport-fetch is not there";
	if (!find_fetch(a, path))
		return false;
	argv[0] = view_str(path);
	spec = call_spec(a, WHAT, (struct view_list){ argv, 1 });
	spec.own = true;
	a->work.programs++;
	return program_run(&spec, wr_view(message), out, why_out);
}

bool
external_url(struct auth *a, struct view document, struct wr *out,
    const char **why_out)
{
	const struct policy_programs *p = &auth_shape(a)->programs;
	struct wr token = wr_new(FETCH_TOKEN_MAX + FILE_READ_CHUNK);
	struct wr ca = wr_new(FETCH_CA_MAX + FILE_READ_CHUNK);
	struct wr message = wr_new(FETCH_MAX);
	struct fetch_request q = {
		.url = p->url, .body = document,
		.timeout_ms = p->timeout_ms - MARGIN_MS,
	};
	bool ok = false;

	if ((*why_out = read_token(p, &token, &q.token)) == NULL &&
	    (*why_out = read_ca(p, &ca, &q.ca)) == NULL) {
		fetch_put(&message, &q);
		ok = run(a, &message, out, why_out);
	}
	wr_free(&token);
	wr_free(&ca);
	wr_free(&message);
	return ok;
}
