#!/bin/bash
# Forwarded connections with OpenSSH's client: every direction and kind, what
# is refused and what is said about it, and how they end.
# seconds 120
. "$(dirname "$0")/lib.sh"
. "$HERE/forward.inc"
need_cmd curl
USER_YAML='    allow: [sftp, local-forward, remote-forward]'
USERS_YAML="  plain:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys_files: [\"$T/id.pub\"]
  narrow:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys_files: [\"$T/id.pub\"]
    allow: [local-forward, remote-forward]
    forward:
      open: [\"inner.test:*\", \"127.0.0.5:*\", \"*.wide.test:*\", \"!127.0.0.6:*\"]
      listen: [\"127.0.0.1:*\"]
      unix: [/d/only.sock]"

# The daemon and the account helper see hosts of their own.
if [ -n "$ROOT" ] && unshare -m true 2>/dev/null; then
	cat >"$T/hosts" <<-H
	127.0.0.1 localhost
	127.0.0.1 inner.test
	127.0.0.77 two.test
	127.0.0.1 two.test
	127.0.0.6 trap.wide.test
	127.0.0.1 other.test
	::1 six.test
	H
	cat >"$T/daemon" <<-D
	#!/bin/sh
	exec unshare -m --propagation private sh -c \\
	    'mount --bind $T/hosts /etc/hosts && exec "\$0" "\$@"' "$DAEMON" "\$@"
	D
	chmod 755 "$T/daemon"
	DAEMON=$T/daemon
	NAMES=yes
fi
NAMES=${NAMES:-}
need_names() { [ -n "$NAMES" ] || skip "needs root and a mount namespace"; }
have6() { $PY -c 'import socket; socket.create_server(("::1", 0),
family=socket.AF_INET6)' 2>/dev/null; }

unanswered() { # ADDRESS: it is closed without a word
	local a
	a=$(net ask "$1" 12 2>&1) || true
	[[ $a != [0-9]* ]] || fail "$1 answers: $a"
}

start_server

t_local() {
	local q q6 m
	serve digest 127.0.0.1:0
	m=$SERVED
	q=$(free_port)
	forward -L "$q:127.0.0.1:$m" -L "[127.0.0.1]:$((q + 1)):localhost:$m"
	# each direction has an end of its own: the answer comes after it
	eq "five MB" "$(net ask "127.0.0.1:$q" 5242880)" "$(digest 5242880)"
	eq "one byte" "$(net ask "127.0.0.1:$q" 1)" "$(digest 1)"
	eq "nothing" "$(net ask "127.0.0.1:$q" 0)" "$(digest 0)"
	eq "by name" "$(net ask "127.0.0.1:$((q + 1))" 70000)" "$(digest 70000)"
	serve source 127.0.0.1:0
	end_ssh
	forward -L "$q:127.0.0.1:$SERVED"
	eq "64 MiB" "$(net take "127.0.0.1:$q")" "$(digest 67108864)"
	end_ssh
	logged event=forward-open user=alice "port=$m" addr=127.0.0.1
	logged event=forward-close user=alice bytes_in=5242880
}

t_local6() {
	local q
	have6 || skip "no IPv6 here"
	serve digest '[::1]:0'
	q=$(free_port)
	forward -L "$q:[::1]:$SERVED"
	eq "IPv6" "$(net ask "127.0.0.1:$q" 100000)" "$(digest 100000)"
	end_ssh
	logged event=forward-open "port=$SERVED" addr=::1
}

t_dynamic() {
	local q p
	mkdir -p "$T/www"
	echo "a page" >"$T/www/page"
	p=$(free_port)
	$PY -m http.server "$p" --bind 127.0.0.1 -d "$T/www" >"$T/www.out" 2>&1 &
	echo $! >>"$T/pids"
	eventually listening "$p"
	q=$(free_port)
	forward -D "$q"
	eq "by address" "$(curl -sS --socks5 "127.0.0.1:$q" \
	    "http://127.0.0.1:$p/page")" "a page"
	eq "by name" "$(curl -sS --socks5-hostname "127.0.0.1:$q" \
	    "http://localhost:$p/page")" "a page"
	eq "socks4a" "$(curl -sS --socks4a "127.0.0.1:$q" \
	    "http://localhost:$p/page")" "a page"
	[ -z "$NAMES" ] || eq "looked up" "$(curl -sS --socks5-hostname \
	    "127.0.0.1:$q" "http://inner.test:$p/page")" "a page"
	refused curl -sS --socks5 "127.0.0.1:$q" "http://127.0.0.1:1/" \
	    2>"$T/err"
	has "$T/err" 'SOCKS5|connect|reply'
	end_ssh
}

t_stdio() {
	local LEVEL=INFO
	serve digest 127.0.0.1:0
	ssh_opts
	eq "-W" "$(head -c 300000 /dev/zero | ssh "${OPTS[@]}" -p "$PORT" \
	    -W "127.0.0.1:$SERVED" alice@127.0.0.1)" \
	    "300000 $(head -c 300000 /dev/zero | sha256sum | cut -d ' ' -f 1)"
	refused ssh "${OPTS[@]}" -p "$PORT" -W 127.0.0.1:1 alice@127.0.0.1 \
	    </dev/null 2>"$T/err"
	has "$T/err" 'Connection refused'
}

# Through this server to this server.
t_jump() {
	ssh_opts
	{
		echo "Host *"
		printf '%s\n' "${OPTS[@]}" | sed -n '/^-o$/{n;p}'
	} >"$T/jump_config"
	echo "pwd" | sftp -q -F "$T/jump_config" -P "$PORT" -b - \
	    -J "alice@127.0.0.1:$PORT" alice@localhost >"$T/out"
	has "$T/out" 'Remote working directory: /'
}

remote_port() { sed -n 's/.*Allocated port \([0-9]*\) for.*/\1/p' "$SSH_OUT"; }

t_remote() {
	local m r
	serve digest 127.0.0.1:0
	m=$SERVED
	r=$(free_port)
	forward -R "$r:127.0.0.1:$m" -R "0:127.0.0.1:$m"
	eq "-R" "$(net ask "127.0.0.1:$r" 3000000)" "$(digest 3000000)"
	eventually remote_port
	[ -n "$(remote_port)" ] || fail "no port was told"
	eq "-R 0" "$(net ask "127.0.0.1:$(remote_port)" 9)" "$(digest 9)"
	logged event=forward-listen user=alice "port=$r" host=localhost
	logged event=forward-incoming user=alice "port=$r" from=127.0.0.1
	end_ssh
	eventually gone_port "$r"
	serve source 127.0.0.1:0
	forward -R "$r:127.0.0.1:$SERVED"
	eq "64 MiB" "$(net take "127.0.0.1:$r")" "$(digest 67108864)"
	end_ssh
}
gone_port() { ! listening "$1"; }

# What the client refuses is closed here, and its reason logged.
t_remote_refused() {
	local r
	r=$(free_port)
	forward -R "$r:127.0.0.1:1"
	unanswered "127.0.0.1:$r"
	logged event=forward-refused user=alice reason=2 'text="?(connect failed|Connection refused)'
	end_ssh
}

# Where: all addresses become the loopback ones, others are refused.
t_remote_places() {
	local r
	serve digest 127.0.0.1:0
	r=$(free_port)
	forward -R "*:$r:127.0.0.1:$SERVED"
	eq "narrowed" "$(net ask "127.0.0.1:$r" 5)" "$(digest 5)"
	eq "on loopback alone" "$(ss -ltnH "sport = :$r" | awk '{ print $4 }' |
	    grep -cv '^127\.0\.0\.1:\|^\[::1\]:')" 0
	logged event=forward-narrowed "port $r"
	end_ssh
	eventually gone_port "$r"
	no_forward -R "192.0.2.1:$r:127.0.0.1:$SERVED"
	logged event=request-refused user=alice request=tcpip-forward \
	    "detail=192.0.2.1:$r" 'rule="built in"' \
	    'reason="the policy does not permit listening there"'
	[ -z "$ROOT" ] || [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" \
	    -lt 1024 ] || {
		no_forward -R "999:127.0.0.1:$SERVED"
		logged event=request-refused detail=localhost:999 \
		    'reason="Permission denied"'
	}
}

# Taken back while others stay.
t_cancel() {
	local m r
	serve digest 127.0.0.1:0
	m=$SERVED
	r=$(free_port)
	forward -M -S "$T/ctl" -R "$r:127.0.0.1:$m" -R "0:127.0.0.1:$m"
	eventually remote_port
	ssh -S "$T/ctl" -O cancel -R "$r:127.0.0.1:$m" x 2>/dev/null
	eventually gone_port "$r"
	eq "the other" "$(net ask "127.0.0.1:$(remote_port)" 9)" "$(digest 9)"
	ssh -S "$T/ctl" -O forward -R "$r:127.0.0.1:$m" x
	eq "again" "$(net ask "127.0.0.1:$r" 10)" "$(digest 10)"
	logged event=forward-cancel "port=$r"
	end_ssh
}

t_unix() {
	local q
	q=$(free_port)
	serve digest "$JAIL/d/in.sock"
	forward -L "$q:/d/in.sock" -L "$T/l.sock:/d/in.sock"
	eq "to a path" "$(net ask "127.0.0.1:$q" 200000)" "$(digest 200000)"
	eq "from a path" "$(net ask "$T/l.sock" 200000)" "$(digest 200000)"
	end_ssh
	rm -f "$T/l.sock"
	serve digest 127.0.0.1:0
	forward -R "/d/out.sock:127.0.0.1:$SERVED"
	eq "made" "$(stat -c '%F %a %u' "$JAIL/d/out.sock")" \
	    "socket 600 $ACCT_UID"
	eq "back" "$(net ask "$JAIL/d/out.sock" 200000)" "$(digest 200000)"
	# one that is there is not replaced
	FAIL=no
	local first=$SSH
	forward -R "/d/out.sock:127.0.0.1:$SERVED"
	has "$SSH_OUT" 'remote port forwarding failed|streamlocal.*failed|failed for listen'
	end_ssh
	[ -e "$JAIL/d/out.sock" ] || fail "the first lost its socket"
	end_pid "$first"
	eventually test ! -e "$JAIL/d/out.sock"
	no_forward -R "/ro/no.sock:127.0.0.1:$SERVED"
	logged event=request-refused request=streamlocal-forward@openssh.com \
	    detail=/ro/no.sock 'Permission denied'
}

# A rule is a rule, for addresses whatever their name is.
t_rules() {
	local WHO=narrow p q
	need_names
	serve digest 127.0.0.1:0
	p=$SERVED
	q=$(free_port)
	forward -L "$q:inner.test:$p" -L "$((q + 1)):127.0.0.1:$p" \
	    -L "$((q + 2)):trap.wide.test:$p" -L "$((q + 3)):other.test:$p" \
	    -L "$((q + 4)):nowhere.test:$p" -L "$((q + 5)):no.wide.test:$p" \
	    -L "$((q + 6)):/d/in.sock"
	eq "permitted" "$(net ask "127.0.0.1:$q" 12)" "$(digest 12)"
	for i in 1 2 3 4 5 6; do
		unanswered "127.0.0.1:$((q + i))"
	done
	end_ssh
	# what is told: no more than that it is not allowed, but of names that
	# are permitted
	eq "prohibited" "$(grep -c 'administratively prohibited: this dest' \
	    "$SSH_OUT")" 5
	has "$SSH_OUT" 'connect failed: the name is not known'
	logged event=request-refused user=narrow request=direct-tcpip \
	    "detail=127.0.0.1:$p" 'rule=.*sallyport.yaml:[0-9]+:[0-9]+'
	logged event=request-refused user=narrow detail=trap.wide.test:$p
	logged event=request-refused user=narrow detail=nowhere.test:$p \
	    'the name has none'
	logged event=forward-failed user=narrow host=no.wide.test
	logged event=request-refused user=narrow detail=/d/in.sock \
	    'does not permit this path'
	no_forward -R "0:127.0.0.1:$p" -R "127.0.0.2:0:127.0.0.1:$p"
	no_forward -R "/d/other.sock:127.0.0.1:$p"
	forward -R "127.0.0.1:0:127.0.0.1:$p" -R "/d/only.sock:127.0.0.1:$p"
	end_ssh
}

t_names() {
	local q p
	need_names
	serve digest 127.0.0.1:0
	p=$SERVED
	q=$(free_port)
	forward -L "$q:inner.test:$p" -L "$((q + 1)):two.test:$p" \
	    -L "$((q + 2)):six.test:$p" -L "$((q + 3)):no.such.test:$p" \
	    -L "$((q + 4)):127.1:$p"
	eq "one" "$(net ask "127.0.0.1:$q" 12)" "$(digest 12)"
	eq "the second address" "$(net ask "127.0.0.1:$((q + 1))" 13)" \
	    "$(digest 13)"
	for i in 2 3 4; do
		unanswered "127.0.0.1:$((q + i))"
	done
	logged event=forward-open host=two.test addr=127.0.0.1
	logged event=forward-failed host=no.such.test 'no address'
	logged event=forward-failed host=127.1 'no name'
	has "$SSH_OUT" 'connect failed: the name is not known'
	end_ssh
}

# Nothing of it without the right.
t_without_the_right() {
	local WHO=plain q
	serve digest 127.0.0.1:0
	q=$(free_port)
	log_mark
	FAIL=no forward -L "$q:127.0.0.1:$SERVED" -L "$((q + 1)):localhost:$SERVED" \
	    -L "$((q + 2)):/d/in.sock" -R "0:127.0.0.1:$SERVED" \
	    -R "/d/out.sock:127.0.0.1:$SERVED"
	for i in 0 1 2; do
		unanswered "127.0.0.1:$((q + i))"
	done
	[ ! -e "$JAIL/d/out.sock" ] || fail "a socket was made"
	logged event=request-refused user=plain request=direct-tcpip \
	    'reason="local-forward is not allowed"' 'rule=.*sallyport.yaml:'
	logged event=request-refused user=plain request=tcpip-forward \
	    'reason="remote-forward is not allowed"' 'rule=.*sallyport.yaml:'
	logged event=request-refused user=plain \
	    request=direct-streamlocal@openssh.com
	logged event=request-refused user=plain \
	    request=streamlocal-forward@openssh.com
	log_new >"$T/new"
	hasnt "$T/new" 'event=forward-'
	end_ssh
}

# What a key permits beside the policy.
t_keys() {
	local p q key
	serve digest 127.0.0.1:0
	p=$SERVED
	q=$(free_port)
	key=$(cut -d ' ' -f 1,2 "$T/id.pub")
	cp "$T/keys/user_ecdsa256" "$T/id2"
	cat >"$T/opts" <<-K
	permitopen="127.0.0.1:$p",permitlisten="$((q + 7))" $(cut -d ' ' -f 1,2 "$T/keys/user_ecdsa256.pub")
	K
	chmod 644 "$T/opts"
	USERS_YAML="  keyed:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys_files: [\"$T/opts\"]
    allow: [local-forward, remote-forward]" fresh_server
	export ID=$T/id2
	local WHO=keyed
	forward -L "$q:127.0.0.1:$p" -L "$((q + 1)):127.0.0.2:$p" \
	    -L "$((q + 2)):127.0.0.1:1" -R "$((q + 7)):127.0.0.1:$p"
	eq "permitted" "$(net ask "127.0.0.1:$q" 12)" "$(digest 12)"
	eq "permitted too" "$(net ask "127.0.0.1:$((q + 7))" 12)" \
	    "$(digest 12)"
	for i in 1 2; do
		unanswered "127.0.0.1:$((q + i))"
	done
	end_ssh
	eq "prohibited" "$(grep -c 'administratively prohibited' "$SSH_OUT")" 2
	no_forward -R "$((q + 8)):127.0.0.1:$p"
}

dead() { ! alive "$1"; }
no_session() { [ -z "$(session_pid)" ]; }

# Nothing outlives the connection: neither ends of connections nor sockets.
t_end() {
	local q r how
	q=$(free_port)
	r=$((q + 1))
	for how in TERM KILL; do
		serve count 127.0.0.1:0
		forward -L "$q:127.0.0.1:$SERVED" \
		    -R "$r:127.0.0.1:$SERVED" \
		    -R "/d/end.sock:127.0.0.1:$SERVED"
		exec {FD}<>"/dev/tcp/127.0.0.1/$q"
		echo hello >&"$FD"
		eventually grep -q open "$SERVE_OUT"
		kill -$how "$SSH"
		eventually grep -Eq 'end|reset' "$SERVE_OUT"
		exec {FD}>&-
		eventually gone_port "$r"
		eventually test ! -e "$JAIL/d/end.sock"
		eventually no_session
		wait "$SSH" 2>/dev/null || true
	done
}

# A session that dies takes its client with it; the server goes on.
t_session_dies() {
	local q
	need_root
	serve echo 127.0.0.1:0
	q=$(free_port)
	CRASH_OK=yes
	forward -L "$q:127.0.0.1:$SERVED"
	exec {FD}<>"/dev/tcp/127.0.0.1/$q"
	kill -KILL "$(session_pid)"
	eventually dead "$SSH"
	exec {FD}>&-
	sftp_do pwd >/dev/null
}

run_parts
