/* Descriptors that must not go on to another role or program. */
#ifndef BASE_FDS_H
#define BASE_FDS_H

#include <stdbool.h>

#include "base/err.h"

/* Closes every descriptor from `first` on. */
bool fds_close_from(unsigned first) MUST_CHECK;

#endif
