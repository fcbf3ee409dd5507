#include <errno.h>
#include <limits.h>

#include "sftp/reply.h"

size_t
reply_open(struct sftp_session *s, uint32_t id, enum fxp type)
{
	size_t at = wr_open(&s->out);

	wr_u8(&s->out, (uint8_t)type);
	wr_u32(&s->out, id);
	return at;
}

void
reply_close(struct sftp_session *s, size_t at)
{
	wr_close(&s->out, at);
}

/* uint32 id, uint32 code, string text, string language tag (draft 7) */
void
reply_status(struct sftp_session *s, uint32_t id, struct status st)
{
	size_t at = reply_open(s, id, FXP_STATUS);

	wr_u32(&s->out, st.code);
	wr_cstr(&s->out, st.text);
	wr_cstr(&s->out, "");
	reply_close(s, at);
}

void
reply_text(struct sftp_session *s, uint32_t id, enum fx code,
    const char *text)
{
	reply_status(s, id, (struct status){ code, text });
}

void
reply_errno(struct sftp_session *s, uint32_t id, int error)
{
	reply_status(s, id, status_errno(error));
}

void
reply_result(struct sftp_session *s, uint32_t id, bool ok)
{
	reply_errno(s, id, ok ? 0 : errno);
}

void
reply_handle(struct sftp_session *s, uint32_t id, uint32_t handle)
{
	size_t at = reply_open(s, id, FXP_HANDLE);

	wr_u32(&s->out, 4);
	wr_u32(&s->out, handle);
	reply_close(s, at);
}

void
reply_attrs(struct sftp_session *s, uint32_t id, const struct stat *st)
{
	size_t at = reply_open(s, id, FXP_ATTRS);
	struct attrs a = attrs_of(st);

	attrs_put(&s->out, &a);
	reply_close(s, at);
}

/* uint32 count, count times string filename, string longname, ATTRS */
void
reply_name(struct sftp_session *s, uint32_t id, struct view name)
{
	size_t at = reply_open(s, id, FXP_NAME);

	wr_u32(&s->out, 1);
	wr_str(&s->out, name);
	wr_str(&s->out, name);
	wr_u32(&s->out, 0);
	reply_close(s, at);
}

bool
reply_path(struct sftp_session *s, uint32_t id, struct view path, char out[])
{
	if (path.n == 0)
		path = view_str(".");
	if (view_to_cstr(path, out, PATH_MAX))
		return true;
	reply_errno(s, id, ENAMETOOLONG);
	return false;
}

struct handle *
reply_find(struct sftp_session *s, uint32_t id, struct view name,
    unsigned kinds)
{
	struct handle *h = handle_find(&s->handles, name, kinds);

	if (h != NULL)
		return h;
	if (handle_find(&s->handles, name, HANDLE_ANY) == NULL)
		reply_text(s, id, FX_FAILURE, "Invalid handle");
	else if (kinds == HANDLE_DIR)
		reply_text(s, id, FX_FAILURE, "Not a directory handle");
	else
		reply_text(s, id, FX_FAILURE, "Not a file handle");
	return NULL;
}
