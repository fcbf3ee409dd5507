/*
 * The configuration after the YAML has gone: one flat block of bytes, checked
 * when it is opened and readable for ever after without allocation per user.
 * config_parse makes it (in a child process of its own); the warden maps it.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/penalties.h"
#include "base/place.h"
#include "base/policy.h"

#define LIMIT_CHANNELS_MAX 1024	/* what server and session can serve */
#define LIMIT_FORWARDS_MAX 2048

/* Where the operator's tool finds the warden. */
#define CONFIG_CONTROL		"/run/sallyport/control.sock"
#define CONFIG_CONTROL_MAX	95	/* bytes; struct sockaddr_un has 108 */

/* Kinds of channels, by which limits.channel_idle tells them apart. */
enum config_channel {
	CHANNEL_IS_SESSION, CHANNEL_IS_AGENT, CHANNEL_IS_X11,
	CHANNEL_IS_DIRECT_TCPIP, CHANNEL_IS_DIRECT_STREAMLOCAL,
	CHANNEL_IS_FORWARDED_TCPIP, CHANNEL_IS_FORWARDED_STREAMLOCAL,
	CONFIG_CHANNELS
};

struct config_limits {
	uint32_t connections;			/* 10000 */
	uint32_t unauthenticated;		/* 256 */
	uint32_t unauthenticated_per_source;	/* 16 */
	uint32_t login_grace_ms;		/* 60 s */
	uint32_t auth_attempts;			/* 6 */
	uint32_t channels;			/* 16; sessions of a client */
	uint32_t forwards;			/* 256; its forwarded ones */
	uint32_t idle_ms, unused_ms;		/* 0: none */
	uint32_t channel_idle_ms[CONFIG_CHANNELS];	/* 0: none */
	uint64_t rekey_bytes;			/* 1 GiB */
	uint32_t rekey_time_ms;			/* 1 h */
	uint32_t rekey_packets;			/* 2^31 */
	bool park;				/* on */
};

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JOURNAL, LOG_TO_FILE };

struct config_listen {
	struct view text;		/* as written */
	struct sockaddr_storage addr;
	socklen_t len;
};

/* The kind of work that some users' logins do, for those of nobody. */
#define CONFIG_MAX_DECOYS	64
struct config_decoy {
	uint32_t users;		/* how many */
	struct view policy;	/* encoded policy_decoy */
};

/* Everything that is not about one user. */
struct config_main {
	const struct config_listen *listen;
	size_t nlisten;
	struct view_list host_keys;	/* paths, absolute */
	struct view server_user;	/* name; numbers below */
	uint32_t server_uid, server_gid;
	struct view ident;		/* software part; empty: default */
	struct view greeting;		/* lines before the ident string */
	struct view banner;
	bool prefer_server_cipher;	/* algorithms.cipher_preference */
	/* comma-separated lists; empty: the build's default */
	struct view kex, host_key, cipher, mac, compression;
	struct view state_dir;		/* empty: nothing is kept on disk */
	struct view control;		/* path of a socket; empty: none */
	struct penalties_config penalties;
	const struct net_range *exempt;	/* from penalties */
	size_t nexempt;
	uint32_t keepalive_interval_ms;	/* 15 s; 0: off */
	uint32_t keepalive_count;	/* 4 */
	struct config_limits limits;
	enum log_target log_to;
	struct view log_path;		/* LOG_TO_FILE */
	bool log_json;
	enum log_level log_level;
	/* union of the first methods of every user's chains: what a client is
	 * told before it has proved anything (1 << enum auth_method) */
	uint32_t methods;
	/* somebody begins with a dialogue that asks for a one-time code */
	bool asks_code;
	const struct config_decoy *decoys;	/* none: there is no user */
	size_t ndecoys;
	struct config_host {
		struct view record;	/* empty: no account of the host */
		struct view allow, deny;	/* as in struct host_rules */
		bool root;
	} host;
};

