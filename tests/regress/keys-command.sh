#!/bin/bash
# seconds 60
# Keys that a program of the operator's knows.
. "$(dirname "$0")/lib.sh"
. "$HERE/external.inc"
copy_keys
mkdir "$T/keydir"
program keysof <<P
#!/bin/sh
echo "\$*" >>$T/heard/log
tr '\\0' '\\n' </proc/self/environ >$T/heard/env
wc -c >>$T/heard/stdin
case \$1 in
slow) sleep 1000 & sleep 1000 ;;
broken) cat $T/id.pub; exit 3 ;;
*) cat "$T/keydir/\$1" 2>/dev/null ;;
esac
exit 0
P
CMD="authorized_keys_command: [\"$T/keysof\", \"%u\", \"%U\", \"%t\", \"%k\", \"%f\", \"%C\"]"
for u in dora emil slow broken; do
	external_user $u "$CMD" 'auth: [publickey]' 'command_timeout: 1s'
done
external_user both "$CMD" 'auth: [publickey]' \
    "authorized_keys: [\"$(cat "$T/keys/user_ecdsa256.pub")\"]"
# Whatever decoy a name gets, it asks.
USER_YAML="    $CMD
    $WHO_YAML"
TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}"
cp "$T/id.pub" "$T/keydir/dora"
cp "$T/id.pub" "$T/keydir/nobody-here"
{
	echo 'this is no key'
	echo "from=\"192.0.2.0/24\" $(cat "$T/id.pub")"
	echo "restrict,command=\"internal-sftp\" $(cat "$T/keys/user_rsa3072.pub")"
} >"$T/keydir/emil"
chmod 755 "$T/keydir"
chmod 644 "$T/keydir"/*
start_server

t_right() {
	forget_heard
	WHO=dora sftp_do pwd
	ID=$T/keys/stranger WHO=dora refused sftp_do pwd
	has "$T/heard/log" \
	    "^dora $ACCT_UID ssh-ed25519 [A-Za-z0-9+/=]* SHA256:[^ ]* 127.0.0.1 [0-9]* 127.0.0.1 $PORT\$"
	logged 'event=login ' 'user="?dora' 'key="?SHA256'
}

t_nothing_of_the_peer() {
	WHO=dora sftp_do pwd
	for f in dora 127.0.0.1 SSH ssh-; do
		hasnt "$T/heard/env" "$f"
	done
	eq stdin "$(sort -u "$T/heard/stdin")" 0
}

t_options() {
	WHO=emil refused sftp_do pwd
	logged 'event=login-failed' 'user="?emil' 'option from= does not'
	ID=$T/keys/user_rsa3072 WHO=emil sftp_do pwd
	logged 'event=authorized-keys' 'file="?authorized_keys_command' 'line=1'
}

t_files_first() {
	forget_heard
	cp "$T/id.pub" "$T/keydir/both"
	ID=$T/keys/user_ecdsa256 WHO=both sftp_do pwd
	eq "programs run" "$(wc -l <"$T/heard/log")" 0
	WHO=both sftp_do pwd
	[ -s "$T/heard/log" ] || fail "not asked"
}

t_failures() {
	WHO=broken refused sftp_do pwd
	logged 'event=login-failed' 'user="?broken' 'reason="?program failed'
	logged 'event=program-failed' 'status=3'
	WHO=slow refused sftp_do pwd
	logged 'event=login-failed' 'user="?slow' 'did not answer in time'
	eventually nothing_runs
}

t_nobody() { # as many programs for whoever it is
	local who
	for who in dora nobody-here; do
		forget_heard
		ID=$T/keys/stranger WHO=$who refused sftp_do pwd
		sed "s/^[^ ]* [0-9]* //; s/127.0.0.1 [0-9]*//" "$T/heard/log" \
		    >"$T/log.$who"
		[ -s "$T/log.$who" ] || fail "nothing asked for $who"
	done
	same "$T/log.dora" "$T/log.nobody-here"
	WHO=nobody-here refused sftp_do pwd
	logged 'event=login-failed' 'user="?nobody-here' 'no such user'
}

t_putty() {
	need_cmd puttygen psftp
	puttygen "$T/id" -O private -o "$T/id.ppk"
	echo pwd >"$T/batch"
	psftp -batch -hostkey "$(ssh-keygen -lf "$T/keys/host_ed25519.pub" |
	    cut -d ' ' -f 2)" -i "$T/id.ppk" -P "$PORT" -b "$T/batch" \
	    dora@127.0.0.1
}

t_hangs() { # and keeps nobody waiting
	WHO=slow sftp_do pwd >/dev/null 2>&1 &
	eventually runs 2
	WHO=dora sftp_do pwd
	sftp_do pwd
	wait $! || true
	eventually nothing_runs
}
run_parts
