#!/bin/bash
# seconds 150
# Logins through PAM: Debian's own stack and a module that misbehaves as told.
. "$(dirname "$0")/lib.sh"
. "$HERE/pam.inc"
copy_keys
account a -m
account e
service unix <<'P'
auth	required	pam_unix.so
auth	required	MODULE note=NOTE
account	required	pam_unix.so
password required	pam_unix.so sha512 rounds=5000
session	required	MODULE note=NOTE
P
sed -i "s#NOTE#$NOTE#" "/etc/pam.d/${OWN}unix"
pam_user a unix
pam_user e unix
USER_YAML="    pam: ${OWN}unix" # whatever decoy a name gets, it is asked
AUTH='[password, keyboard-interactive, publickey]'
TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}"
start_server

t_password() {
	pass a "$PW" >"$T/out"
	has "$T/out" 'working directory: /'
	logged 'event=login ' "user=\"?${OWN}a" 'method="?password'
	refused pass a "wrong"
	logged 'event=login-failed' "user=\"?${OWN}a" \
	    'pam_authenticate: Authentication failure'
	refused pass a ""
}

t_dialogue() {
	kbd a "$PW"
	asked 'Password: |'
	logged 'event=login ' "user=\"?${OWN}a" 'keyboard-interactive'
	refused kbd a "wrong"
	TRIES=2 kbd a "wrong" "$PW"
}

t_nobody() { # is asked the same, and so is who may not
	refused kbd nobody "$PW"
	asked 'Password: |'
	logged 'event=login-failed' "user=\"?${OWN}nobody" 'no such user'
	refused pass nobody "$PW"
	hasnt "$LOG" 'horse'
}

t_key() { key a; }

t_clients() {
	need_cmd psftp
	local fp
	fp=$(ssh-keygen -l -f "$T/keys/host_ed25519.pub" | awk '{ print $2 }')
	echo pwd >"$T/batch"
	HOME=$T psftp -batch -b "$T/batch" -P "$PORT" -pw "$PW" \
	    -hostkey "$fp" "${OWN}a@127.0.0.1"
	! HOME=$T psftp -batch -b "$T/batch" -P "$PORT" -pw wrong \
	    -hostkey "$fp" "${OWN}a@127.0.0.1" || false
	WHO=${OWN}a PW=$PW py pam_client.py
	logged 'event=login-failed' 'answer is too long'
}

t_limits_and_environment() {
	cat >"$T/limits.conf" <<-L
	${OWN}a - nofile 123
	${OWN}a - nproc 77
	L
	echo 'SP_ONE DEFAULT=1' >"$T/env.conf"
	cat >"$T/hook" <<-H
	#!/bin/sh
	echo "\$PAM_TYPE \$PAM_USER \$PAM_RHOST \$PAM_TTY \$SP_ONE" >>$T/hooks
	H
	chmod 755 "$T/hook"
	service full <<-P
	auth	required	pam_unix.so
	account	required	pam_unix.so
	session	required	pam_env.so conffile=$T/env.conf readenv=0
	session	required	pam_limits.so conf=$T/limits.conf
	session	optional	pam_loginuid.so
	session	required	pam_umask.so umask=0027
	session	required	pam_exec.so $T/hook
	P
	USERS_YAML=
	pam_user a full
	fresh_server
	hold_sftp_as a
	local p
	p=$(session_of a)
	has "/proc/$p/limits" 'Max open files +123 +123 '
	has "/proc/$p/limits" 'Max processes +77 +77 '
	has "/proc/$p/status" 'NoNewPrivs:	1'
	has "/proc/$p/status" 'Seccomp:	2'
	has "/proc/$p/status" 'Umask:	0027'
	has "/proc/$p/status" "Uid:	$(id -u ${OWN}a)	"
	eq "its parent" "$(tr '\0' ' ' <"/proc/$(helper_of a)/cmdline")" \
	    'sallyport-account --pam '
	eq "its parent's" \
	    "$(awk '/^PPid:/ { print $2 }' "/proc/$(helper_of a)/status")" \
	    "$SERVER"
	release
	eventually no_helpers
	eq "hooks" "$(cat "$T/hooks")" "open_session ${OWN}a 127.0.0.1 ssh 1
close_session ${OWN}a 127.0.0.1 ssh 1"
}
hold_sftp_as() { # USER: held open by its key
	WHO=$OWN$1 hold_sftp
}