struct config;

struct host_rules;

/* Opens a block made by config_parse (borrowed, must outlive the result, and
 * is checked whole: a damaged block gives NULL, never a fault later). */
struct config *config_open(struct view block);
void config_free(struct config **c);
const struct config_main *config_main(const struct config *c);
size_t config_nusers(const struct config *c);
/* The encoded policy (policy_decode) of a user who comes from there, empty if
 * there is no such user.  Exact bytes are compared; binary search.  place
 * NULL: the policy that counts where no `when` holds. */
struct view config_user(const struct config *c, struct view name,
    const struct place *place);

/* What is said of accounts of the host that are no users, for one who comes
 * from there; false: they cannot log in.  Views into the block. */
bool config_host(const struct config *c, const struct place *place,
    struct host_rules *out) MUST_CHECK;

/* Where one key of a policy has its value from, for people. */
struct config_origin {
	const char *key;		/* as in the YAML */
	const char *layer;		/* "user", "group", "defaults",
					 * "built in" */
	struct view group;		/* its name, if the layer is one */
	unsigned block;			/* of the layer's when, from 1; 0:
					 * none */
	const char *file;		/* NULL: built in */
	uint32_t line, column;
	struct view value;		/* as YAML, in one line; of a secret
					 * no more than "set" or "none" */
};

/*
 * Reads `path` and everything it includes, checks all of it, and appends the
 * block to out.  Every fault of the whole run is appended to faults, one per
 * line: "FILE:LINE:COLUMN: path: what; what is allowed".  Returns false if
 * there was any fault; warnings ("warning: " after the column) do not count.
 * `unprivileged`: the caller is not root and will serve as itself.
 */
#define CONFIG_DOUBT_MAX 256
struct config_env {
	bool unprivileged;
	/* Turns account names into numbers (the --resolve role of
	 * sallyport-account); false: not known, *why_out says more. */
	bool (*resolve)(void *ctx, const char *name, struct policy *account_out,
	    const char **why_out);
	void *ctx;
	/* Is `name` something this build can do?  kind: "kex", "host_key",
	 * "cipher", "mac", "compression".  NULL: names are not checked. */
	bool (*algorithm_known)(const char *kind, struct view name);
	/* Can this authorized_keys line be used?  *why_out: "is ...; needs
	 * ...", static.  True, and doubt_out is not empty: it will not do what
	 * its writer thinks, in words for a warning.  NULL: only its shape is
	 * looked at. */
	bool (*key_line)(struct view line, const char **why_out,
	    char doubt_out[CONFIG_DOUBT_MAX]);
	/* Likewise a line of known_hosts. */
	bool (*host_line)(struct view line, const char **why_out,
	    char doubt_out[CONFIG_DOUBT_MAX]);
	/* Is there a usable private host key in this file?  *why_out as
	 * above.  NULL: the files are not looked at. */
	bool (*host_key)(struct view path, const char **why_out);
	/* Can only root change what this program does?  *why_out: what is
	 * wrong and the mend; *missing_out: it is not there.  NULL: programs
	 * are not looked at. */
	bool (*program)(struct view path, bool *missing_out,
	    const char **why_out);
	/* Is there such a PAM service?  NULL: not looked at. */
	bool (*pam_service)(struct view name);
	/* More limits.connections than this is a warning: what the limit on
	 * open files carries.  0: not checked. */
	uint32_t max_connections;
	/* If not NULL: called for each key of the policy that counts for the
	 * user `whose` who comes from the place that `where` says, in an order
	 * for people.  o is valid for the call; `where` sees what is not about
	 * users. */
	void (*origin)(void *ctx, const struct config_origin *o);
	void (*where)(void *ctx, const struct config_main *m,
	    struct place *out);
	void *origin_ctx;
	struct view whose;
};
bool config_parse(const char *path, const struct config_env *env,
    struct wr *out, struct wr *faults) MUST_CHECK;

#endif
