#!/bin/bash
# When a key was used last: in the log, and by `sallyport keys`.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
HASH=$(perl -e 'print crypt(q(pw), q($5$rounds=1000$saltsalt$))')
USERS_YAML="
  carl:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    auth: [publickey, password]
    password: '$HASH'
    authorized_keys:
      - $(cat "$T/keys/user_ecdsa256.pub")
      - $(cat "$T/keys/user_rsa3072.pub")"
start_server
STATE_DIR=$T/state.$PORT
keys() { "$B/sallyport" keys "$@" -f "$CONF"; }
fp() { ssh-keygen -lf "$1" | cut -d ' ' -f 2; }
fpre() { fp "$1" | sed 's/+/[+]/g'; } # as a pattern
carl() { WHO=carl ID=$T/keys/user_$1 sftp_do pwd; }
WHEN='20[0-9-]*T[0-9:]*Z'

t_log() {
	local k
	k=$(fpre "$T/keys/user_ecdsa256.pub")
	carl ecdsa256
	logged 'event=login ' 'user=carl' "key=$k last_use=never uid"
	carl ecdsa256
	logged 'event=login ' 'user=carl' \
	    "key=$k last_use=$WHEN last_src=127.0.0.1 "
	carl rsa3072
	logged 'event=login ' 'user=carl' 'last_use=never' \
	    "key=$(fpre "$T/keys/user_rsa3072.pub")"
}

t_tool() {
	keys carl >"$T/out"
	eq lines "$(wc -l <"$T/out")" 2
	has "$T/out" "^$WHEN $(fpre "$T/keys/user_rsa3072.pub") 127.0.0.1$"
	eq newest "$(head -n 1 "$T/out" | cut -d ' ' -f 2)" \
	    "$(fp "$T/keys/user_rsa3072.pub")"
	refused keys nobody-here 2>"$T/err"
	has "$T/err" 'no key of "nobody-here" has been used yet'
	refused keys ../carl 2>"$T/err"
	refused keys 2>"$T/err"
	printf 'x' >"$STATE_DIR/users/broken.keys"
	refused keys broken 2>"$T/err"
	has "$T/err" 'is damaged'
}

t_explain() {
	"$B/sallyport" explain carl -f "$CONF" >"$T/out"
	has "$T/out" "$(fpre "$T/keys/user_rsa3072.pub").*, used $WHEN from 127"
	"$B/sallyport" explain alice -f "$CONF" >"$T/out"
	has "$T/out" ', not used yet$'
}

t_password_is_no_key() {
	log_mark
	printf 'echo pw\n' >"$T/askpass"
	sed -i '1i #!/bin/sh' "$T/askpass"
	chmod 755 "$T/askpass"
	ssh_opts
	echo pwd | SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force sftp \
	    -o BatchMode=no "${OPTS[@]}" -o PreferredAuthentications=password \
	    -P "$PORT" carl@127.0.0.1
	logged 'event=login ' 'user=carl' 'method=password uid'
	log_new >"$T/new"
	hasnt "$T/new" 'last_use'
}

t_kept_and_harmless() {
	STATE=$T/kept
	fresh_server
	carl ecdsa256
	stop_server
	start_server
	carl ecdsa256
	logged 'event=login ' "last_use=$WHEN"
	# what cannot be remembered is logged, and lets in all the same
	need_root
	printf 'rubbish' >"$T/kept/users/carl.keys"
	carl ecdsa256
	logged 'event=state-failed' 'user=carl' 'kind=keys'
	keys carl
	mv "$T/kept/users" "$T/kept/moved"
	rm -rf "$T/kept/moved"
	carl ecdsa256
}

t_without_a_folder() {
	STATE=none
	fresh_server
	carl ecdsa256
	refused keys carl 2>"$T/err"
	has "$T/err" 'needs state_dir'
}
run_parts
