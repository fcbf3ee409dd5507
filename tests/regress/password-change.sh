#!/bin/bash
# Passwords that expire and are replaced by their users.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
OLD='corréct "horse" $battery'
NEW='Neues Pferd, 2 Batterien'
LATER='das dritte, noch neuere'
PAST=2020-01-01
FUTURE=$(date -d '+10 days' +%Y-%m-%d)
crypt() { # SALT
	perl -e 'print crypt($ARGV[0], q($y$j9T$) . $ARGV[1])' "$OLD" "$1"
}
HASH=$(crypt F5Jx5fExrKuPp53xLKQ..1)
USERS_YAML=
user() { # NAME AUTH KEY...
	USERS_YAML="$USERS_YAML
  $1:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    password: '$HASH'
    auth: $2"
	shift 2
	local k
	for k; do USERS_YAML="$USERS_YAML
    $k"; done
}
SECRET=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
user past '[password]' "password_expires: $PAST"
user asks '[keyboard-interactive]' "password_expires: $PAST"
user soon '[password]' "password_expires: $FUTURE" 'password_change: on'
user stuck '[password]' "password_expires: $PAST" 'password_change: off'
user coded '["password+keyboard-interactive"]' "password_expires: $PAST" \
    "totp: {secret: $SECRET, drift: 10}"
user full '[password]' "password_expires: $PAST"
start_server

cat >"$T/askpass" <<'A'
#!/bin/sh
# One answer for each question, in order; the questions are kept.
printf '%s\n' "$1" >>"${ASKED:?}"
head -n 1 "${ANSWERS:?}"
sed -i 1d "$ANSWERS"
A
chmod 755 "$T/askpass"
# login WHO ANSWER...: pwd by sftp; questions in $T/asked, banners in $T/err.
login() {
	local who=$1
	shift
	printf '%s\n' "$@" >"$T/answers"
	: >"$T/asked"
	LEVEL=INFO ssh_opts
	echo pwd | ASKED=$T/asked ANSWERS=$T/answers SSH_ASKPASS=$T/askpass \
	    SSH_ASKPASS_REQUIRE=force "${SSHV:+$SSHV/bin/}sftp" \
	    ${SSHV:+-S "$SSHV/bin/ssh"} -o BatchMode=no "${OPTS[@]}" \
	    -o NumberOfPasswordPrompts="${TRIES:-1}" \
	    -o PreferredAuthentications="${PREF:-password}" \
	    -P "$PORT" "$who@127.0.0.1" 2>"$T/err"
}
code() { # STEPS-FROM-NOW
	$PY - "$1" "$SECRET" <<-'P'
	import base64, hmac, struct, sys, time
	key = base64.b32decode(sys.argv[2])
	step = int(time.time()) // 30 + int(sys.argv[1])
	d = hmac.new(key, struct.pack(">Q", step), "sha1").digest()
	at = d[-1] & 15
	n = struct.unpack(">I", d[at:at + 4])[0] & 0x7fffffff
	print("%06d" % (n % 1000000))
	P
}

t_method() { # OpenSSH asks for the old one again, then twice for the new
	login past "$OLD" "$OLD" "$NEW" "$NEW"
	has "$T/err" 'Your password has expired. Choose a new password'
	has "$T/asked" 'new password'
	logged 'event=password-changed' 'user=past'
	logged 'event=login ' 'user=past' 'method=password'
	refused login past "$OLD"
	login past "$NEW"
	"$B/sallyport" explain past -f "$CONF" >"$T/out"
	hasnt "$T/out" 'has expired'
	"$B/sallyport" explain asks -f "$CONF" >"$T/out"
	has "$T/out" 'has expired: a new one is asked for'
	# only root may look at it
	eq mode "$(stat -c %a "$T/state.$PORT/users/past.password")" 600
	hasnt "$T/state.$PORT/users/past.password" "$NEW"
}

t_method_not_good_enough() {
	TRIES=2 refused login full "$OLD" "$OLD" short short
	has "$T/err" 'too short: it needs at least 12 characters'
	login full "$OLD" "$OLD" "$NEW" "$NEW"
}

t_dialogue() {
	PREF=keyboard-interactive login asks "$OLD" "$NEW" other short short \
	    "$NEW" "$NEW"
	has "$T/err" 'The two are not the same'
	has "$T/err" 'That is too short'
	has "$T/asked" 'Retype new password: '
	PREF=keyboard-interactive refused login asks "$OLD"
	PREF=keyboard-interactive login asks "$NEW"
}

