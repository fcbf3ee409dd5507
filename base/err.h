/*
 * The one error type.  A function returns bool (parser, predicate), a pointer
 * or NULL (allocation), or enum err when the caller must know the reason.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
	OK = 0,
	ERR_AGAIN,	/* nothing wrong: not now, wait for poll() */
	ERR_CLOSED,	/* the other end has gone */
	ERR_PROTO,	/* the bytes break the protocol or the format */
	ERR_LIMIT,	/* a limit of ours has been reached */
	ERR_DENIED,	/* policy, signature or permission says no */
	ERR_CRYPTO,	/* a cryptographic primitive failed */
	ERR_NOMEM,
	ERR_SYS		/* a system call failed; errno says why */
};

/* A word for logs, in static storage: "limit", "protocol" and so on. */
const char *err_word(enum err e);

#endif
