#!/bin/bash
# When, from where, how often and with which words a user may log in: hours,
# dates, sessions, when, banners; the reason is for the log alone.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
PW=battery
HASH=$(perl -e 'print crypt($ARGV[0], q($5$rounds=1000$saltsalt$))' $PW)
# An hour that is not now, however slow the machine.
OTHER=$(date -u -d '2 hours' +%H:%M)-$(date -u -d '3 hours' +%H:%M)
USERS_YAML=
user() { # NAME LINE...
	USERS_YAML="$USERS_YAML
  $1:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    auth: [publickey, password]
    password: '$HASH'
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
	shift
	local l
	for l; do
		USERS_YAML="$USERS_YAML
    $l"
	done
}
user clerk 'hours: ["Mon-Wed 00:00-24:00", "Thu-Sun 00:00-24:00"]' \
    'time_zone: Asia/Kathmandu' 'expires: 9999-12-31' \
    'banner: "Good day, clerk.\nMind the step."'
user night "hours: [\"$OTHER\"]" 'time_zone: UTC' \
    'banner: "Good night, night."'
user old 'expires: "2020-01-01T08:00:00+01:00"'
user early 'not_before: 9999-01-01'
user two 'sessions: 2' 'banner: "Both of you."'
user moved 'umask: "0077"' 'expires: 9999-01-01'
PORT=$(free_port)
LISTEN="[\"127.0.0.1:$PORT\", \"127.0.0.2:$PORT\"]"
user door 'when:' \
    "  - if: {listen: [\"127.0.0.2:$PORT\"], from: [127.0.0.3]}" \
    '    allow: []' \
    "  - if: {listen: [\"127.0.0.2:$PORT\"]}" \
    '    auth: [password]' \
    '    banner: "The other door."' \
    '  - if: {from: [127.0.0.4/31]}' \
    '    from: [192.0.2.1]'
start_server
LEVEL=INFO

cat >"$T/askpass" <<A
#!/bin/sh
echo $PW
A
chmod 755 "$T/askpass"
by_password() { # WHO
	ssh_opts
	echo pwd | SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force \
	    sftp -o BatchMode=no "${OPTS[@]}" -P "$PORT" \
	    -o NumberOfPasswordPrompts=1 \
	    -o PreferredAuthentications=password "$1@${ADDR:-127.0.0.1}"
}
no() { # WHO REASON: neither by key nor by password
	local k
	for k in publickey password; do
		log_mark
		if [ $k = publickey ]; then
			WHO=$1 refused sftp_do pwd 2>"$T/err"
		else
			refused by_password "$1" 2>"$T/err"
		fi
		# the same words as to anybody
		has "$T/err" "$1@127.0.0.1: Permission denied \(publickey,password\)"
		hasnt "$T/err" 'hour|expire|session|Good night'
		eventually told "$1" $k "$2"
	done
}
told() { log_new | grep -Ea "event=login-failed .*user=$1 .*method=$2" | \
    grep -Eaq "reason=\"$3\""; }

t_hours() {
	WHO=clerk sftp_do pwd
	by_password clerk
	no night "outside of the user's hours"
	WHO=night refused sftp_do pwd
}

t_dates() {
	no old 'user has expired'
	no early "user's first day is not yet"
}

t_banner() {
	WHO=clerk sftp_do pwd 2>"$T/err"
	has "$T/err" '^Good day, clerk\.'
	has "$T/err" '^Mind the step\.'
	eq "banners" "$(grep -c 'Mind the step' "$T/err")" 1
	by_password clerk 2>"$T/err"
	has "$T/err" '^Mind the step\.'
	# strangers hear nothing of it
	ID=$T/keys/stranger WHO=clerk refused sftp_do pwd 2>"$T/err"
	hasnt "$T/err" 'Good day|Mind'
	WHO=alice sftp_do pwd 2>"$T/err"
	hasnt "$T/err" 'Good day|Mind'
}

t_when() {
	WHO=door sftp_do pwd 2>"$T/err"
	hasnt "$T/err" 'other door'
	by_password door
	# by where it arrives
	ADDR=127.0.0.2 WHO=door refused sftp_do pwd
	logged 'event=login-failed' 'user=door' 'method=publickey' \
	    'method is not allowed for this user'
	ADDR=127.0.0.2 by_password door 2>"$T/err"
	has "$T/err" '^The other door\.'
	# ... and whence: the first that holds, alone
	echo pwd | ADDR=127.0.0.2 WHO=door SFTP -o BindAddress=127.0.0.3 \
	    2>"$T/err" && fail "SFTP where nothing is allowed"
	logged 'event=request-refused' 'user=door' 'SFTP is not allowed'
	# by whence alone
	WHO=door refused SFTP -o BindAddress=127.0.0.5 </dev/null
	logged 'event=login-failed' 'user=door' 'src=127.0.0.5' \
	    'source address is not allowed'
	echo pwd | WHO=door SFTP -o BindAddress=127.0.0.6
	# others are let in by either door
	ADDR=127.0.0.2 sftp_do pwd
}

t_faults() {
	local f=$T/bad.yaml
	write_conf "$f"
	cat >>"$f" <<-C
	groups: {g: {hours: ["08:00"], time_zone: Nowhere/Land, sessions: -1}}
	C
	refused "$DAEMON" -t -f "$f" 2>"$T/err"
	has "$T/err" 'groups.g.hours\[0\]: "08:00" is not a range of hours; use'
	has "$T/err" 'groups.g.time_zone: "Nowhere/Land" is not a time zone'
	has "$T/err" 'groups.g.sessions: "-1" is not a number of sessions; use'
}
PWORD=$PW CONF=$CONF SERVER=$SERVER py rules.py || bad=1
run_parts || bad=1
[ -z "${bad:-}" ]
