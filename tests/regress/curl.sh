#!/bin/bash
# curl with sftp:// (libssh2).
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd curl
curl -V | grep -q ' sftp' || skip "this curl has no sftp"
copy_keys
make_files
start_server
URL=sftp://127.0.0.1:$PORT
curl_do() { # any host key: known_hosts of curl cannot name a port's alias
	curl -sS -k -u "${WHO:-alice}:" --key "$T/id" --pubkey "$T/id.pub" "$@"
}

t_files() {
	local n
	for n in $SIZES; do
		curl_do -T "$SRC/f$n" "$URL/d/f$n"
		curl_do "$URL/d/f$n" -o "$T/f$n"
		[ "$n" != 0 ] || : >>"$T/f0" # curl makes no file of nothing
		same "$SRC/f$n" "$JAIL/d/f$n"
		same "$SRC/f$n" "$T/f$n"
	done
}

t_host_key() { # one of ours by its fingerprint, and no other
	local t good=0
	for t in $HOST_TYPES stranger; do
		t=$T/keys/host_$t.pub
		[ -e "$t" ] || t=$T/keys/stranger.pub
		t=$(ssh-keygen -l -f "$t" | sed 's/.*SHA256:\([^ ]*\).*/\1/')
		curl -sS --hostpubsha256 "$t=" -u "${WHO:-alice}:" \
		    --key "$T/id" --pubkey "$T/id.pub" "$URL/ro/note" \
		    -o "$T/note" || continue
		good=$((good + 1))
		same "$T/note" "$JAIL/ro/note"
	done
	eq "keys that matched" $good 1
}

t_list() {
	mkdir "$JAIL/d/l"
	touch "$JAIL/d/l/"{a,b,c}
	curl_do -l "$URL/d/l/" >"$T/ls"
	eq "names" "$(grep -cx '[abc]' "$T/ls")" 3
	curl_do "$URL/d/l/" >"$T/lsl"
	has "$T/lsl" '^-rw.* a$'
}

t_resume() {
	head -c 3000000 "$SRC/f5242880" >"$JAIL/d/part"
	own "$JAIL/d/part"
	head -c 2000000 "$SRC/f5242880" >"$T/part"
	curl_do -C 3000000 -T "$SRC/f5242880" "$URL/d/part"
	curl_do -C - "$URL/d/part" -o "$T/part"
	same "$SRC/f5242880" "$JAIL/d/part"
	same "$SRC/f5242880" "$T/part"
	curl_do -a -T "$SRC/f1" "$URL/d/part"
	eq "size after append" "$(stat -c %s "$JAIL/d/part")" 5242881
}

t_range() {
	cp "$SRC/f65537" "$JAIL/d/rng"
	own "$JAIL/d/rng"
	curl_do -r 100-199 "$URL/d/rng" -o "$T/rng"
	cmp "$T/rng" <(tail -c +101 "$SRC/f65537" | head -c 100)
}

t_commands() {
	cp "$SRC/f1" "$JAIL/d/q"
	own "$JAIL/d/q"
	curl_do -Q "mkdir /d/qd" -Q "rename /d/q /d/qd/q2" \
	    -Q "chmod 600 /d/qd/q2" -Q "statvfs /d" -Q "pwd" \
	    "$URL/ro/note" >/dev/null
	# libssh2 1.10.0-3+deb12u1 turned the two names of a link round, or
	# makes it and then takes the server's OK for an error
	curl_do -Q "ln q2 /d/qd/ln" "$URL/ro/note" >/dev/null ||
	    [ -L "$JAIL/d/qd/ln" ] ||
	    curl_do -Q "ln /d/qd/ln q2" "$URL/ro/note" >/dev/null
	eq "mode" "$(stat -c %a "$JAIL/d/qd/q2")" 600
	eq "readlink" "$(readlink "$JAIL/d/qd/ln")" q2
	curl_do -Q "rm /d/qd/ln" -Q "rm /d/qd/q2" -Q "rmdir /d/qd" \
	    "$URL/ro/note" >/dev/null
	[ ! -e "$JAIL/d/qd" ] || fail "still there"
}

t_errors() {
	refused curl_do "$URL/d/none" -o "$T/none"
	[ -z "$ROOT" ] || refused curl_do -T "$SRC/f1" "$URL/ro/new"
}
run_parts
