#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "auth/call.h"
#include "auth/document.h"
#include "base/config_values.h"
#include "base/json_text.h"
#include "base/log.h"

_Static_assert(JSON_START_MAX == AUTH_START_MAX, "one path, one size");

struct program_spec
call_spec(const struct auth *a, const char *what, struct view_list argv)
{
	return (struct program_spec){
		.what = what, .argv = argv,
		.as = &auth_shape(a)->programs,
		.wait = a->start.wait, .wait_ctx = a->start.wait_ctx,
	};
}

struct view
call_user(const struct auth *a)
{
	const char *why;

	if (utf8_valid(a->start.user) && value_user_name(a->start.user, &why))
		return a->start.user;
	return view_of("", 0);
}

bool
call_address(const struct sockaddr *sa, char text[64], unsigned *port_out)
{
	struct sockaddr_in6 a6;
	struct sockaddr_in a4;
	const void *p = &a4.sin_addr;
	int family;

	if (sa == NULL)
		return false;
	family = sa->sa_family;
	if (family == AF_INET) {
		memcpy(&a4, sa, sizeof(a4));
		*port_out = ntohs(a4.sin_port);
	} else if (family == AF_INET6) {
		memcpy(&a6, sa, sizeof(a6));
		*port_out = ntohs(a6.sin6_port);
		p = &a6.sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&a6.sin6_addr)) {
			family = AF_INET;
			p = &a6.sin6_addr.s6_addr[12];
		}
	} else
		return false;
	return inet_ntop(family, p, text, 64) != NULL;
}

static void
put_address(struct wr *w, const char *key, const char *port_key,
    const struct sockaddr *sa)
{
	char text[64];
	unsigned port;

	if (!call_address(sa, text, &port))
		return;
	document_text(w, key, view_str(text));
	document_num(w, port_key, port);
}

void
call_begin(const struct auth *a, struct wr *w)
{
	wr_u8(w, '{');
	document_num(w, "version", 1);
	document_text(w, "user", call_user(a));
	put_address(w, "source", "source_port", a->start.peer);
	put_address(w, "listener", "listener_port", a->start.local);
	document_num(w, "connection", a->start.conn);
	document_num(w, "time", (uint64_t)auth_now(a));
}

bool
call_text_ok(struct view v)
{
	return !view_has_nul(v) && utf8_valid(v);
}

static void
take_policy(const struct json_policy *p, struct auth_limits *out)
{
	if (p->has_allow)
		out->deny |= ~p->allow;
	if (p->has_umask) {
		out->has_umask = true;
		out->umask = p->umask;
	}
	if (p->start != NULL)
		memcpy(out->start, p->start, strlen(p->start) + 1);
}

void
call_take(const char *what, const struct json_decision *d,
    struct auth_step *step)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, "program-answer");
	log_str(&e, "program", what);
	log_str(&e, "answer", d->allow ? "allow" : "deny");
	if (d->reason != NULL)
		log_str(&e, "reason", d->reason);
	log_send(&e);
	step->proved = d->allow;
	if (d->allow)
		take_policy(&d->policy, &step->limits);
	else
		step->reason = "program denied it";
}
