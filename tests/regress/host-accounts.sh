#!/bin/bash
# seconds 90
# Accounts of the host that the configuration does not name.
. "$(dirname "$0")/lib.sh"
. "$HERE/pam.inc"
. "$HERE/forward.inc"
copy_keys
mkdir -p "$T/home" "$T/skel"
chmod 755 "$T/home"
group g
account a -m
account m -m -G ${OWN}g
account d -m -G ${OWN}g
account n -m -s /usr/sbin/nologin
account h # without a home
account x -m
account o -m -o -u 0
service own <<-P
auth	required	pam_unix.so
auth	required	MODULE note=$NOTE
account	required	pam_unix.so
session	required	MODULE note=$NOTE
P
host_yaml() { # LINES...: of host_accounts; the group is sftp
	TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}
groups:
  hosts: {allow: [${RIGHTS:-sftp}], auth: [publickey, password, keyboard-interactive]$GROUP}
host_accounts: {policy: hosts, pam: ${OWN}own, $*}"
}
GROUP=
ALLOW="allow: [${OWN}a, ${OWN}n, ${OWN}h, ${OWN}o, \"@${OWN}g\"], deny: [${OWN}d]"
host_yaml "$ALLOW"
start_server

t_password() {
	pass a "$PW" >"$T/out"
	has "$T/out" "working directory: $T/home/${OWN}a"
	logged 'event=login ' "user=\"?${OWN}a" "uid=$(id -u ${OWN}a)"
	kbd a "$PW"
	asked 'Password: |'
	refused pass a wrong
	logged 'event=login-failed' "user=\"?${OWN}a" \
	    'pam_authenticate: Authentication failure'
	eventually no_helpers
	eq "closed" "$(grep -c '^delete-cred$' "$NOTE")" 2
}

t_as_the_user() {
	echo "put $CONF upload" >"$T/batch"
	printf '%s\n' "$PW" >"$T/answers"
	ssh_opts
	ANSWERS=$T/answers ASKED=$T/asked SSH_ASKPASS=$T/askpass \
	    SSH_ASKPASS_REQUIRE=force sftp -q -o BatchMode=no "${OPTS[@]}" \
	    -o PreferredAuthentications=password -P "$PORT" \
	    "${OWN}a@127.0.0.1" <"$T/batch"
	eq "owner" "$(stat -c %U "$T/home/${OWN}a/upload")" "${OWN}a"
	! printf 'get /etc/shadow %s/got\n' "$T" | SSH_ASKPASS=$T/askpass \
	    SSH_ASKPASS_REQUIRE=never WHO=${OWN}a SFTP 2>/dev/null || false
}

t_groups() {
	pass m "$PW"
	refused pass d "$PW"
	logged 'event=login-failed' "user=\"?${OWN}d" \
	    'denied by host_accounts.deny'
	refused pass x "$PW"
	logged 'event=login-failed' "user=\"?${OWN}x" \
	    'not in host_accounts.allow'
	refused kbd x "$PW"
	asked 'Password: |'
	refused pass o "$PW"
	logged 'event=login-failed' "user=\"?${OWN}o" 'uid 0 is not allowed'
	refused kbd nobody "$PW"
	asked 'Password: |'
	logged 'event=login-failed' "user=\"?${OWN}nobody" 'no such user'
}

keys_of() { # ACCOUNT: what is in its authorized_keys
	install -d -o "$1" -m 700 "$T/home/$1/.ssh"
	install -o "$1" -m 600 "$T/id.pub" "$T/home/$1/.ssh/authorized_keys"
}
t_keys() {
	local k=$T/home/${OWN}a/.ssh/authorized_keys
	refused key a
	keys_of ${OWN}a
	key a
	logged 'event=login ' "user=\"?${OWN}a" 'method="?publickey'
	chmod 666 "$k"
	refused key a
	logged 'event=authorized-keys' 'writable by group or others'
	chmod 600 "$k"
	chmod 777 "$T/home/${OWN}a/.ssh"
	refused key a
	logged 'event=authorized-keys' 'a folder on the way is writable'
	chmod 700 "$T/home/${OWN}a/.ssh"
	chown ${OWN}x "$T/home/${OWN}a/.ssh"
	refused key a
	chown ${OWN}a "$T/home/${OWN}a/.ssh"
	# another's, by a link
	keys_of ${OWN}m
	rm "$k"
	ln -s "$T/home/${OWN}m/.ssh/authorized_keys" "$k"
	refused key a
	rm "$k"
	keys_of ${OWN}a
	key a
	# who is not let in is not let in by a key
	keys_of ${OWN}x
	refused key x
	logged 'event=login-failed' "user=\"?${OWN}x" \
	    'not in host_accounts.allow'
}

