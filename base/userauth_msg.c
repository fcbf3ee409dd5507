#include "base/userauth_msg.h"

enum { USERAUTH_REQUEST = 50, INFO_RESPONSE = 61 };

#define HOSTBOUND	"publickey-hostbound-v00@openssh.com"

/*
 * boolean	FALSE, or TRUE for a change
 * string	password
 * string	new password, with TRUE (RFC 4252 8)
 */
static void
parse_password(struct rd *r, struct userauth_msg *m)
{
	m->change = rd_bool(r);
	m->password = rd_text(r);
	if (m->change)
		m->new_password = rd_text(r);
}

/*
 * boolean	is there a signature?
 * string	algorithm
 * string	public key blob
 * string	the server's host key, if the method is the host-bound one
 * string	signature, with TRUE (RFC 4252 7)
 */
static void
parse_publickey(struct rd *r, struct userauth_msg *m)
{
	m->has_signature = rd_bool(r);
	m->alg = rd_text(r);
	m->key = rd_str(r);
	if (m->hostbound)
		m->host_key = rd_str(r);
	if (m->has_signature)
		m->signature = rd_str(r);
}

/*
 * string	algorithm
 * string	host key blob
 * string	client host name
 * string	user name on the client host
 * string	signature (RFC 4252 9)
 */
static void
parse_hostbased(struct rd *r, struct userauth_msg *m)
{
	m->alg = rd_text(r);
	m->key = rd_str(r);
	m->local_hostname = rd_text(r);
	m->local_username = rd_text(r);
	m->has_signature = true;
	m->signature = rd_str(r);
}

/*
 * string	language tag
 * string	submethods (RFC 4256 3.1)
 */
static void
parse_kbdint(struct rd *r, struct userauth_msg *m)
{
	m->language = rd_text(r);
	m->submethods = rd_text(r);
}

static void
parse_none(struct rd *r, struct userauth_msg *m)
{
	(void)r;
	(void)m;
}

static void (*const parsers[AUTH_METHODS])(struct rd *,
    struct userauth_msg *) = {
	[AUTH_NONE] = parse_none,
	[AUTH_PUBLICKEY] = parse_publickey,
	[AUTH_PASSWORD] = parse_password,
	[AUTH_KBDINT] = parse_kbdint,
	[AUTH_HOSTBASED] = parse_hostbased
};

/*
 * byte		SSH_MSG_USERAUTH_REQUEST
 * string	user name
 * string	service name
 * string	method name
 * ...		fields of the method (RFC 4252 5)
 */
bool
userauth_msg_parse(struct view payload, struct userauth_msg *out)
{
	struct rd r = rd_of(payload), rest;

	*out = (struct userauth_msg){ .method = -1 };
	if (payload.n > USERAUTH_MAX_REQUEST || rd_u8(&r) != USERAUTH_REQUEST)
		return false;
	out->user = rd_text(&r);
	out->service = rd_text(&r);
	out->method_name = rd_text(&r);
	if (r.bad || out->user.n > USERAUTH_MAX_USER ||
	    out->method_name.n > USERAUTH_MAX_NAME)
		return false;
	rest = r;
	out->rest = rd_rest(&rest);
	out->hostbound = view_is(out->method_name, HOSTBOUND);
	out->method = out->hostbound ? AUTH_PUBLICKEY :
	    auth_method_find(out->method_name);
	if (out->method < 0)
		return true;
	parsers[out->method](&r, out);
	return rd_done(&r);
}

bool
userauth_msg_signed(const struct userauth_msg *m, struct view session_id,
    struct wr *w)
{
	if (m->method != AUTH_PUBLICKEY && m->method != AUTH_HOSTBASED)
		return false;
	wr_str(w, session_id);
	wr_u8(w, USERAUTH_REQUEST);
	wr_str(w, m->user);
	wr_str(w, m->service);
	wr_cstr(w, m->method == AUTH_HOSTBASED ? "hostbased" :
	    m->hostbound ? HOSTBOUND : "publickey");
	if (m->method == AUTH_PUBLICKEY)
		wr_bool(w, true);
	wr_str(w, m->alg);
	wr_str(w, m->key);
	if (m->method == AUTH_PUBLICKEY && m->hostbound)
		wr_str(w, m->host_key);
	if (m->method == AUTH_HOSTBASED) {
		wr_str(w, m->local_hostname);
		wr_str(w, m->local_username);
	}
	return true;
}

/*
 * byte		SSH_MSG_USERAUTH_INFO_RESPONSE
 * uint32	number of answers
 * string	answer, each
 */
bool
userauth_msg_answers(struct view payload, struct view *answers, size_t n)
{
	struct rd r = rd_of(payload);

	if (payload.n > USERAUTH_MAX_REQUEST || n > USERAUTH_MAX_PROMPTS ||
	    rd_u8(&r) != INFO_RESPONSE || rd_u32(&r) != n || r.bad)
		return false;
	for (size_t i = 0; i < n; i++)
		answers[i] = rd_text(&r);
	return rd_done(&r);
}

/*
 * string	name
 * string	instruction
 * string	language tag
 * uint32	number of prompts
 * string	prompt, each
 * boolean	echo, each
 */
bool
userauth_msg_prompts(struct view body, size_t *n_out)
{
	struct rd r = rd_of(body);
	uint32_t n;

	rd_str(&r);
	rd_str(&r);
	rd_str(&r);
	n = rd_u32(&r);
	if (r.bad || n > USERAUTH_MAX_PROMPTS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		rd_str(&r);
		rd_bool(&r);
	}
	*n_out = n;
	return rd_done(&r);
}
