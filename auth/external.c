#include "auth/call.h"
#include "auth/document.h"
#include "auth/external.h"
#include "auth/external_url.h"
#include "base/crypto.h"

bool
external_decides(const struct auth *a, int method)
{
	const struct policy *p = auth_shape(a);

	return p != NULL && policy_external(p, (enum auth_method)method);
}

/* ---- what is asked ---- */

static void
put_begin(const struct auth *a, struct wr *w, enum auth_method method)
{
	call_begin(a, w);
	document_text(w, "method", view_str(auth_method_name(method)));
}

/* The part of a document that says which key. */
static void
put_key(struct wr *w, const struct userauth_msg *m, const char *fingerprint)
{
	struct wr base64 = wr_new(WR_DEFAULT_MAX);
	struct rd key = rd_of(m->key);

	crypto_base64_encode(m->key, &base64);
	document_bool(w, "signed", m->has_signature);
	document_key(w, "key");
	wr_u8(w, '{');
	document_text(w, "type", rd_str(&key));
	document_text(w, "fingerprint", view_str(fingerprint));
	document_text(w, "base64", wr_view(&base64));
	wr_u8(w, '}');
	w->bad |= base64.bad;
	wr_free(&base64);
}

/* ---- who is asked ---- */

#define COMMAND	"auth_command"

static bool
ask_command(struct auth *a, struct view document, struct wr *out,
    const char **why_out)
{
	const struct program_spec spec = call_spec(a, COMMAND,
	    auth_shape(a)->programs.decide);

	a->work.programs++;
	return program_run(&spec, document, out, why_out);
}

/* Closes the document, asks and takes the answer into step. */
static void
ask(struct auth *a, struct wr *document, struct auth_step *step)
{
	bool command = auth_shape(a)->programs.decide.n != 0;
	struct wr out = wr_new(PROGRAM_OUT_MAX);
	struct json_decision d = { 0 };
	bool ok;

	wr_bytes(document, view_str("}\n"));
	if (document->bad) {
		step->reason = "proof is too long for a program";
		return;
	}
	ok = command ?
	    ask_command(a, wr_view(document), &out, &step->reason) :
	    external_url(a, wr_view(document), &out, &step->reason);
	if (ok && json_decision(wr_view(&out), &d, &step->reason))
		call_take(command ? COMMAND : "auth_url", &d, step);
	json_decision_free(&d);
	wr_free(&out);
}

bool
external_password(struct auth *a, struct view password,
    struct auth_limits *limits, const char **why_out)
{
	struct wr w = wr_new(CALL_DOCUMENT_MAX);
	struct auth_step step = { .reason = "" };

	*why_out = "password is no UTF-8";
	if (!call_text_ok(password))
		return false;
	put_begin(a, &w, AUTH_PASSWORD);
	document_text(&w, "password", password);
	ask(a, &w, &step);
	wr_free(&w);
	*limits = step.limits;
	*why_out = step.reason;
	return step.proved;
}

void
external_key(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	struct wr w = wr_new(CALL_DOCUMENT_MAX);

	put_begin(a, &w, AUTH_PUBLICKEY);
	put_key(&w, m, step->key);
	ask(a, &w, step);
	wr_free(&w);
	/* A question whether the key would do proves nothing. */
	step->usable = step->proved && !m->has_signature;
	step->proved = step->proved && m->has_signature;
}
