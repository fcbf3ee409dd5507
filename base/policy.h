/*
 * What one user may do, after inheritance: the only part of the configuration
 * that a login process ever sees.  It travels and is stored as bytes (this
 * file's own encoding); policy_decode gives the struct whose views point into
 * those bytes.
 */
#ifndef BASE_POLICY_H
#define BASE_POLICY_H

#include "base/calendar.h"

enum policy_allow {
	ALLOW_SFTP = 1 << 0,
	ALLOW_SCP = 1 << 1,
	ALLOW_SHELL = 1 << 2,
	ALLOW_EXEC = 1 << 3,
	ALLOW_PTY = 1 << 4,
	ALLOW_AGENT = 1 << 5,
	ALLOW_X11 = 1 << 6,
	ALLOW_LOCAL_FORWARD = 1 << 7,
	ALLOW_REMOTE_FORWARD = 1 << 8,
	ALLOW_BUILTINS = 1 << 30	/* no word: run.builtins lists some */
};
/* Word of one bit as written in the YAML, NULL past the last. */
const char *policy_allow_word(unsigned i);
uint32_t policy_allow_bit(struct view word);	/* 0: unknown */

/* Commands that are answered without a program: name of one bit, NULL past
 * the last, and back, 0 if unknown. */
const char *policy_builtin_word(unsigned i);
uint32_t policy_builtin_bit(struct view word);

enum auth_method {
	AUTH_NONE, AUTH_PUBLICKEY, AUTH_PASSWORD, AUTH_KBDINT, AUTH_HOSTBASED,
	AUTH_METHODS
};
/* SSH method name (RFC 4252), static; and back, -1 if unknown. */
const char *auth_method_name(enum auth_method m);
int auth_method_find(struct view name);

#define POLICY_CHAIN_MAX	4
struct auth_chain {
	uint8_t n;
	uint8_t method[POLICY_CHAIN_MAX];	/* enum auth_method, in order */
};

/* A line of an authorized_keys list in the YAML, and where it stood. */
struct policy_key {
	struct view line;
	struct view file;
	uint32_t lineno;
};

struct view_list {
	const struct view *v;
	size_t n;
};

/* Programs of the operator's that have a say in logins. */
#define POLICY_ARGV_MAX	64
struct policy_programs {
	/* who runs them; uid 0: there are none */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t ngroups;
	uint32_t timeout_ms;		/* of one answer */
	/* argv: the path first; empty: no such program */
	struct view_list keys;		/* authorized_keys_command; its tokens
					 * are not expanded yet */
	struct view_list ask;		/* holds the dialogues */
	struct view_list decide;	/* auth_command */
	struct view url;		/* in its place; empty: none */
	struct view url_ca, url_token;	/* paths of files; empty: none */
	uint32_t methods;		/* 1 << enum auth_method: what decide
					 * or url decides */
};

#define POLICY_RECOVERY_MAX	32
/* One-time passwords from a clock (RFC 6238).  Neither secret nor file: the
 * user has none. */
struct policy_totp {
	struct view secret;		/* bytes */
	struct view file;		/* with the secret in base32; %u
					 * expanded, absolute */
	uint8_t hash;			/* bits / 256: 0 is SHA-1, 1, 2 */
	uint8_t digits;			/* 6 to 8 */
	uint8_t drift;			/* steps off the clock, 0 to 10 */
	uint32_t period;		/* seconds of a step */
	struct view_list recovery;	/* crypt(3) hashes of codes that count
					 * once; the code of the first one
					 * begins with "1-" */
};

struct policy_pair {
	struct view name, value;
};
struct policy_pairs {
	const struct policy_pair *v;
	size_t n;
};

/* How the programs of a user are run. */
struct policy_run {
	struct view shell;		/* absolute; empty: /bin/sh */
	struct view command;		/* in place of any other; empty: none */
	struct policy_pairs set_env;
	struct policy_pairs subsystems;	/* name, command */
	struct view motd;		/* path of a file; empty: none */
	uint32_t processes, files;	/* resource limits; 0: as they are */
	uint32_t cpu_s;
	uint64_t memory;
	bool linger;			/* what is left behind may stay */
	uint32_t builtins;		/* answered without a program */
	struct view builtins_at;	/* where that is written, for people */
};

/* When users may replace the password that the configuration gives them. */
enum password_change {
	PASSWORD_CHANGE_OFF, PASSWORD_CHANGE_EXPIRED, PASSWORD_CHANGE_ON
};