t_code_first() { # the password alone changes nothing
	local c
	c=$(code -5)
	PREF=password,keyboard-interactive refused login coded "$OLD" 000000 \
	    "$NEW" "$NEW"
	logged 'event=login-failed' 'user=coded' 'verification code is wrong'
	PREF=password,keyboard-interactive login coded "$OLD" "$c" "$NEW" \
	    "$NEW"
	PREF=password,keyboard-interactive refused login coded "$OLD" \
	    "$(code -3)"
	PREF=password,keyboard-interactive login coded "$NEW" "$(code -1)"
}

t_warning() {
	login soon "$OLD"
	has "$T/err" 'Your password expires in (9|10|11) days'
	refused login soon wrong
	hasnt "$T/err" 'expires in'
}

t_stuck() {
	refused login stuck "$OLD"
	has "$T/err" 'Please ask the administrator'
	logged 'user=stuck' 'password has expired and may not be changed'
	refused "$B/sallyport" explain stuck -f "$CONF" >"$T/out"
	has "$T/out" 'has expired and may not be changed'
}

t_kept() { # over reload and restart, until the operator says otherwise
	STATE=$T/kept
	fresh_server
	login past "$OLD" "$OLD" "$NEW" "$NEW"
	kill -HUP "$SERVER"
	logged 'event=reload'
	login past "$NEW"
	stop_server
	start_server
	login past "$NEW"
	refused login past "$OLD"
	local h
	h=$(crypt abcdefghijklmnopqrstu.)
	sed -i "s|'$HASH'|'$h'|" "$CONF"
	kill -HUP "$SERVER"
	eventually reloaded_twice
	refused login past "$NEW"
	login past "$OLD" "$OLD" "$LATER" "$LATER"
	login past "$LATER"
}
reloaded_twice() { [ "$(grep -c 'event=reload' "$LOG")" -ge 2 ]; }

t_full_disk() { # the old one stays, and its user is told
	need_root
	mkdir "$T/small"
	mount -t tmpfs -o size=64k,mode=700 tmpfs "$T/small" 2>/dev/null ||
	    skip "cannot mount a tmpfs"
	STATE=$T/small
	fresh_server
	head -c 65536 /dev/zero >"$T/small/fill" 2>/dev/null || true
	refused login past "$OLD" "$OLD" "$NEW" "$NEW"
	has "$T/err" 'the old one still counts'
	logged 'event=state-failed' 'user=past' 'kind=password' '[Ss]pace'
	refused login past "$NEW"
	rm "$T/small/fill"
	login past "$OLD" "$OLD" "$NEW" "$NEW"
	login past "$NEW"
	stop_server
	umount "$T/small"
}

t_race() { # many at once: one changes it, whose password then counts
	local i pids= ok=0 one=
	STATE=$T/race
	fresh_server
	for i in 1 2 3 4; do
		(
			mkdir -p "$T/r$i"
			cp "$T/askpass" "$T/r$i/"
			printf '%s\n' "$OLD" "$OLD" "of process $i, new" \
			    "of process $i, new" >"$T/r$i/answers"
			ssh_opts
			echo pwd | ASKED=$T/r$i/asked \
			    ANSWERS=$T/r$i/answers SSH_ASKPASS=$T/askpass \
			    SSH_ASKPASS_REQUIRE=force sftp -o BatchMode=no \
			    "${OPTS[@]}" -o NumberOfPasswordPrompts=1 \
			    -o PreferredAuthentications=password \
			    -P "$PORT" past@127.0.0.1
		) &
		pids="$pids $!"
	done
	i=0
	for p in $pids; do
		i=$((i + 1))
		if wait "$p"; then ok=$((ok + 1)) one=$i; fi
	done
	eq "changes" $ok 1
	login past "of process $one, new"
	refused login past "$OLD"
}

t_clients() {
	"$PY" -c "import asyncssh, paramiko" 2>/dev/null ||
	    skip "no python3-asyncssh or python3-paramiko"
	STATE=$T/clients
	fresh_server
	py secrets.py change past "$OLD" "$NEW" \
	    "Your password has expired,changed"
	refused py secrets.py change past "$OLD" "$NEW" x 2>/dev/null
	login past "$NEW"
	py secrets.py paramiko asks \
	    "Password:,New password:,Retype new password:" "$OLD" "$NEW" \
	    "$NEW"
	py secrets.py paramiko asks "Password:" "$NEW"
	py secrets.py asyncssh asks "Password:" "$NEW"
}

t_openssh_10() {
	[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10"
	STATE=$T/ten
	fresh_server
	SSHV=$O10 login past "$OLD" "$OLD" "$NEW" "$NEW"
	SSHV=$O10 login past "$NEW"
}

t_never_in_the_log() { hasnt "$LOG" "battery|Batterien|noch neuere"; }
run_parts
