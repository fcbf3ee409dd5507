#!/bin/bash
# Codes from a clock, asked for by keyboard-interactive.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
PW='corréct "horse" $battery'
SECRET=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
crypt() { # PASSWORD
	perl -e 'print crypt($ARGV[0], q($y$j9T$F5Jx5fExrKuPp53xLKQ..1))' "$1"
}
HASH=$(crypt "$PW")
RECOVERY=$(crypt 1-emergency)
mkdir -m 700 "$T/secrets"
USERS_YAML=
user() { # NAME AUTH TOTP
	printf '# of %s\n%s\n' "$1" "$SECRET" >"$T/secrets/$1"
	chmod 600 "$T/secrets/$1"
	USERS_YAML="$USERS_YAML
  $1:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    password: '$HASH'
    authorized_keys: [\"$(cat "$T/id.pub")\"]
    auth: $2
    totp: $3"
}
# The wide drift lets a test have many codes without waiting for the clock.
WIDE="{secret: $SECRET, drift: 10}"
user both '[keyboard-interactive]' "$WIDE"
user filed '[keyboard-interactive]' "{file: \"$T/secrets/%u\", drift: 10}"
user spare '[keyboard-interactive]' \
    "{secret: $SECRET, recovery: ['$RECOVERY']}"
user keyed '["publickey+keyboard-interactive"]' "$WIDE"
user worded '["password+keyboard-interactive"]' "$WIDE"
user plain '[keyboard-interactive]' none
"$B/sallyport" totp made >"$T/made.yaml" 2>"$T/made.user"
user made '[keyboard-interactive]' none
USERS_YAML="${USERS_YAML%    totp: none}$(sed 's/^/    /' "$T/made.yaml")"
start_server

code() { # STEPS-FROM-NOW [SECRET]
	$PY - "$1" "${2:-$SECRET}" <<-'P'
	import base64, hmac, struct, sys, time
	key = base64.b32decode(sys.argv[2])
	step = int(time.time()) // 30 + int(sys.argv[1])
	d = hmac.new(key, struct.pack(">Q", step), "sha1").digest()
	at = d[-1] & 15
	n = struct.unpack(">I", d[at:at + 4])[0] & 0x7fffffff
	print("%06d" % (n % 1000000))
	P
}

cat >"$T/askpass" <<'A'
#!/bin/sh
# One answer for each question, in order; the questions are kept.
printf '%s\n' "$1" >>"${ASKED:?}"
head -n 1 "${ANSWERS:?}"
sed -i 1d "$ANSWERS"
A
chmod 755 "$T/askpass"
# login WHO ANSWER...: pwd by sftp; what was asked is in $T/asked.
login() {
	local who=$1
	shift
	printf '%s\n' "$@" >"$T/answers"
	: >"$T/asked"
	ssh_opts
	echo pwd | ASKED=$T/asked ANSWERS=$T/answers SSH_ASKPASS=$T/askpass \
	    SSH_ASKPASS_REQUIRE=force "${SSHV:+$SSHV/bin/}sftp" \
	    ${SSHV:+-S "$SSHV/bin/ssh"} -o BatchMode=no "${OPTS[@]}" \
	    -o NumberOfPasswordPrompts="${TRIES:-1}" \
	    -o PreferredAuthentications="${PREF:-keyboard-interactive}" \
	    -P "$PORT" "$who@127.0.0.1"
}
questions() { # WHO QUESTION...
	local who=$1
	shift
	eq "questions" "$(sed "s/^($who@sallyport) //" "$T/asked")" \
	    "$(printf '%s\n' "$@")"
}
Q1='Password: ' Q2='Verification code: '

t_logs_in() {
	login both "$PW" "$(code -9)"
	questions both "$Q1" "$Q2"
	logged 'event=login ' 'user=both' 'method=keyboard-interactive'
	login filed "$PW" "$(code -9)"
}

t_only_once() {
	local c
	c=$(code -7)
	STATE=$T/once
	fresh_server
	login both "$PW" "$c"
	refused login both "$PW" "$c"
	logged 'event=login-failed' 'user=both' 'has been used before'
	refused login both "$PW" "$(code -8)"
	# ... after SIGHUP and after another start
	kill -HUP "$SERVER"
	logged 'event=reload'
	refused login both "$PW" "$c"
	stop_server
	start_server
	refused login both "$PW" "$c"
	login both "$PW" "$(code -5)"
}

t_race() { # the same code from many connections at once: one gets in
	local c i pids= ok=0
	c=$(code -3)
	for i in 1 2 3 4 5 6; do
		(
			mkdir -p "$T/race$i"
			printf '%s\n' "$PW" "$c" >"$T/race$i/answers"
			: >"$T/race$i/asked"
			ssh_opts
			echo pwd | ASKED=$T/race$i/asked \
			    ANSWERS=$T/race$i/answers \
			    SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force \
			    sftp -o BatchMode=no "${OPTS[@]}" \
			    -o NumberOfPasswordPrompts=1 \
			    -o PreferredAuthentications=keyboard-interactive \
			    -P "$PORT" filed@127.0.0.1
		) &
		pids="$pids $!"
	done
	for i in $pids; do
		if wait "$i"; then ok=$((ok + 1)); fi
	done
	eq "logins with one code" $ok 1
}

t_alike() { # wrong password, wrong code, nobody, one without a code
	local who
	log_mark
	for who in both plain nobody-here keyed; do
		refused login $who wrong 123456 2>"$T/err.$who"
		questions $who "$Q1" "$Q2"
		sed "s/$who/WHO/g;1q" "$T/err.$who" >"$T/err1.$who"
		same "$T/err1.$who" "$T/err1.both"
	done
	refused login both "$PW" 123456 2>"$T/err.code"
	questions both "$Q1" "$Q2"
	sed "s/both/WHO/g;1q" "$T/err.code" >"$T/err1.code"
	same "$T/err1.code" "$T/err1.both"
	logged 'user=both' 'verification code is wrong'
	logged 'user=nobody-here' 'no such user'
	# who has no code needs none
	login plain "$PW"
	questions plain "$Q1"
}

t_second_factor_alone() {
	PREF=publickey,keyboard-interactive login keyed "$(code -9)"
	questions keyed "$Q2"
	PREF=password,keyboard-interactive login worded "$PW" "$(code -9)"
	PREF=publickey,keyboard-interactive refused login keyed "$PW"
	PREF=publickey refused login keyed
	PREF=keyboard-interactive refused login keyed "$PW" "$(code -8)"
	PREF=password refused login worded "$PW"
}

t_second_try() {
	TRIES=3 login both no 000000 "$PW" 000000 "$PW" "$(code -1)"
	questions both "$Q1" "$Q2" "$Q1" "$Q2" "$Q1" "$Q2"
}

t_recovery() {
	LEVEL=INFO login spare "$PW" 1-emergency 2>"$T/err"
	has "$T/err" 'recovery code has been used up; 0 are left'
	logged 'event=recovery-code' 'user=spare'
	refused login spare "$PW" 1-emergency
	logged 'user=spare' 'recovery code has been used before'
	login spare "$PW" "$(code 0)"
}

t_made_by_the_tool() {
	local secret n
	secret=$(sed -n 's/^ *secret: //p' "$T/made.yaml")
	has "$T/made.user" "otpauth://totp/made\\?secret=$secret&issuer="
	login made "$PW" "$(code 0 "$secret")"
	n=$(sed -n 's/^ *\(8-\)/\1/p' "$T/made.user")
	login made "$PW" "$n"
	refused login made "$PW" "$n"
}

t_secret_of_others() {
	chmod 644 "$T/secrets/filed"
	refused login filed "$PW" "$(code 2)"
	logged 'event=totp-secret' 'user=filed' 'readable by group or others'
	chmod 600 "$T/secrets/filed"
	login filed "$PW" "$(code 2)"
}

t_cannot_remember() { # a full disk lets nobody in, and forgets nothing
	need_root
	mkdir "$T/small"
	mount -t tmpfs -o size=64k,mode=700 tmpfs "$T/small" 2>/dev/null ||
	    skip "cannot mount a tmpfs"
	STATE=$T/small
	fresh_server
	login both "$PW" "$(code -9)"
	head -c 65536 /dev/zero >"$T/small/fill" 2>/dev/null || true
	refused login both "$PW" "$(code -7)"
	logged 'event=state-failed' 'user=both' 'step=write' '[Ss]pace'
	logged 'event=login-failed' 'user=both' 'state could not be written'
	rm "$T/small/fill"
	login both "$PW" "$(code -7)"
	refused login both "$PW" "$(code -9)"
	stop_server
	umount "$T/small"
}

t_clients() { # paramiko and asyncssh
	"$PY" -c "import asyncssh, paramiko" 2>/dev/null ||
	    skip "no python3-asyncssh or python3-paramiko"
	local both="Password:,Verification code:"
	py secrets.py paramiko both "$both" "$PW" "$(code 5)"
	py secrets.py asyncssh both "$both" "$PW" "$(code 6)"
	refused py secrets.py paramiko both "$both" "$PW" "$(code 6)" \
	    2>/dev/null
	refused py secrets.py asyncssh both "$both" wrong "$(code 7)" \
	    2>/dev/null
	py secrets.py asyncssh both "$both" "$PW" "$(code 7)"
}

t_openssh_10() {
	[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10"
	SSHV=$O10 login both "$PW" "$(code 8)"
}

t_never_in_the_log() {
	hasnt "$LOG" "$SECRET|battery|emergency|123456"
}
run_parts
