/* Authorities, tokens and ssh-keygen, for the tests of keys. */
#ifndef TESTS_UNIT_KEYS_PEER_H
#define TESTS_UNIT_KEYS_PEER_H

#include "base/sshkey.h"

/* ---- ssh-keygen, in a folder of the test's own ---- */

/* Group setup and teardown: makes the folder and removes it. */
int tool_setup(void **state);
int tool_teardown(void **state);
/* Path of a file in the folder; valid until 64 calls later. */
const char *tool_path(const char *name);
/* Runs a shell command in the folder, quietly; its output goes to "log". */
int tool_run(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Skips the test where there is no ssh-keygen. */
void tool_need(void);
struct wr tool_read(const char *name);
void tool_write(const char *name, struct view v);
/* The blob in a file of one public key or certificate. */
struct wr tool_blob(const char *name);
/* Writes NAME and NAME.pub, an unencrypted pair. */
void tool_key(const char *name, const struct ssh_key *k);
/* Writes a line with the blob. */
void tool_line(const char *name, const char *before, struct view blob);

/* ---- security tokens ---- */

/* The public key of a token that holds `secret`, an Ed25519 or P-256 key. */
struct ssh_key *token_key(const struct ssh_key *secret, const char *app);
/* What it answers; NULLs in web: no browser in between. */
struct token_web {
	const char *origin;
	const char *client;	/* NULL: as it has to be */
	const char *extensions;
};
struct token_says {
	const char *app;
	uint8_t flags;
	uint32_t counter;
	const struct token_web *web;
};
/* A signature blob. */
struct wr token_sign(const struct ssh_key *secret,
    const struct token_says *says, struct view data);

/* ---- certificates by hand ---- */

struct cert_parts {
	const char *type;	/* NULL: that of key */
	struct view key;	/* plain blob */
	uint64_t serial;
	uint32_t role;
	const char *key_id;
	const char *principals;	/* separated by commas; NULL: none */
	uint64_t after, before;
	const char *critical;	/* "name=value,name": a value in a string */
	const char *extensions;
	const struct ssh_key *ca;
	struct view ca_blob;	/* empty: that of ca */
	const char *sig_alg;	/* NULL: the first of ca's */
};
/* Role user, "acme", valid from 1000 to 2000000000, all the permits. */
struct cert_parts cert_parts(const struct ssh_key *key,
    const struct ssh_key *ca);
struct wr cert_make(const struct cert_parts *c);

#endif
