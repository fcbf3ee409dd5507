#!/bin/bash
# What programs are lent of their client: its agent and its display.
# seconds 120
. "$(dirname "$0")/lib.sh"
. "$HERE/forward.inc"
need_root
need_cmd ssh-agent ssh-add
copy_keys
H=$T/home
mkdir "$H"
own "$H"
KEY=$(cat "$T/id.pub")
account="account: {uid: $ACCT_UID, gid: $ACCT_GID}, start: \"$H\""
USERS_YAML="
  bob: {$account, authorized_keys: [\"$KEY\"],
      allow: [exec, shell, pty, agent, x11, sftp]}
  none: {$account, authorized_keys: [\"$KEY\"], allow: [exec, local-forward]}
  files: {$account, authorized_keys: [\"$KEY\"], allow: [sftp, agent, x11]}
  wide: {$account, authorized_keys: [\"$KEY\"], allow: [exec, x11],
      x11: {localhost: off, offset: 40}}
  keyed: {$account, allow: [exec, agent, x11],
      authorized_keys: [\"no-agent-forwarding,no-X11-forwarding $KEY\"]}"
start_server
WHO=bob

# An agent of ours with one key in it.
eval "$(ssh-agent -a "$T/agent")" >/dev/null
echo "$SSH_AGENT_PID" >>"$T/pids"
ssh-add -q "$T/keys/user_ecdsa256" 2>/dev/null
PRINT=$(ssh-keygen -lf "$T/keys/user_ecdsa256.pub" | cut -d ' ' -f 2)
# A channel of the agent's is the only way to it.
unset SSH_AUTH_SOCK
agent() { SSH_AUTH_SOCK=$T/agent "$@"; }

t_agent() {
	eq "the agent's key" "$(agent SSH -A -- ssh-add -l |
	    cut -d ' ' -f 2)" "$PRINT"
	eq "with a terminal too" "$(agent SSH -A -tt -- ssh-add -l </dev/null |
	    tr -d '\r' | cut -d ' ' -f 2)" "$PRINT"
	# for the user alone, and gone with the session
	agent SSH -A -- 'stat -c "%F %a %u" "$SSH_AUTH_SOCK" $(dirname "$SSH_AUTH_SOCK"); echo "$SSH_AUTH_SOCK"' >"$T/out"
	eq "the socket" "$(sed -n 1p "$T/out")" "socket 600 $ACCT_UID"
	eq "its folder" "$(sed -n 2p "$T/out")" "directory 700 $ACCT_UID"
	eventually test ! -e "$(dirname "$(sed -n 3p "$T/out")")"
	logged event=forward-incoming user=bob request=auth-agent@openssh.com
	eq "unasked" "$(agent SSH -- 'echo "<$SSH_AUTH_SOCK>"')" "<>"
	# a signature is made over it
	eq "signs" "$(agent SSH -A -- 'ssh-add -T /dev/stdin' \
	    <"$T/keys/user_ecdsa256.pub" 2>&1)" ""
}

# Many at once, and channels that share it.
t_agent_many() {
	eq "twenty" "$(agent SSH -A -- 'for i in $(seq 20); do
	    ssh-add -l & done; wait' | grep -c "$PRINT")" 20
	ssh_opts
	SSH_AUTH_SOCK=$T/agent ssh "${OPTS[@]}" -p "$PORT" -A -M -S "$T/ctl" \
	    -N -f bob@127.0.0.1
	for i in 1 2 3; do
		eq "shared $i" "$(SSH_AUTH_SOCK=$T/agent ssh "${OPTS[@]}" -A \
		    -S "$T/ctl" bob@127.0.0.1 ssh-add -l | cut -d ' ' -f 2)" \
		    "$PRINT"
	done
	ssh -S "$T/ctl" -O exit x 2>/dev/null
}

t_agent_denied() {
	local who
	for who in none keyed; do
		eq "$who" "$(WHO=$who agent SSH -A -- \
		    'echo "<$SSH_AUTH_SOCK>"' 2>/dev/null)" "<>"
		logged event=request-refused user=$who \
		    request=auth-agent-req@openssh.com \
		    'reason="agent is not allowed"' rule=
	done
	# nobody to lend it to
	WHO=files LEVEL=DEBUG1 agent SFTP -A <<<pwd >"$T/out" 2>&1
	logged event=request-refused user=files \
	    request=auth-agent-req@openssh.com 'there is no program'
}

# ---- displays ----

start_x() {
	command -v Xvfb >/dev/null && command -v xdpyinfo >/dev/null ||
	    skip "no Xvfb or no xdpyinfo on this machine"
	[ -z "${XVFB:-}" ] || return 0
	mkfifo "$T/display" 2>/dev/null || true
	head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$T/cookie"
	export XAUTHORITY=$T/Xauthority
	Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp \
	    -auth "$T/server.auth" 3>"$T/dno" >"$T/xvfb.out" 2>&1 &
	XVFB=$!
	echo $XVFB >>"$T/pids"
	xauth -q -f "$T/server.auth" add :0 . "$(cat "$T/cookie")" 2>/dev/null
	eventually test -s "$T/dno"
	xauth -q add ":$(cat "$T/dno")" . "$(cat "$T/cookie")"
	export DISPLAY=:$(cat "$T/dno")
	eventually xdpyinfo
}

t_x11() {
	local d
	start_x
	xdpyinfo | grep -E '^vendor|dimensions' >"$T/want"
	for how in -Y -X; do
		SSH $how -- xdpyinfo >"$T/out" 2>"$T/err" || {
			cat "$T/err"
			fail "xdpyinfo with $how"
		}
		grep -E '^vendor|dimensions' "$T/out" >"$T/got"
		same "$T/want" "$T/got"
	done
	SSH -Y -- 'echo $DISPLAY; stat -c "%a %u" $XAUTHORITY; xauth list; ss -ltn; echo $XAUTHORITY' >"$T/out"
	has "$T/out" '^localhost:1[0-9]\.0$'
	eq "the cookie's file" "$(sed -n 2p "$T/out")" "600 $ACCT_UID"
	d=$(sed -n '1s/localhost:\([0-9]*\).*/\1/p' "$T/out")
	hasnt "$T/out" "(0\\.0\\.0\\.0|\\*|\\[::\\]):$((6000 + d)) "
	has "$T/out" "127\\.0\\.0\\.1:$((6000 + d)) "
	# the real cookie stays with the client
	hasnt "$T/out" "$(cat "$T/cookie")"
	eventually test ! -e "$(tail -n 1 "$T/out")"
	eventually gone_port $((6000 + d))
	logged event=forward-incoming user=bob request=x11 from=
}
gone_port() { ! listening "$1"; }

# A wrong cookie is refused by the client, who alone knows the right one.
t_x11_cookie() {
	start_x
	refused SSH -Y -- 'XAUTHORITY=/dev/null xdpyinfo' >"$T/out" 2>&1
	refused SSH -Y -- 'xauth -q -f x$$ add $DISPLAY . 00112233445566778899aabbccddeeff; XAUTHORITY=x$$ xdpyinfo; s=$?; rm -f x$$; exit $s' >"$T/out" 2>&1
}

t_x11_two() {
	start_x
	SSH -Y -- 'echo $DISPLAY; xdpyinfo >/dev/null && cat' >"$T/one" \
	    < <(sleep 2) &
	eventually test -s "$T/one"
	SSH -Y -- 'echo $DISPLAY; xdpyinfo >/dev/null && echo works' \
	    >"$T/two" </dev/null
	wait $!
	has "$T/two" works
	[ "$(head -n 1 "$T/one")" != "$(head -n 1 "$T/two")" ] ||
	    fail "two sessions share $(head -n 1 "$T/one")"
}

t_x11_wide() {
	start_x
	WHO=wide SSH -Y -- 'echo $DISPLAY; xdpyinfo >/dev/null && echo works; ss -ltn' >"$T/out"
	has "$T/out" "^$(hostname):4[0-9]\\.0\$"
	has "$T/out" '(0\.0\.0\.0|\*):604[0-9] '
}

t_x11_denied() {
	local who
	start_x
	for who in none keyed; do
		eq "$who" "$(WHO=$who SSH -Y -- 'echo "<$DISPLAY>"' \
		    2>/dev/null)" "<>"
		logged event=request-refused user=$who request=x11-req \
		    'reason="x11 is not allowed"' rule=
	done
}

# By hand: names and fields that OpenSSH's client does not send.
t_raw() { WHO=bob py raw_gifts.py; }

run_parts