#define POLICY_FORWARD_RULES	256	/* of each list */
#define POLICY_X11_OFFSET_MAX	58000	/* of display numbers */
/* Forwarded connections; each needs its right as well. */
struct policy_forward {
	struct view_list open, listen;	/* base/forward.h */
	struct view_list unix_paths;	/* patterns of sockets, both ways */
	uint32_t unix_mask;		/* of sockets that are made */
	bool unix_unlink;		/* one that is there is replaced */
	bool x11_localhost;		/* displays listen on loopback only */
	uint32_t x11_offset;		/* the first display's number */
	struct view at;			/* where that is written, for people */
};
/* Open anywhere, listen on loopback, any socket; at is "built in". */
extern const struct policy_forward policy_forward_builtin;

struct policy {
	struct view name;		/* the user's name */
	/* account: numbers, resolved when the configuration was loaded */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t ngroups;
	struct view account_name;	/* empty for {uid, gid} */
	struct view home;		/* of a named account, else empty */
	/* jail */
	struct view jail;		/* absolute, %u expanded; empty: none */
	bool create;			/* make it at first login */
	struct view_list dirs;		/* made with it, relative to it */
	struct view start;		/* where sessions start; empty: / */
	uint32_t umask;			/* POLICY_NO_UMASK: not set */
	/* rights */
	uint32_t allow;			/* enum policy_allow */
	struct view allow_at;		/* where that is written, for people */
	struct view_list env;		/* patterns */
	struct view_list from;		/* CIDR patterns; empty: anywhere */
	/* proof */
	const struct auth_chain *auth;
	size_t nauth;
	const struct policy_key *keys;
	size_t nkeys;
	struct view_list key_files;	/* %u expanded; absolute, or %h/...
					 * in the home */
	struct view password;		/* crypt(3) hash; empty: none */
	struct policy_totp totp;
	int64_t password_expires;	/* seconds since 1970: from then on it
					 * must be changed; 0: never */
	uint32_t password_warn;		/* seconds before, also before keys and
					 * certificates expire; 0: never */
	uint8_t password_change;	/* enum password_change */
	uint8_t password_min;		/* characters of a new one */
	struct view pam;		/* PAM service; empty: none */
	struct view banner;		/* of the user; empty: none */
	/* certificates and keys in general */
	struct view_list ca_keys;	/* files of authorities' keys; %u
					 * expanded, absolute */
	struct view_list principals;	/* one of which a certificate must name
					 * if its authority is in ca_keys, %u
					 * expanded; empty: the user's name */
	struct view_list revoked_keys;	/* files: KRL or lines; absolute */
	/* hosts whose word for one of their users counts (RFC 4252 9) */
	const struct policy_key *known_hosts;
	size_t nknown_hosts;
	struct view_list known_hosts_files; /* %u expanded, absolute */
	struct view_list hostbased_users; /* NAME or NAME@HOSTS, %u expanded;
					 * empty: the user's own name */
	uint32_t key_bits_rsa, key_bits_ecdsa;	/* at least; 0: any */
	/* when, and how often */
	const struct calendar_hours *hours;	/* none: always */
	size_t nhours;
	struct view time_zone;		/* of hours; empty: the host's */
	int64_t not_before, expires;	/* seconds since 1970, the first not
					 * allowed any more; 0: none */
	uint32_t sessions;		/* at a time; 0: any number */
	bool root;			/* uid 0 may be served */
	struct policy_programs programs;
	struct policy_run run;
	struct policy_forward forward;
};

#define POLICY_NO_UMASK	0xffffffffu

/* What of p tells which kind of work is done for it, without anything of its
 * own: a login for nobody does the same.  Borrowed from p. */
struct policy policy_decoy(const struct policy *p);

/* May programs of the user's run?  Not if a key takes that away. */
bool policy_runs_programs(const struct policy *p);
/* Of an encoded policy, without decoding the rest; 0 also if it is none. */
uint32_t policy_peek_sessions(struct view bytes);
bool policy_has_totp(const struct policy *p);
/* Does a program or URL decide about this method? */
bool policy_external(const struct policy *p, enum auth_method m);

/* Appends the encoding of p to w. */
void policy_encode(struct wr *w, const struct policy *p);
/* Decodes bytes (borrowed; must outlive the result) into one allocation that
 * policy_free releases.  NULL: malformed or no memory. */
struct policy *policy_decode(struct view bytes);
void policy_free(struct policy **p);

#endif
