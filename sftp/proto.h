/*
 * Numbers of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of its
 * extensions (OpenSSH's PROTOCOL, section 4), and the limits of this server.
 */
#ifndef SFTP_PROTO_H
#define SFTP_PROTO_H

#define SFTP_VERSION		3

/* What limits@openssh.com tells. */
#define SFTP_FRAME_MAX		(256 * 1024)	/* without its length */
#define SFTP_DATA_MAX		(255 * 1024)	/* of one READ or WRITE */
#define SFTP_HANDLES_MAX	256
/* One READDIR answer: some clients still have packets of 34,000 bytes. */
#define SFTP_NAMES_MAX		(32 * 1024)
/* Numbers in one list of users-groups-by-id@openssh.com. */
#define SFTP_IDS_MAX		512
/* No answer is longer than this, with its length. */
#define SFTP_ANSWER_MAX		(256 * 1024 + 512)

enum fxp {
	FXP_INIT = 1,
	FXP_VERSION = 2,
	FXP_OPEN = 3,
	FXP_CLOSE = 4,
	FXP_READ = 5,
	FXP_WRITE = 6,
	FXP_LSTAT = 7,
	FXP_FSTAT = 8,
	FXP_SETSTAT = 9,
	FXP_FSETSTAT = 10,
	FXP_OPENDIR = 11,
	FXP_READDIR = 12,
	FXP_REMOVE = 13,
	FXP_MKDIR = 14,
	FXP_RMDIR = 15,
	FXP_REALPATH = 16,
	FXP_STAT = 17,
	FXP_RENAME = 18,
	FXP_READLINK = 19,
	FXP_SYMLINK = 20,
	FXP_STATUS = 101,
	FXP_HANDLE = 102,
	FXP_DATA = 103,
	FXP_NAME = 104,
	FXP_ATTRS = 105,
	FXP_EXTENDED = 200,
	FXP_EXTENDED_REPLY = 201
};

enum fx {
	FX_OK,
	FX_EOF,
	FX_NO_SUCH_FILE,
	FX_PERMISSION_DENIED,
	FX_FAILURE,
	FX_BAD_MESSAGE,
	FX_NO_CONNECTION,
	FX_CONNECTION_LOST,
	FX_OP_UNSUPPORTED
};

/* pflags of OPEN */
#define FXF_READ	0x00000001u
#define FXF_WRITE	0x00000002u
#define FXF_APPEND	0x00000004u
#define FXF_CREAT	0x00000008u
#define FXF_TRUNC	0x00000010u
#define FXF_EXCL	0x00000020u

/* flags of ATTRS */
#define ATTR_SIZE	0x00000001u
#define ATTR_UIDGID	0x00000002u
#define ATTR_PERM	0x00000004u
#define ATTR_TIMES	0x00000008u
#define ATTR_EXTENDED	0x80000000u

/* f_flag of statvfs@openssh.com */
#define STATVFS_RDONLY	0x1u
#define STATVFS_NOSUID	0x2u

#endif
