/* A user, a client and a login between them, for the tests of auth/. */
#ifndef TESTS_UNIT_AUTH_PEER_H
#define TESTS_UNIT_AUTH_PEER_H

#include <netinet/in.h>

#include "auth/internal.h"

#define SESSION_ID	"0123456789abcdef0123456789abcdef"
#define NOW		1700000000
#define FIRST		((1u << AUTH_PUBLICKEY) | (1u << AUTH_PASSWORD) | \
			(1u << AUTH_NONE))

/* A state folder in memory. */
#define FAKE_FILES	4
struct fake_store {
	struct auth_store ops;
	struct {
		char kind[16];
		struct wr bytes;
	} file[FAKE_FILES];
	bool locked;
	unsigned locks, writes;
	enum err fail_lock, fail_read, fail_write;	/* OK: works */
};
void fake_store_init(struct fake_store *s);
void fake_store_free(struct fake_store *s);
/* The bytes of a kind, empty if there are none. */
struct view fake_store_bytes(const struct fake_store *s, const char *kind);
void fake_store_set(struct fake_store *s, const char *kind, struct view v);

struct world {
	struct policy policy;
	struct auth_chain chains[8];
	struct policy_key keys[8];
	struct wr lines[8];
	struct view files[4], from[4];
	struct sockaddr_in peer;
	struct auth_start start;
	struct auth *a;
	char notice[MSG_NOTICE_MAX + 1];	/* of the last answer */
	uint8_t payload[4096];
	struct view asked;
};

/* User "acme" at 10.0.0.1, uid 2001, sftp alone, with the chains of `chains`
 * ("publickey", "publickey+password password", ...), no key, no password. */
void world_init(struct world *w, const char *chains);
/* Adds a line "OPTIONS TYPE BASE64" for the key. */
void world_key(struct world *w, const char *options, const struct ssh_key *k);
/* Begins the login; exists: is there such a user?  A second call begins
 * anew. */
void world_start(struct world *w, const char *user, bool exists);
void world_free(struct world *w);

/* Requests, to be given to world_send, which frees them. */
struct wr req_plain(const char *user, const char *service,
    const char *method);
struct wr req_password(const char *user, struct view password);
struct wr req_kbdint(const char *user, const char *submethods);
/* INFO_RESPONSE with n answers. */
struct wr req_answers(const struct view *answers, size_t n);
struct wr req_query(const char *user, const struct ssh_key *k,
    const char *alg);
/* What is claimed and what is signed may differ. */
struct forged {
	const char *session, *user, *service, *method, *alg;
};
struct wr req_signed(const char *user, const struct ssh_key *k,
    const char *alg, const struct forged *f);

/* The verdict; *out, when wanted, without its payload, whose bytes are in
 * w->asked until the next call. */
enum auth_verdict world_send(struct world *w, struct wr req,
    struct auth_answer *out);

#endif
