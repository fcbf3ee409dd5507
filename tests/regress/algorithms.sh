#!/bin/bash
# Every key exchange x cipher x MAC x host key algorithm, a small file each
# way.  Under the sanitizers every pair instead of every combination.
# seconds 420
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 65537
HOST_KEYS="ed25519 ecdsa256 ecdsa384 ecdsa521 rsa3072"
start_server

KEX="curve25519-sha256 curve25519-sha256@libssh.org ecdh-sha2-nistp256
	ecdh-sha2-nistp384 ecdh-sha2-nistp521 diffie-hellman-group14-sha256"
HOST="ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384
	ecdsa-sha2-nistp521 rsa-sha2-256 rsa-sha2-512"
AEAD="aes128-gcm@openssh.com aes256-gcm@openssh.com
	chacha20-poly1305@openssh.com"
CTR="aes128-ctr aes192-ctr aes256-ctr"
MAC="hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com
	hmac-sha2-512-etm@openssh.com"

suites() { # cipher and MAC, each line
	local c m
	for c in $AEAD; do echo "$c hmac-sha2-256"; done
	for c in $CTR; do
		for m in $MAC; do echo "$c $m"; done
	done
}

# one N KEX HOSTKEY CIPHER MAC
one() {
	local f=$T/out/$1
	mkdir -p "$T/out"
	LEVEL=DEBUG1
	printf 'put %s /d/%s\nget /d/%s %s\n' "$SRC/f65537" "$1" "$1" "$f" |
	    SFTP -o "KexAlgorithms=$2" -o "HostKeyAlgorithms=$3" \
	    -o "Ciphers=$4" -o "MACs=$5" >"$f.log" 2>&1 &&
	    cmp -s "$SRC/f65537" "$f" &&
	    cmp -s "$SRC/f65537" "$JAIL/d/$1" &&
	    tr -d '\r' <"$f.log" | grep -q "kex: algorithm: $2\$" &&
	    tr -d '\r' <"$f.log" | grep -q "kex: host key algorithm: $3\$" &&
	    tr -d '\r' <"$f.log" | grep -q "kex: server->client cipher: $4 " || {
		echo "$2 $3 $4 $5" >>"$T/bad"
		tail -n 5 "$f.log"
	}
	rm -f "$f" "$f.log" "$JAIL/d/$1"
}

# each of the lines on standard input, two at a time
all() {
	local n=0 k h c m
	: >"$T/bad"
	while read -r k h c m; do
		n=$((n + 1))
		one $n "$k" "$h" "$c" "$m" &
		[ $((n % 2)) = 1 ] || wait
	done
	wait
	note "$n combinations"
	if [ -s "$T/bad" ]; then
		cat "$T/bad"
		fail "$(wc -l <"$T/bad") of $n: $(head -n 1 "$T/bad")"
	fi
}

t_all() {
	local k h
	if [ "$KIND" = plain ]; then
		for k in $KEX; do
			for h in $HOST; do
				suites | sed "s/^/$k $h /"
			done
		done | all
	else
		for k in $KEX; do
			for h in $HOST; do
				echo "$k $h aes128-gcm@openssh.com hmac-sha2-256"
			done
		done | all
		suites | sed "s/^/curve25519-sha256 ssh-ed25519 /" | all
	fi
}

t_none_in_common() {
	ssh_opts
	LEVEL=DEBUG1
	refused SFTP -o Ciphers=aes128-cbc </dev/null 2>"$T/err"
	has "$T/err" 'no matching cipher'
	refused SFTP -o KexAlgorithms=diffie-hellman-group14-sha1 </dev/null \
	    2>"$T/err"
	has "$T/err" 'no matching key exchange'
	refused SFTP -o MACs=hmac-md5 -o Ciphers=aes128-ctr </dev/null \
	    2>"$T/err"
	has "$T/err" 'no matching MAC'
	refused SFTP -o HostKeyAlgorithms=ssh-rsa </dev/null 2>"$T/err"
	has "$T/err" 'no matching host key'
	logged 'event=disconnect' 'src="?127\.0\.0\.1' \
	    '(in common|no common|matching)'
}

t_strict_and_extinfo() {
	LEVEL=DEBUG3
	ssh_opts
	echo pwd | SFTP >"$T/v" 2>&1
	has "$T/v" 'will use strict KEX ordering'
	has "$T/v" 'server-sig-algs=<.*rsa-sha2-512'
}
run_parts