ended() { ! alive "$1"; }
closed() { # how often the session was closed
	grep -c '^delete-cred$' "$NOTE"
}
t_closed_whatever_happens() {
	rm -f "$NOTE"
	USERS_YAML=
	pam_user a unix
	fresh_server
	key a
	eventually no_helpers
	eq "phases" "$(tr '\n' ' ' <"$NOTE")" 'cred open close delete-cred '
	# the client is killed
	hold_sftp_as a
	kill -9 $HOLD
	eventually no_helpers
	eq "closed" "$(closed)" 2
	# so is the session, which is told
	hold_sftp_as a
	kill -9 "$(session_of a)"
	eventually no_helpers
	eq "closed" "$(closed)" 3
	logged 'event=session-died' "user=\"?${OWN}a" 'SIGKILL'
	release
	# the server
	hold_sftp_as a
	kill -9 "$(tree_named 'sallyportd: server')"
	eventually no_helpers
	eq "closed" "$(closed)" 4
	release
	eventually listening
	# the user is removed
	hold_sftp_as a
	cp "$CONF" "$T/old.yaml"
	USERS_YAML=
	write_conf "$CONF"
	kill -HUP $SERVER
	eventually no_helpers
	eq "closed" "$(closed)" 5
	release
	cp "$T/old.yaml" "$CONF"
	kill -HUP $SERVER
	eventually key a
	# the daemon stops
	hold_sftp_as a
	stop_server
	eventually eval '[ $(closed) = 7 ]'
	release
}

t_warden_killed() {
	local h
	rm -f "$NOTE"
	USERS_YAML=
	pam_user a unix
	fresh_server
	hold_sftp_as a
	h=$(helper_of a)
	kill -9 $SERVER
	eventually ended "$h"
	eq "closed" "$(closed)" 1
	release
}

t_expired_password_by_dialogue() {
	passwd_of "${OWN}e" "$PW"
	chage -d 0 "${OWN}e"
	# a key does not help, and nothing tells why
	refused key e
	logged 'event=login-failed' "user=\"?${OWN}e" 'password has expired'
	# one that is not good enough
	refused kbd e "$PW" "$PW" "$PW" "$PW"
	kbd e "$PW" "$PW" "Anöther 1 horse" "Anöther 1 horse"
	asked 'Password: |Current password: |New password: |Retype new password: |'
	logged 'event=login ' "user=\"?${OWN}e"
	refused kbd e "$PW"
	kbd e "Anöther 1 horse"
	asked 'Password: |'
	key e
}

t_expired_password_by_request() {
	passwd_of "${OWN}e" "$PW"
	chage -d 0 "${OWN}e"
	local before
	before=$(shadow "${OWN}e" 2)
	refused pass e "wrong"
	eq "questions" "$(wc -l <"$T/asked")" 1
	pass e "$PW" "$PW" "Fresh 2 stable" "Fresh 2 stable"
	eq "questions" "$(wc -l <"$T/asked")" 4
	[ "$(shadow "${OWN}e" 2)" != "$before" ] || fail "not stored"
	refused pass e "$PW"
	pass e "Fresh 2 stable"
}

t_expired_account() {
	chage -E 2001-01-01 "${OWN}e"
	passwd_of "${OWN}e" "$PW"
	refused key e
	logged 'event=login-failed' "user=\"?${OWN}e" \
	    'pam_acct_mgmt: User account has expired'
	refused pass e "$PW"
	refused kbd e "$PW"
	hasnt "$T/client" expired
	chage -E -1 "${OWN}e"
	key e
}

t_locked_account() {
	passwd_of "${OWN}e" "$PW"
	usermod -L "${OWN}e"
	refused key e
	logged 'event=login-failed' "user=\"?${OWN}e" 'account is locked'
	refused pass e "$PW"
	usermod -U "${OWN}e"
	key e
	# an account that never had a password is not locked
	usermod -p '!' "${OWN}e"
	key e
}

t_empty_password() {
	usermod -p '' "${OWN}e"
	service nullok <<-'P'
	auth	required	pam_unix.so nullok
	account	required	pam_unix.so
	session	required	pam_permit.so
	P
	USERS_YAML=
	pam_user e nullok
	fresh_server
	refused pass e ""
	refused kbd e ""
	refused kbd e "x"
	passwd_of "${OWN}e" "$PW"
	kbd e "$PW"
}

t_codes() { # a password, then a code of pam_oath
	local f
	f=$(find /lib /usr/lib -name pam_oath.so 2>/dev/null | head -n 1)
	[ -n "$f" ] || skip "no pam_oath on this machine"
	need_cmd oathtool
	echo "HOTP ${OWN}a - 3132333435363738393031323334353637383930" \
	    >"$T/oath"
	chmod 600 "$T/oath"
	service oath <<-P
	auth	required	pam_unix.so
	auth	required	pam_oath.so usersfile=$T/oath window=5 digits=6
	account	required	pam_unix.so
	session	required	pam_permit.so
	P
	USERS_YAML=
	pam_user a oath
	fresh_server
	refused kbd a "$PW" 000000
	eq "questions" "$(wc -l <"$T/asked")" 2
	refused kbd a wrong \
	    "$(oathtool -c 0 3132333435363738393031323334353637383930)"
	kbd a "$PW" "$(oathtool -c 1 3132333435363738393031323334353637383930)"
	refused kbd a "$PW" \
	    "$(oathtool -c 1 3132333435363738393031323334353637383930)"
	refused pass a "$PW"
	logged 'event=login-failed' 'keyboard-interactive is needed'
}

