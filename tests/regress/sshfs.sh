#!/bin/bash
# sshfs: the jail as a folder of the client's machine.
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd sshfs fusermount3
[ -w /dev/fuse ] || skip "cannot open /dev/fuse"
copy_keys
make_files
start_server
ssh_opts
M=$T/mnt
mkdir "$M"
sshfs "${OPTS[@]}" -p "$PORT" "${WHO:-alice}@127.0.0.1:/" "$M" ||
    fail "cannot mount"

t_files() {
	local n
	for n in $SIZES; do
		cp "$SRC/f$n" "$M/d/f$n"
		same "$SRC/f$n" "$JAIL/d/f$n"
		same "$SRC/f$n" "$M/d/f$n"
	done
}

t_list() {
	mkdir "$M/d/many"
	(cd "$M/d/many" && seq -f 'file %g' 500 | tr '\n' '\0' | xargs -0 touch)
	eq "files" "$(find "$M/d/many" -type f | wc -l)" 500
	rm -r "$M/d/many"
	[ ! -e "$JAIL/d/many" ] || fail "still there"
}

t_rename() {
	cp "$SRC/f1" "$M/d/a"
	cp "$SRC/f4095" "$M/d/b"
	mv -f "$M/d/a" "$M/d/b"
	same "$SRC/f1" "$JAIL/d/b"
}

t_links() {
	cp "$SRC/f4095" "$M/d/t"
	ln -s t "$M/d/s"
	ln "$M/d/t" "$M/d/h"
	eq "readlink" "$(readlink "$M/d/s")" t
	[ "$JAIL/d/h" -ef "$JAIL/d/t" ] || fail "not one file"
	same "$SRC/f4095" "$M/d/s"
}

t_resume_in_the_middle() {
	cp "$SRC/f5242880" "$M/d/w"
	dd if="$SRC/f65537" of="$M/d/w" bs=1000 seek=1234 conv=notrunc \
	    status=none
	cp "$SRC/f5242880" "$T/w"
	dd if="$SRC/f65537" of="$T/w" bs=1000 seek=1234 conv=notrunc \
	    status=none
	same "$T/w" "$JAIL/d/w"
	cat "$SRC/f4095" >>"$M/d/w"
	cat "$SRC/f4095" >>"$T/w"
	same "$T/w" "$JAIL/d/w"
	truncate -s 12345 "$M/d/w"
	truncate -s 12345 "$T/w"
	same "$T/w" "$JAIL/d/w"
}

t_attributes() {
	cp "$SRC/f1" "$M/d/at"
	chmod 600 "$M/d/at"
	touch -d '2001-02-03 04:05:06 UTC' "$M/d/at"
	eq "attributes" "$(stat -c %a:%Y "$JAIL/d/at")" 600:981173106
}

t_statvfs() {
	eq "block size and blocks" "$(stat -f -c %b "$M/d")" \
	    "$(stat -f -c %b "$JAIL/d")"
}

t_unmount() {
	fusermount3 -u "$M"
}
run_parts