t_account_phase() { # holds for keys
	keys_of ${OWN}m
	chage -E 2001-01-01 ${OWN}m
	refused key m
	logged 'event=login-failed' "user=\"?${OWN}m" 'has expired'
	chage -E -1 ${OWN}m
	usermod -L ${OWN}m
	refused key m
	logged 'event=login-failed' "user=\"?${OWN}m" 'account is locked'
	usermod -U ${OWN}m
	key m
	# whatever kind of hash it is that is locked
	usermod -p '!abJnggxhB/yWI' ${OWN}m
	refused key m
	usermod -p '!' ${OWN}m
	key m
	usermod -p "$(openssl passwd -6 "$PW" 2>/dev/null ||
	    perl -e 'print crypt($ARGV[0], q($6$salt))' "$PW")" ${OWN}m
}

t_deny_fails_closed() { # where a group cannot be looked up
	host_yaml "${ALLOW/${OWN}d/${OWN}d, \"@${OWN}none\"}"
	fresh_server
	refused pass a "$PW"
	logged 'event=login-failed' "user=\"?${OWN}a" \
	    'denied by host_accounts.deny'
	host_yaml "$ALLOW"
	fresh_server
	pass a "$PW"
}

t_nologin() { # SFTP and nothing else
	pass n "$PW"
	RIGHTS="sftp, shell, exec"
	host_yaml "$ALLOW"
	fresh_server
	pass n "$PW"
	keys_of ${OWN}n
	keys_of ${OWN}a
	WHO=${OWN}a SSH -- echo hello >"$T/out"
	has "$T/out" hello
	! WHO=${OWN}n SSH -- echo hello >"$T/out" 2>&1 || false
	hasnt "$T/out" '^hello'
	RIGHTS=shell
	host_yaml "$ALLOW"
	fresh_server
	refused pass n "$PW"
	logged 'event=login-failed' "user=\"?${OWN}n" \
	    'shell allows nothing but SFTP'
}

t_environment() { # of PAM, in programs, within limits
	echo 'SP_ONE DEFAULT=one' >"$T/env.conf"
	echo "${OWN}a - nofile 123" >"$T/limits.conf"
	service own <<-P
	auth	required	pam_unix.so
	account	required	pam_unix.so
	session	required	pam_env.so conffile=$T/env.conf readenv=0
	session	required	pam_limits.so conf=$T/limits.conf
	P
	keys_of ${OWN}a
	RIGHTS="shell, exec"
	host_yaml "$ALLOW"
	fresh_server
	WHO=${OWN}a SSH -- 'echo $SP_ONE; ulimit -n; id -un; pwd' >"$T/out"
	eq "what it sees" "$(tr '\n' ' ' <"$T/out")" \
	    "one 123 ${OWN}a $T/home/${OWN}a "
}

# Forwards are made in PAM's session, as the account; names are looked up.
t_forward() {
	local right
	for right in "" ", shell, exec"; do
		RIGHTS="local-forward, remote-forward$right"
		host_yaml "$ALLOW"
		fresh_server
		serve digest 127.0.0.1:0
		local q
		q=$(free_port)
		printf '%s\n' "$PW" >"$T/answers"
		ssh_opts
		ANSWERS=$T/answers ASKED=$T/asked SSH_ASKPASS=$T/askpass \
		    SSH_ASKPASS_REQUIRE=force ssh -o BatchMode=no "${OPTS[@]}" \
		    -o PreferredAuthentications=password -p "$PORT" -N -f \
		    -M -S "$T/ctl" -L "$q:127.0.0.1:$SERVED" \
		    -L "$((q + 1)):no-such-name.invalid:80" \
		    -R "$((q + 2)):127.0.0.1:$SERVED" "${OWN}a@127.0.0.1"
		eq "-L" "$(net ask "127.0.0.1:$q" 100000)" "$(digest 100000)"
		eq "-R" "$(net ask "127.0.0.1:$((q + 2))" 1000)" \
		    "$(digest 1000)"
		net ask "127.0.0.1:$((q + 1))" 1 >"$T/out" 2>&1 || true
		logged event=forward-failed "user=\"?${OWN}a" \
		    host=no-such-name.invalid 'no address'
		ssh -S "$T/ctl" -O exit x 2>/dev/null
		eventually no_helpers
	done
}

