#!/bin/bash
# OpenSSH 10's client, where it could be had beside an older one.
# seconds 180
. "$(dirname "$0")/lib.sh"
[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10 beside the system's own"
SSHV=$O10
INC=$HERE/openssh.inc
. "$INC"

t_copy() { # copy-data, a command of newer clients only
	cp "$SRC/f5242880" "$JAIL/d/orig"
	own "$JAIL/d/orig"
	sftp_do "cp /d/orig /d/copy"
	same "$SRC/f5242880" "$JAIL/d/copy"
}
run_parts