t_google_authenticator() {
	local f secret
	f=$(find /lib /usr/lib -name pam_google_authenticator.so 2>/dev/null |
	    head -n 1)
	[ -n "$f" ] || skip "no pam_google_authenticator on this machine"
	need_cmd oathtool
	secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
	printf '%s\n" TOTP_AUTH\n' $secret >"$T/home/${OWN}a/.google_authenticator"
	chown "${OWN}a" "$T/home/${OWN}a/.google_authenticator"
	chmod 400 "$T/home/${OWN}a/.google_authenticator"
	service google <<-P
	auth	required	pam_unix.so
	auth	required	pam_google_authenticator.so
	account	required	pam_unix.so
	session	required	pam_permit.so
	P
	USERS_YAML=
	pam_user a google
	fresh_server
	refused kbd a "$PW" 000000
	kbd a "$PW" "$(oathtool --totp -b $secret)"
	eq "questions" "$(wc -l <"$T/asked")" 2
}

# Modules that misbehave: a refusal each, and the next login works.
t_bad_modules() {
	local w
	USERS_YAML=
	for w in crash exit rename=root garbage=count garbage=socket \
	    garbage=closes delay=60000 ask=5; do
		service "bad" <<-P
		auth	required	pam_unix.so
		auth	required	MODULE $w
		auth	required	MODULE deny
		account	required	pam_unix.so
		session	required	pam_permit.so
		P
		[ -n "$USERS_YAML" ] || {
			pam_user a bad
			fresh_server
		}
		refused pass a "$PW"
		refused kbd a "$PW" 1 2 3 4 5
		eventually no_helpers
	done
	logged 'event=login-failed' 'sallyport-account has ended'
	logged 'event=login-failed' 'a module changed PAM_USER'
	logged 'event=login-failed' 'sallyport-account talks nonsense'
	service bad <<-'P'
	auth	required	pam_unix.so
	auth	required	MODULE say=hello ask=2 ask=2 say=bye
	account	required	pam_unix.so
	session	required	pam_permit.so
	P
	LEVEL=INFO kbd a "$PW" answer0 answer1 answer0 answer1
	has "$T/client" bye
	eventually no_helpers
}

t_hanging_module() {
	service hang <<-P
	auth	required	MODULE orphan=$T/orphan hang
	account	required	pam_permit.so
	P
	USERS_YAML=
	TOP_YAML="limits: {login_grace: 2s}"
	pam_user a hang
	fresh_server
	# ended by the server in time
	refused pass a "$PW"
	eventually no_helpers
	eventually ended "$(cat "$T/orphan")"
	# by a client that goes
	USERS_YAML= TOP_YAML= USER_YAML= AUTH=
	pam_user a hang
	fresh_server
	HOST=127.0.0.1 PORT=$PORT WHO=${OWN}a PW=x \
	    $PY "$HERE/pam_client.py" leave &
	eventually some_helpers
	# for which nobody else waits
	sftp_do pwd
	kill -9 $!
	wait $! || true
	eventually no_helpers
}

# One process holds both OpenSSH's... BoringSSL and OpenSSL no more than one:
# a module that uses OpenSSL works.
t_openssl_module() {
	local so=$T/pam_digest.so
	local abc=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
	${CC:-gcc} -D_GNU_SOURCE -DWITH_OPENSSL -fPIC -shared -o "$so" \
	    "$TOP/tests/pam/module.c" -lpam -l:libcrypto.so.3 \
	    2>"$T/cc" || skip "no OpenSSL to build a module with"
	service digest <<-P
	auth	required	pam_unix.so
	auth	required	$so digest=$abc
	account	required	pam_unix.so
	session	required	$so digest=$abc
	P
	USERS_YAML=
	pam_user a digest
	fresh_server
	pass a "$PW"
	kbd a "$PW"
	# and a wrong digest would have been seen
	sed -i 's/digest=ba/digest=bb/' "/etc/pam.d/${OWN}digest"
	refused pass a "$PW"
}

t_checked() { # by -t
	service there <<<'auth required pam_permit.so'
	USERS_YAML=
	PORT=$(free_port) CONF=
	pam_user a missing
	prepare
	"$DAEMON" -f "$CONF" -t 2>"$T/faults"
	has "$T/faults" "warning: .*there is no /etc/pam.d/${OWN}missing"
}
run_parts