t_jail() {
	mkdir -p "$T/jails"
	GROUP=", jail: \"$T/jails/%u\", create: on, dirs: [in], start: /in"
	host_yaml "$ALLOW"
	fresh_server
	pass a "$PW" >"$T/out"
	has "$T/out" "working directory: /in"
	eq "owner" "$(stat -c %U "$T/jails/${OWN}a/in")" "${OWN}a"
}

t_home_is_made() {
	pass h "$PW" >"$T/out" # has none, and nobody makes it
	has "$T/out" 'working directory: /$'
	logged 'event=start-missing'
	GROUP=", create: on"
	host_yaml "$ALLOW"
	fresh_server
	pass h "$PW" >"$T/out"
	has "$T/out" "working directory: $T/home/${OWN}h"
	eq "owner" "$(stat -c %U "$T/home/${OWN}h")" "${OWN}h"
	rm -r "$T/home/${OWN}h"
	echo hello >"$T/skel/.profile"
	service own <<-P
	auth	required	pam_unix.so
	account	required	pam_unix.so
	session	required	pam_mkhomedir.so skel=$T/skel umask=0077
	P
	GROUP=
	host_yaml "$ALLOW"
	fresh_server
	pass h "$PW" >"$T/out"
	has "$T/out" "working directory: $T/home/${OWN}h"
	same "$T/skel/.profile" "$T/home/${OWN}h/.profile"
}

x() { "$B/sallyport" explain "$OWN$1" -f "$CONF" >"$T/x"; }
t_explain() { # says who could
	keys_of ${OWN}a
	GROUP=", umask: \"0027\""
	host_yaml "$ALLOW"
	write_conf "$CONF"
	x a || fail "a could not"
	has "$T/x" '^umask: .*yaml:[0-9]+, group hosts$'
	has "$T/x" "^pam: ${OWN}own .*yaml:[0-9]+, host_accounts\$"
	has "$T/x" '^authorized_keys_files: \["%h/.ssh/authorized_keys"\] '
	has "$T/x" "^  \+ ssh-ed25519 .*/${OWN}a/.ssh/authorized_keys:1"
	has "$T/x" "what the PAM service ${OWN}own takes"
	! x d || fail "d could"
	has "$T/x" 'denied by host_accounts.deny$'
	hasnt "$T/x" '^umask:'
	! x o || fail "o could"
	has "$T/x" 'uid 0 is not allowed$'
	chage -E 2001-01-01 ${OWN}m
	! x m || fail "m could"
	has "$T/x" 'account has expired$'
	chage -E -1 ${OWN}m
	! x nobody || fail "nobody could"
	has "$T/x" 'no such user$'
}

t_root() { # if somebody says so
	host_yaml "allow: [${OWN}o], root: on"
	fresh_server
	pass o "$PW"
	logged 'event=login ' "user=\"?${OWN}o" 'uid=0'
}

t_reload() {
	keys_of ${OWN}a
	keys_of ${OWN}m
	fresh_server
	WHO=${OWN}a hold_sftp
	# somebody else is added: who is there stays
	host_yaml "allow: [${OWN}a, ${OWN}x]"
	write_conf "$CONF"
	log_mark
	kill -HUP $SERVER
	eventually eval 'log_new | grep -q event=reload'
	keys_of ${OWN}x
	key x
	refused key m
	[ -n "$(session_of a)" ] || fail "cut off"
	# and goes when he is not let in any more
	host_yaml "allow: [${OWN}x]"
	write_conf "$CONF"
	kill -HUP $SERVER
	eventually eval '[ -z "$(session_of a)" ]'
	release
	eventually refused key a
	key x
	# all of them
	TOP_YAML=
	write_conf "$CONF"
	kill -HUP $SERVER
	eventually refused key x
}

t_users_come_first() { # who is a user is not an account besides
	USERS_YAML=
	keys_of ${OWN}a
	pam_user a own
	fresh_server
	ID=$T/keys/stranger refused key a
	key a
	logged 'event=login ' "user=\"?${OWN}a"
	sftp_do pwd # alice, whom nobody of the host knows
}
run_parts
