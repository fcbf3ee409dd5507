#!/bin/bash
# A directory of 100,000 entries.
# seconds 180
. "$(dirname "$0")/lib.sh"
copy_keys
prepare
mkdir "$JAIL/d/many"
N=100000
[ "$KIND" = plain ] || N=20000
(cd "$JAIL/d/many" && seq -f 'entry %07.0f' $N | tr '\n' '\0' |
    xargs -0 -n 2000 touch)
start_server

t_list() {
	sftp_do "ls -1f /d/many" >"$T/ls"
	eq "names" "$(grep -c '^/d/many/entry' "$T/ls")" $N
	grep '^/d/many' "$T/ls" | sort -u | wc -l >"$T/n"
	eq "different names" "$(cat "$T/n")" $N
}

t_in_constant_memory() { # of the process that lists
	py raw_sftp.py bigdir "$N"
}

t_others_are_served_meanwhile() {
	sftp_do "ls -1f /d/many" >"$T/ls2" &
	local p=$!
	sftp_do "ls /ro"
	wait $p
}
run_parts
