/*
 * A small SFTP client for the tests of sftp/: it owns a session in the same
 * process, at the other end of a socketpair, in a temporary directory that
 * is the working directory meanwhile.
 */
#ifndef SFTP_CLIENT_H
#define SFTP_CLIENT_H

#include "base/log.h"
#include "sftp/proto.h"
#include "sftp/sftp.h"

struct client {
	struct sftp_session *session;
	struct jail_policy policy;
	int fd;			/* our end of the duct */
	int log;		/* where the session's events arrive */
	uint32_t id;		/* of the last request */
	struct wr in;		/* from the session, not yet looked at */
	struct wr out;		/* a request being built */
	enum err end;		/* what ended the session, or OK */
	char dir[64];
};

struct answer {
	uint8_t type;
	uint32_t id;
	uint32_t code;		/* of a STATUS */
	char text[128];		/* of a STATUS */
	struct rd rest;		/* behind the id; until the next answer */
};

/* Makes the directory and the log alone. */
void client_init(struct client *c, bool read_only);
/* Makes the directory and the session, says INIT and reads VERSION. */
void client_start(struct client *c, bool read_only);
/* The same without INIT. */
void client_start_raw(struct client *c, bool read_only);
/* Ends the session, removes the directory. */
void client_stop(struct client *c);
/* Ends the session alone (transfers are aborted). */
void client_drop(struct client *c);

/* A request: begin, put fields into c->out, then send; returns its id. */
void client_begin(struct client *c, uint8_t type);
void client_begin_ext(struct client *c, const char *name);
uint32_t client_send(struct client *c);
/* Bytes as they are. */
void client_send_raw(struct client *c, struct view v);
/* Lets the session work until it waits for us. */
void client_pump(struct client *c);
/* The next answer; fails the test if there is none. */
struct answer client_answer(struct client *c);
bool client_has_answer(struct client *c);

/* Whole exchanges.  _ok ones fail the test on a STATUS other than OK. */
struct answer client_path(struct client *c, uint8_t type, const char *path);
struct answer client_two(struct client *c, uint8_t type, const char *a,
    const char *b);
struct answer client_ext_path(struct client *c, const char *ext,
    const char *path);
struct answer client_ext_two(struct client *c, const char *ext, const char *a,
    const char *b);
struct answer client_handle(struct client *c, uint8_t type, uint32_t handle);
struct answer client_open(struct client *c, const char *path,
    uint32_t pflags);
uint32_t client_open_ok(struct client *c, const char *path, uint32_t pflags);
uint32_t client_opendir_ok(struct client *c, const char *path);
struct answer client_read(struct client *c, uint32_t handle, uint64_t offset,
    uint32_t len);
struct answer client_write(struct client *c, uint32_t handle, uint64_t offset,
    struct view data);
void client_close_ok(struct client *c, uint32_t handle);
void expect_status(struct answer a, uint32_t code);
void expect_text(struct answer a, uint32_t code, const char *text);
/* The one name of a NAME answer. */
void expect_name(struct answer a, const char *name);

/* Takes events off the log until one called `event`; false: none.  Its
 * fields "key=value" are in out, separated by spaces, without duration_ms. */
bool client_event(struct client *c, const char *event, char *out, size_t n);
/* What every event of a session begins with. */
#define FROM "channel=7 service=sftp "
void expect_event(struct client *c, const char *event, const char *fields);

void file_make(const char *path, const char *text);
void file_is(const char *path, const char *text);

#endif
