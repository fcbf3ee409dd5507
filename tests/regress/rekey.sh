#!/bin/bash
# New keys in the middle of transfers, asked for by the client or the server.
# seconds 300
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 67108864
BIG=$SRC/f67108864

transfer() { # OPTION...: both ways with the client's debug output in $T/v
	LEVEL=DEBUG1
	printf 'put %s /d/big\nget /d/big %s\n' "$BIG" "$T/big" |
	    SFTP "$@" >"$T/v" 2>&1 || {
		tail -n 20 "$T/v"
		fail "transfer failed with $*"
	}
	same "$BIG" "$JAIL/d/big"
	same "$BIG" "$T/big"
}
exchanges() { grep -c 'SSH2_MSG_NEWKEYS received' "$T/v"; }

t_client_asks() {
	local c
	start_server
	for c in aes128-gcm@openssh.com chacha20-poly1305@openssh.com \
	    aes128-ctr; do
		transfer -o RekeyLimit=1M -c $c
		note "$c: $(exchanges) exchanges"
		[ "$(exchanges)" -ge 60 ] || fail "only $(exchanges) with $c"
	done
}

t_server_asks() {
	TOP_YAML='limits: {rekey_bytes: 4MiB}'
	fresh_server
	transfer
	note "$(exchanges) exchanges"
	[ "$(exchanges)" -ge 16 ] || fail "only $(exchanges) exchanges"
}

t_both_ask() {
	TOP_YAML='limits: {rekey_bytes: 2MiB}'
	fresh_server
	transfer -o RekeyLimit=2M
	[ "$(exchanges)" -ge 30 ] || fail "only $(exchanges) exchanges"
}

t_by_time() {
	TOP_YAML='limits: {rekey_time: 1s}'
	fresh_server
	LEVEL=DEBUG1
	# An idle session is rekeyed too, or as soon as it moves again.
	{
		echo pwd
		sleep 3
		echo pwd
		sleep 2
		echo pwd
	} | SFTP >"$T/v" 2>&1
	[ "$(exchanges)" -ge 2 ] || fail "only $(exchanges) exchanges"
}

t_every_kex_again() { # the same method may be asked for in mid-flight
	local k
	fresh_server
	for k in ecdh-sha2-nistp256 ecdh-sha2-nistp521 \
	    diffie-hellman-group14-sha256; do
		transfer -o RekeyLimit=8M -o KexAlgorithms=$k
		[ "$(exchanges)" -ge 8 ] || fail "only $(exchanges) with $k"
	done
}
run_parts
