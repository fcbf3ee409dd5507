#!/bin/bash
# rclone's sftp backend (Go's SSH and pkg/sftp).
# seconds 240
. "$(dirname "$0")/lib.sh"
need_cmd rclone
copy_keys
make_files
start_server
export HOME=$T RCLONE_CONFIG=$T/rclone.conf
cat >"$RCLONE_CONFIG" <<C
[s]
type = sftp
host = 127.0.0.1
port = $PORT
user = ${WHO:-alice}
key_file = $T/id
known_hosts_file = $T/known_rclone
shell_type = none
disable_hashcheck = true
C
awk -v p="$PORT" '{ print "[127.0.0.1]:" p, $2, $3 }' "$T/known_hosts" \
    >"$T/known_rclone"
rc() { rclone --retries 1 --low-level-retries 2 "$@"; }

t_files() {
	mkdir "$T/set"
	cp "$SRC"/f* "$T/set/"
	rc copy "$T/set" s:/d/set
	local n
	for n in $SIZES; do same "$SRC/f$n" "$JAIL/d/set/f$n"; done
	rc copy s:/d/set "$T/back"
	diff -r "$T/set" "$T/back" || fail "trees differ"
	rc check --download "$T/set" s:/d/set
}

t_list() {
	mkdir "$JAIL/d/l"
	touch "$JAIL/d/l/"{a,b,'c d'}
	rc lsf s:/d/l >"$T/ls"
	eq "names" "$(wc -l <"$T/ls")" 3
	rc lsl s:/ro >"$T/lsl"
	has "$T/lsl" ' 8 .* note$'
}

t_rename_remove() {
	cp "$SRC/f1" "$JAIL/d/one"
	own "$JAIL/d/one"
	rc moveto s:/d/one s:/d/sub/two
	same "$SRC/f1" "$JAIL/d/sub/two"
	rc purge s:/d/sub
	[ ! -e "$JAIL/d/sub" ] || fail "still there"
}

t_sync_times() {
	mkdir "$T/sy"
	cp "$SRC/f4095" "$T/sy/"
	touch -d '2001-02-03 04:05:06 UTC' "$T/sy/f4095"
	rc sync "$T/sy" s:/d/sy
	eq "mtime" "$(stat -c %Y "$JAIL/d/sy/f4095")" 981173106
}

t_statvfs() {
	rc about s:/d >"$T/about"
	has "$T/about" 'Free:'
}

t_links() { # rclone follows links when told
	cp "$SRC/f4095" "$JAIL/d/t"
	ln -s t "$JAIL/d/s"
	own "$JAIL/d/t" "$JAIL/d/s"
	rc copyto s:/d/s "$T/s"
	same "$SRC/f4095" "$T/s"
}

t_parallel() {
	mkdir "$T/many"
	local i
	for i in $(seq 60); do cp "$SRC/f65537" "$T/many/$i"; done
	rc copy --transfers 8 "$T/many" s:/d/many
	diff -r "$T/many" "$JAIL/d/many" || fail "trees differ"
}
run_parts
