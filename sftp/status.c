#include <errno.h>
#include <stddef.h>

#include "sftp/status.h"

struct status
status_of(enum fx code)
{
	static const char *const texts[] = {
		[FX_OK] = "Success",
		[FX_EOF] = "End of file",
		[FX_NO_SUCH_FILE] = "No such file",
		[FX_PERMISSION_DENIED] = "Permission denied",
		[FX_FAILURE] = "Failure",
		[FX_BAD_MESSAGE] = "Bad message",
		[FX_NO_CONNECTION] = "No connection",
		[FX_CONNECTION_LOST] = "Connection lost",
		[FX_OP_UNSUPPORTED] = "Operation unsupported",
	};

	if ((unsigned)code >= sizeof(texts) / sizeof(texts[0]))
		code = FX_FAILURE;
	return (struct status){ code, texts[code] };
}

/* The codes are the ones that OpenSSH's server chooses wherever clients act
 * on them (ENOTDIR and ELOOP count as "no such file" there). */
static const struct status by_errno[] = {
	[0] = { FX_OK, "Success" },
	[EPERM] = { FX_PERMISSION_DENIED, "Operation not permitted" },
	[ENOENT] = { FX_NO_SUCH_FILE, "No such file or directory" },
	[EIO] = { FX_FAILURE, "Input/output error" },
	[ENXIO] = { FX_FAILURE, "No such device or address" },
	[EBADF] = { FX_FAILURE, "Handle not open for this" },
	[EAGAIN] = { FX_FAILURE, "File is in use" },
	[ENOMEM] = { FX_FAILURE, "Out of memory" },
	[EACCES] = { FX_PERMISSION_DENIED, "Permission denied" },
	[EBUSY] = { FX_FAILURE, "Device or resource busy" },
	[EEXIST] = { FX_FAILURE, "File exists" },
	[EXDEV] = { FX_FAILURE, "Not on the same file system" },
	[ENODEV] = { FX_FAILURE, "No such device" },
	[ENOTDIR] = { FX_NO_SUCH_FILE, "Not a directory" },
	[EISDIR] = { FX_FAILURE, "Is a directory" },
	[EINVAL] = { FX_FAILURE, "Invalid argument" },
	[ENFILE] = { FX_FAILURE, "Too many open files in system" },
	[EMFILE] = { FX_FAILURE, "Too many open files" },
	[ETXTBSY] = { FX_FAILURE, "Text file busy" },
	[EFBIG] = { FX_FAILURE, "File too large" },
	[ENOSPC] = { FX_FAILURE, "No space left on device" },
	[EROFS] = { FX_PERMISSION_DENIED, "Read-only file system" },
	[EMLINK] = { FX_FAILURE, "Too many links" },
	[ENAMETOOLONG] = { FX_FAILURE, "File name too long" },
	[ENOSYS] = { FX_OP_UNSUPPORTED, "Operation not supported" },
	[ENOTEMPTY] = { FX_FAILURE, "Directory not empty" },
	[ELOOP] = { FX_NO_SUCH_FILE, "Too many levels of symbolic links" },
	[EOVERFLOW] = { FX_FAILURE, "Value too large" },
	[EILSEQ] = { FX_FAILURE, "Name not valid on this file system" },
	[EOPNOTSUPP] = { FX_OP_UNSUPPORTED, "Operation not supported" },
	[ESTALE] = { FX_FAILURE, "Stale file handle" },
	[EDQUOT] = { FX_FAILURE, "Disk quota exceeded" },
};

struct status
status_errno(int error)
{
	if (error < 0 ||
	    (size_t)error >= sizeof(by_errno) / sizeof(by_errno[0]) ||
	    by_errno[error].text == NULL)
		return status_of(FX_FAILURE);
	return by_errno[error];
}
