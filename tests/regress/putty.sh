#!/bin/bash
# psftp and pscp of PuTTY.
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd psftp pscp puttygen
copy_keys
make_files
start_server
puttygen "$T/id" -O private -o "$T/id.ppk"
FP=$(ssh-keygen -l -f "$T/keys/host_ed25519.pub" | awk '{ print $2 }')
export HOME=$T

psftp_do() {
	printf '%s\n' "$@" | psftp -batch -b /dev/stdin -P "$PORT" \
	    -i "$T/id.ppk" -hostkey "$FP" "${WHO:-alice}@127.0.0.1"
}

t_files() {
	local n
	for n in $SIZES; do
		psftp_do "put $SRC/f$n /d/f$n" "get /d/f$n $T/f$n"
		same "$SRC/f$n" "$JAIL/d/f$n"
		same "$SRC/f$n" "$T/f$n"
	done
}

t_list_and_rename() {
	cp "$SRC/f1" "$JAIL/d/one"
	own "$JAIL/d/one"
	psftp_do "cd /d" "mkdir sub" "mv one sub/two" "ls sub" "chmod 600 sub/two" \
	    "pwd" >"$T/out"
	has "$T/out" 'two'
	has "$T/out" 'Remote directory is /d'
	eq "mode" "$(stat -c %a "$JAIL/d/sub/two")" 600
	psftp_do "rm /d/sub/two" "rmdir /d/sub"
	[ ! -e "$JAIL/d/sub" ] || fail "still there"
}

t_resume() {
	head -c 3000000 "$SRC/f5242880" >"$JAIL/d/part"
	own "$JAIL/d/part"
	head -c 2000000 "$SRC/f5242880" >"$T/part"
	psftp_do "reput $SRC/f5242880 /d/part" "reget /d/part $T/part"
	same "$SRC/f5242880" "$JAIL/d/part"
	same "$SRC/f5242880" "$T/part"
}

t_recursive() {
	mkdir -p "$T/tree/x/y"
	cp "$SRC/f65537" "$T/tree/x/y/"
	psftp_do "put -r $T/tree /d/tree" "get -r /d/tree $T/tree2"
	diff -r "$T/tree" "$T/tree2" || fail "trees differ"
}

t_pscp() {
	pscp -batch -q -sftp -p -P "$PORT" -i "$T/id.ppk" -hostkey "$FP" \
	    "$SRC/f5242880" "${WHO:-alice}@127.0.0.1:/d/pscp"
	same "$SRC/f5242880" "$JAIL/d/pscp"
	pscp -batch -q -P "$PORT" -i "$T/id.ppk" -hostkey "$FP" \
	    "${WHO:-alice}@127.0.0.1:/d/pscp" "$T/pscp"
	same "$SRC/f5242880" "$T/pscp"
}
run_parts
