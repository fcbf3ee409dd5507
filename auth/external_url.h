/* auth_url: the document goes to a URL, by sallyport-fetch. */
#ifndef AUTH_EXTERNAL_URL_H
#define AUTH_EXTERNAL_URL_H

#include "auth/internal.h"

/* Posts document and takes what comes back into out.  False: *why_out,
 * static. */
bool external_url(struct auth *a, struct view document, struct wr *out,
    const char **why_out) MUST_CHECK;

#endif
