/*
 * What the tests of the engine share: a server with settings of the test's
 * choice, its events counted and remembered, one connection and one client.
 */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include "tests/unit/ssh_peer.h"

struct engine {
	struct ssh_server_config cfg;	/* for engine_start */
	struct ssh_server_events ev;	/* may be changed before it */
	struct ssh_key *keys[4];
	const struct ssh_key *key_list[4];
	size_t nkeys;
	struct ssh_server *server;
	struct ssh_conn *conn;		/* NULL once freed */
	struct ssh_peer *peer;
	uint64_t now;

	/* what the events told */
	unsigned idents, handshakes, signs, rekeys, ends, readies;
	struct ssh_handshake handshake;
	char ident[256];
	struct ssh_end end;
	char end_text[300];
	uint8_t sign_hash[HASH_MAX];
	size_t sign_hash_len;
	char sign_alg[64];
	size_t sign_key;

	/* what they shall do */
	bool sign_inside;	/* answer the sign event at once, wrongly */
	bool free_in_end;
	bool free_in_ident;
	bool accept_none;	/* any authentication is accepted */
};

/* Defaults: one ed25519 key, every event counted. */
void engine_init(struct engine *e);
/* A host key more; type and bits as ssh_key_generate. */
void engine_add_key(struct engine *e, const char *type, unsigned bits);
/* Makes server, connection and peer. */
void engine_start(struct engine *e, const struct ssh_peer_algs *algs);
void engine_stop(struct engine *e);
/* Handshake, service and a login by "none": PH_OPEN. */
bool engine_login(struct engine *e);

#endif
