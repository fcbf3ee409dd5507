#!/bin/bash
# Passwords against crypt(3) hashes.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
PW='corréct "horse" $battery'
crypt() { # SETTING
	perl -e 'my $h = crypt($ARGV[0], $ARGV[1]); print $h if defined $h' \
	    "$PW" "$1"
}
YESCRYPT=$(crypt '$y$j9T$F5Jx5fExrKuPp53xLKQ..1')
SHA512=$(crypt '$6$saltsaltsalt')
BCRYPT=$(crypt '$2b$05$abcdefghijklmnopqrstuu')
USERS_YAML=
user() { # NAME HASH AUTH
	USERS_YAML="$USERS_YAML
  $1:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    password: '$2'
    auth: $3"
}
user yes "$YESCRYPT" '[password]'
user sha "$SHA512" '[password]'
user bcr "$BCRYPT" '[password]'
user ask "$YESCRYPT" '[keyboard-interactive]'
user both "$YESCRYPT" '["publickey+password"]'
USERS_YAML="$USERS_YAML
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
start_server

cat >"$T/askpass" <<'A'
#!/bin/sh
# the last word given is repeated
f=${PWFILE:?}
head -n 1 "$f"
[ "$(wc -l <"$f")" -le 1 ] || sed -i 1d "$f"
A
chmod 755 "$T/askpass"
with_pw() { # WHO PASSWORD... : pwd by sftp
	local who=$1
	shift
	printf '%s\n' "$@" >"$T/pw"
	ssh_opts
	echo pwd | PWFILE=$T/pw SSH_ASKPASS=$T/askpass \
	    SSH_ASKPASS_REQUIRE=force sftp -o BatchMode=no "${OPTS[@]}" \
	    -o NumberOfPasswordPrompts="${TRIES:-1}" \
	    -o PreferredAuthentications="${PREF:-password}" \
	    -o IdentityFile="${ID:-$T/id}" -P "$PORT" "$who@127.0.0.1"
}

t_right() {
	with_pw yes "$PW"
	[ -z "$SHA512" ] || with_pw sha "$PW"
	[ -z "$BCRYPT" ] || with_pw bcr "$PW"
	logged 'event=login ' 'user="?yes' 'method="?password'
}

t_dialogue() {
	PREF=keyboard-interactive with_pw ask "$PW"
	logged 'event=login ' 'user="?ask' 'method="?keyboard-interactive'
	# twice wrong, then right, on one connection
	TRIES=3 PREF=keyboard-interactive with_pw ask no nein "$PW"
	! PREF=keyboard-interactive with_pw ask wrong || false
	logged 'event=login-failed' 'user="?ask' 'password is wrong'
	# who has the password, but must say it otherwise
	! PREF=keyboard-interactive with_pw yes "$PW" || false
	! PREF=keyboard-interactive with_pw nobody-here "$PW" || false
	! PREF=password with_pw ask "$PW" || false
}

t_wrong() {
	local n
	for n in yes sha nobody-here; do
		log_mark
		refused with_pw $n "wrong"
		refused with_pw $n ""
	done
	logged 'event=login-failed' 'user="?yes' 'method="?password'
	logged 'event=login-failed' 'user="?nobody-here'
}

t_never_in_the_log() {
	refused with_pw yes "S3cretWord"
	hasnt "$LOG" 'S3cretWord|battery'
	hasnt "$LOG" "${YESCRYPT:10:20}"
}

t_second_try() { TRIES=3 with_pw yes wrong "$PW"; }

t_long() { # beyond what is hashed, refused and survived
	refused with_pw yes "$(printf 'x%.0s' $(seq 5000))"
	with_pw yes "$PW"
}

t_chain() {
	PREF=publickey,password with_pw both "$PW"
	PREF=publickey refused with_pw both "$PW"
	PREF=password refused with_pw both "$PW"
	PREF=publickey,password refused with_pw both wrong
	ID=$T/keys/stranger PREF=publickey,password refused with_pw both "$PW"
}

t_not_where_keys_are_wanted() { refused with_pw alice "$PW"; }
run_parts
