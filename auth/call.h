/*
 * What all have in common who ask a program of the operator's about a login:
 * which one, as whom, what it is told of the client, and what its answer
 * means.  For somebody who does not exist the same is asked; what comes of it
 * is for auth.c to forget.
 */
#ifndef AUTH_CALL_H
#define AUTH_CALL_H

#include "auth/internal.h"
#include "auth/json.h"
#include "auth/program.h"

#define CALL_DOCUMENT_MAX	((size_t)512 * 1024)

/* The program argv of the policy (auth_shape) a is at; what: its key in the
 * configuration. */
struct program_spec call_spec(const struct auth *a, const char *what,
    struct view_list argv);

/* The user's name as programs hear it: as the client gave it, but empty if no
 * user could be called so, which spares them what could be mistaken for an
 * option or a path. */
struct view call_user(const struct auth *a);

/* "ADDRESS" and the port of an IPv4 or IPv6 address; false: it is neither. */
bool call_address(const struct sockaddr *sa, char text[64], unsigned *port_out)
    MUST_CHECK;

/* Begins a document with what is always told: {"version":1,"user":...} and so
 * on, not closed. */
void call_begin(const struct auth *a, struct wr *w);

/* Is it text that programs can be told: UTF-8 without NUL? */
bool call_text_ok(struct view v);

/* Logs what a program has decided and turns it into a step: proved or not, a
 * reason, limits. */
void call_take(const char *what, const struct json_decision *d,
    struct auth_step *step);

#endif
