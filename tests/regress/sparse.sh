#!/bin/bash
# A sparse file of 5 GiB, and offsets beyond 4 GiB both ways.
# plain only
# seconds 420
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 5242880
free=$(df -Pk "$T" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 12000000 ] || skip "less than 12 GB free in $T"
prepare
G5=5368709120
truncate -s $G5 "$JAIL/d/sparse"
# islands: at the start, across 2 GiB and 4 GiB, at the end
for at in 0 2147483000 4294966000 $((G5 - 5242880)); do
	dd if="$SRC/f5242880" of="$JAIL/d/sparse" bs=1M oflag=seek_bytes \
	    seek=$at conv=notrunc status=none
done
truncate -s $G5 "$JAIL/d/sparse"
own "$JAIL/d/sparse"
start_server

t_get() {
	printf 'get /d/sparse %s\n' "$T/got" |
	    SFTP -c aes128-gcm@openssh.com
	eq size "$(stat -c %s "$T/got")" $G5
	same "$T/got" "$JAIL/d/sparse"
	rm "$T/got"
}

t_resume_beyond_4g() {
	truncate -s 4300000000 "$JAIL/d/part"
	own "$JAIL/d/part"
	truncate -s 4305242880 "$T/whole"
	dd if="$SRC/f5242880" of="$T/whole" bs=1M oflag=seek_bytes \
	    seek=4300000000 conv=notrunc status=none
	sftp_do "put -a $T/whole /d/part"
	eq size "$(stat -c %s "$JAIL/d/part")" 4305242880
	cmp <(tail -c 5242880 "$JAIL/d/part") "$SRC/f5242880"
	truncate -s 4302000000 "$T/whole"
	sftp_do "get -a /d/part $T/whole"
	eq size "$(stat -c %s "$T/whole")" 4305242880
	cmp <(tail -c 3242880 "$T/whole") <(tail -c 3242880 "$SRC/f5242880")
	rm "$T/whole" "$JAIL/d/part"
}
run_parts
