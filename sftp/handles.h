/*
 * What a client has open.  A handle on the wire is four bytes: slot number
 * and a serial number that tells a new occupant of the slot from an old one.
 */
#ifndef SFTP_HANDLES_H
#define SFTP_HANDLES_H

#include "base/buf.h"
#include "sftp/dir.h"
#include "sftp/proto.h"

enum handle_kind {
	HANDLE_FILE = 1 << 0,
	HANDLE_DIR = 1 << 1
};
#define HANDLE_ANY	(HANDLE_FILE | HANDLE_DIR)

struct handle {
	uint32_t id;
	enum handle_kind kind;
	int fd;			/* -1 once shut */
	uint32_t pflags;	/* FXF_* it was opened with */
	uint64_t got, put;	/* bytes moved */
	int64_t since_ms;	/* monotonic, for the log */
	bool whole;		/* one transfer, also of no bytes */
	const char *failed;	/* static: why a transfer failed, or NULL */
	struct dir *dir;	/* HANDLE_DIR; NULL once all is read */
	char path[];		/* as the client named it, for the log */
};

struct handles {
	struct handle *slot[SFTP_HANDLES_MAX];
	uint32_t serial;
	unsigned used;
	unsigned files;		/* of them, HANDLE_FILE */
};

bool handle_room(const struct handles *hs);
/* Takes over fd, also on failure.  NULL: no slot, no memory. */
struct handle *handle_new(struct handles *hs, enum handle_kind kind, int fd,
    const char *path);
/* The open handle that these bytes name, of one of `kinds`, or NULL. */
struct handle *handle_find(const struct handles *hs, struct view name,
    unsigned kinds);
/* Writes all of data, counting what was put.  On a handle opened to append,
 * Linux appends whatever the offset.  False: errno. */
bool handle_write(struct handle *h, struct view data, uint64_t offset)
    MUST_CHECK;
/* Remembers the first reason why not all bytes of a file have moved. */
void handle_failed(struct handle *h, int error);
/* How long it has been open. */
uint64_t handle_age_ms(const struct handle *h);
/* Closes its descriptor ahead of handle_free.  False: close(2) failed
 * (errno), which is how some file systems tell that data was not kept. */
bool handle_shut(struct handle *h) MUST_CHECK;
/* Closes and forgets it; *h becomes NULL. */
void handle_free(struct handles *hs, struct handle **h);

/* The directory entry now at hand, or NULL: *error_out is 0 at the end of
 * the directory, else an errno.  Valid until handle_dir_next. */
const struct dirent64 *handle_dir_peek(struct handle *h, int *error_out);
void handle_dir_next(struct handle *h);

#endif
