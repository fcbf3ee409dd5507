#!/bin/bash
# Sources that misbehave are turned away for a while, whatever happens to the
# server meanwhile; others are not.
# seconds 240
. "$(dirname "$0")/lib.sh"
need_cmd ssh
copy_keys

# rules RULE...: loopback is exempt unless `exempt` is given.  Times are long
# on purpose: two failures bar a source, however slow this machine is.
rules() {
	local r
	TOP_YAML="penalties: {exempt: [127.0.0.1], min: ${MIN:-400s}, max: 600s"
	for r; do TOP_YAML="$TOP_YAML, $r"; done
	TOP_YAML="$TOP_YAML}"
}
op() { "$TOOL" "$@" --control "$T/control.$PORT"; }

# from SOURCE COMMAND...: as alice, from another address of this machine
from() {
	local src=$1
	shift
	ssh_opts
	printf '%s\n' "$@" | sftp -q "${OPTS[@]}" -o "BindAddress=$src" \
	    -P "$PORT" -b - "${WHO:-alice}@127.0.0.1"
}
# fail_from SOURCE [TIMES]: so many connections with a wrong key.  The two
# keys are one offence, because they are one connection.
fail_from() {
	local i
	for i in $(seq "${2:-1}"); do
		ID=$T/keys/stranger refused from "$1" pwd 2>/dev/null
	done
}
# The warden judges when the server has told it of the end.
barred() { op penalties list | grep -q "^$1  *[a-z_]*  *barred"; }
knows() { op penalties list | grep -q "^$1 "; }
# say SOURCE: what a TCP client from there is told first
say() {
	$PY - "$1" "$PORT" <<-'P'
	import socket, sys
	s = socket.socket()
	s.bind((sys.argv[1], 0))
	s.settimeout(30)
	s.connect(("127.0.0.1", int(sys.argv[2])))
	print(s.recv(100).decode().strip())
	P
}
# touch_from SOURCE TIMES: connections that say nothing
touch_from() {
	local i
	for i in $(seq "$2"); do say "$1" >/dev/null; done
}

t_barred() {
	rules 'authfail: 300s'
	fresh_server
	from 127.0.0.5 pwd
	fail_from 127.0.0.5
	eventually knows 127.0.0.5
	barred 127.0.0.5 && fail "barred after one"
	# one login between two failures changes nothing
	from 127.0.0.5 pwd
	fail_from 127.0.0.5
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=authfail until=20[0-9-]*T[0-9:]*Z seconds=[56][0-9][0-9]'
	refused from 127.0.0.5 pwd
	refused from 127.0.0.5 pwd
	eq told "$(say 127.0.0.5)" "Not allowed at this time"
	logged event=connection-refused 'src=127\.0\.0\.5 .*reason=penalty offence=authfail seconds=[0-9]+'
	eq lines "$(grep -c 'event=connection-refused' "$LOG")" 1
	# everybody else comes in
	from 127.0.0.6 pwd
	from 127.0.0.1 pwd
	op penalties clear 127.0.0.5
	from 127.0.0.5 pwd
	logged event=penalty-over 'src=127\.0\.0\.5 refused=3 by=operator'
}

t_time_heals() {
	MIN=1s rules 'authfail: 3s'
	fresh_server
	fail_from 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=authfail'
	eventually from 127.0.0.5 pwd
	eq list "$(op penalties list | wc -l)" 1
}

# Many failures on a connection that logs in at last are none.
t_success_is_no_offence() {
	rules 'authfail: 300s'
	fresh_server
	ssh_opts
	local i
	for i in 1 2 3 4; do
		echo pwd | sftp -q -o "IdentityFile=$T/keys/stranger" \
		    "${OPTS[@]}" -o BindAddress=127.0.0.5 -P "$PORT" -b - \
		    alice@127.0.0.1
	done
	logged event=login-failed src=127.0.0.5
	# the warden has heard of the ends of all once it knows of a later one
	fail_from 127.0.0.9
	eventually knows 127.0.0.9
	knows 127.0.0.5 && fail "counted"
	return 0
}

# Whether there is such a user makes no difference to what is done.
t_no_oracle() {
	rules 'authfail: 300s'
	fresh_server
	fail_from 127.0.0.5
	WHO=nobody-here fail_from 127.0.0.6
	eventually knows 127.0.0.5
	eventually knows 127.0.0.6
	barred 127.0.0.5 && fail "barred after one"
	barred 127.0.0.6 && fail "barred after one"
	fail_from 127.0.0.5
	WHO=nobody-here fail_from 127.0.0.6
	eventually barred 127.0.0.5
	eventually barred 127.0.0.6
	eq told "$(say 127.0.0.6)" "$(say 127.0.0.5)"
	logged event=penalty 'src=127\.0\.0\.5 reason=authfail .*seconds=[56][0-9][0-9]'
	logged event=penalty 'src=127\.0\.0\.6 reason=invaliduser .*seconds=[56][0-9][0-9]'
}

t_exempt() {
	log_mark
	rules 'authfail: 300s'
	fresh_server
	fail_from 127.0.0.1 4
	from 127.0.0.1 pwd
	eq list "$(op penalties list | wc -l)" 1
	stop_server
	# the loopback is, unless told otherwise
	TOP_YAML='penalties: {min: 0}'
	fresh_server
	fail_from 127.0.0.5 4
	from 127.0.0.5 pwd
	stop_server
	TOP_YAML='penalties: off'
	fresh_server
	fail_from 127.0.0.5 4
	from 127.0.0.5 pwd
	log_new >"$T/out"
	hasnt "$T/out" event=penalty
}

t_reload_and_restart() {
	log_mark
	rules 'authfail: 400s'
	fresh_server
	fail_from 127.0.0.5
	eventually barred 127.0.0.5
	refused from 127.0.0.5 pwd
	kill -HUP "$SERVER"
	logged event=reload generation=2
	refused from 127.0.0.5 pwd
	barred 127.0.0.5 || fail "forgotten by a reload"
	# one line a period, over a reload too
	log_new >"$T/out"
	eq lines "$(grep -c 'event=connection-refused' "$T/out")" 1
	# the server dies
	local old
	old=$(tree_named 'sallyportd: server')
	kill -KILL "$old"
	logged event=server-ended
	eventually from 127.0.0.6 pwd
	refused from 127.0.0.5 pwd
	# the daemon is stopped and started
	stop_server
	[ -s "$T/state.$PORT/penalties" ] || fail "nothing was saved"
	eq mode "$(stat -c %a "$T/state.$PORT/penalties")" 600
	start_server
	refused from 127.0.0.5 pwd
	from 127.0.0.6 pwd
	barred 127.0.0.5 || fail "forgotten by a restart"
	# who is exempt from now on is free
	sed -i 's/exempt: \[127.0.0.1\]/exempt: [127.0.0.1, 127.0.0.5]/' "$CONF"
	kill -HUP "$SERVER"
	eventually from 127.0.0.5 pwd
	refused knows 127.0.0.5
}

# A daemon that is killed has saved what is older than 10 s.
t_killed() {
	rules 'authfail: 400s'
	fresh_server
	fail_from 127.0.0.5
	eventually barred 127.0.0.5
	eventually test -s "$T/state.$PORT/penalties"
	kill -KILL "$SERVER"
	eventually dead "$SERVER"
	start_server
	refused from 127.0.0.5 pwd
}

t_damaged_file() {
	rules
	PORT= CONF=
	prepare
	mkdir -m 700 -p "$T/state.$PORT"
	head -c 5000 /dev/urandom >"$T/state.$PORT/penalties"
	chmod 600 "$T/state.$PORT/penalties"
	start_server
	logged event=state-damaged 'penalties: protocol; nobody is barred'
	from 127.0.0.5 pwd
	eq list "$(op penalties list | wc -l)" 1
	stop_server
	# something that is no file of ours is not read, nor lost
	rm "$T/state.$PORT/penalties"
	mkdir "$T/state.$PORT/penalties"
	: >"$LOG"
	start_server
	logged event=state-damaged 'penalties: denied; nobody is barred'
	from 127.0.0.5 pwd
}

# Connections that nobody logs in on: each reason by its name.
t_noauth() {
	rules 'noauth: 90s'
	fresh_server
	touch_from 127.0.0.5 4
	eventually knows 127.0.0.5
	barred 127.0.0.5 && fail "barred after four"
	touch_from 127.0.0.5 2
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=noauth'
	# the same after a key exchange, and after the question what there is
	$PY - "$PORT" <<-'P'
	import socket, sys, paramiko
	for i in range(6):
	    s = socket.socket()
	    s.bind(("127.0.0.6", 0))
	    s.connect(("127.0.0.1", int(sys.argv[1])))
	    t = paramiko.Transport(s)
	    t.start_client(timeout=30)
	    if i % 2:
	        try:
	            t.auth_none("alice")
	        except paramiko.SSHException:
	            pass
	    t.close()
	P
	eventually barred 127.0.0.6
	logged event=penalty 'src=127\.0\.0\.6 reason=noauth'
	from 127.0.0.7 pwd
}

t_grace() {
	TOP_YAML='limits: {login_grace: 1s}
penalties: {exempt: [127.0.0.1], grace_exceeded: 400s, noauth: 0}'
	fresh_server
	$PY - "$PORT" <<-'P'
	import socket, sys
	s = socket.socket()
	s.bind(("127.0.0.5", 0))
	s.settimeout(30)
	s.connect(("127.0.0.1", int(sys.argv[1])))
	while s.recv(1000):
	    pass
	P
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=grace_exceeded'
	refused from 127.0.0.5 pwd
	from 127.0.0.6 pwd
}

# In the middle of a login the warden knows the source itself.
t_grace_in_login() {
	need_cmd /usr/bin/python3
	TOP_YAML='limits: {login_grace: 2s}
penalties: {exempt: [127.0.0.1], grace_exceeded: 400s, authfail: 0}'
	fresh_server
	$PY - "$PORT" <<-'P'
	import socket, sys, time, paramiko
	s = socket.socket()
	s.bind(("127.0.0.5", 0))
	s.connect(("127.0.0.1", int(sys.argv[1])))
	t = paramiko.Transport(s)
	t.start_client(timeout=30)
	try:
	    t.auth_publickey("alice", paramiko.RSAKey.generate(2048))
	except paramiko.SSHException:
	    pass
	while t.is_active():
	    time.sleep(0.05)
	P
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=grace_exceeded'
}

# Refusals in quick succession are one offence.
t_refused() {
	TOP_YAML='limits: {unauthenticated_per_source: 2}
penalties: {exempt: [127.0.0.1], min: 400s, refused: 300s, noauth: 0}'
	fresh_server
	$PY - "$PORT" <<-'P'
	import socket, sys, time
	def dial():
	    s = socket.socket()
	    s.bind(("127.0.0.5", 0))
	    s.settimeout(30)
	    s.connect(("127.0.0.1", int(sys.argv[1])))
	    return s
	def refused(s):
	    try:
	        return s.recv(100) == b""
	    except ConnectionResetError:
	        return True
	held = [dial(), dial()]
	for s in held:
	    assert s.recv(100).startswith(b"SSH-2.0-")
	burst = [dial() for _ in range(10)]
	assert all(refused(s) for s in burst)
	print("burst", flush=True)
	time.sleep(1.1)
	assert refused(dial())
	print("again", flush=True)
	P
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=refused .*seconds=[56][0-9][0-9]'
}

# A login that crashes: once is enough.
t_crash() {
	need_root
	case $KIND in asan) skip "the sanitizer reports it" ;; esac
	LOG=$T/crashed # not one that sane_log looks into
	rules 'crash: 400s'
	fresh_server
	$PY - "$PORT" "$T/go" <<-'P' &
	import socket, sys, time, paramiko
	s = socket.socket()
	s.bind(("127.0.0.5", 0))
	s.connect(("127.0.0.1", int(sys.argv[1])))
	t = paramiko.Transport(s)
	t.start_client(timeout=30)
	try:
	    t.auth_none("alice")
	except paramiko.SSHException:
	    pass
	open(sys.argv[2], "w").close()
	while t.is_active():
	    time.sleep(0.05)
	P
	local client=$!
	eventually test -e "$T/go"
	kill -SEGV "$(tree_named 'sallyportd: login alice')"
	wait $client
	eventually barred 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=crash .*seconds=(400|39.)'
}

t_prefix() {
	rules 'authfail: 300s' 'prefix4: 24'
	fresh_server
	fail_from 127.0.1.5
	fail_from 127.0.1.6
	eventually barred 127.0.1.0/24
	refused from 127.0.1.7 pwd
	from 127.0.2.5 pwd
	op penalties clear 127.0.1.7 >"$T/out"
	eq cleared "$(cat "$T/out")" "1 source freed"
	from 127.0.1.5 pwd
}

t_ipv6() {
	ip -6 addr show dev lo 2>/dev/null | grep -q '::1/128' ||
	    skip "no IPv6 here"
	PORT=$(free_port)
	LISTEN="[\"[::1]:$PORT\", \"127.0.0.1:$PORT\"]"
	rules 'authfail: 300s'
	CONF=
	start_server
	ADDR=::1
	local i
	for i in 1 2; do
		ID=$T/keys/stranger ssh_opts
		echo pwd | refused sftp -q "${OPTS[@]}" -P "$PORT" -b - \
		    'alice@[::1]' 2>/dev/null
	done
	eventually barred ::/64
	eq told "$($PY - "$PORT" <<-'P'
	import socket, sys
	s = socket.socket(socket.AF_INET6)
	s.connect(("::1", int(sys.argv[1])))
	print(s.recv(100).decode().strip())
	P
	)" "Not allowed at this time"
	ADDR=
	sftp_do pwd
}

t_overflow_deny() {
	rules 'authfail: 400s' 'sources: 2' 'overflow: deny'
	fresh_server
	fail_from 127.0.0.5
	from 127.0.0.7 pwd
	fail_from 127.0.0.6
	eventually barred 127.0.0.6
	# full: nobody but the exempt comes in
	refused from 127.0.0.7 pwd
	from 127.0.0.1 pwd
	logged event=connection-refused 'src=127\.0\.0\.7 .*reason=penalties\.overflow'
	# ... until there is room
	op penalties clear 127.0.0.5
	from 127.0.0.7 pwd
	stop_server
	# by time too, without anything else happening
	MIN=1s rules 'authfail: 3s' 'sources: 1' 'overflow: deny'
	fresh_server
	fail_from 127.0.0.5
	logged event=penalty 'src=127\.0\.0\.5 reason=authfail .*seconds=[123]$'
	eventually from 127.0.0.7 pwd
}

t_overflow_permit() {
	rules 'authfail: 400s' 'sources: 2'
	fresh_server
	fail_from 127.0.0.5
	eventually barred 127.0.0.5
	fail_from 127.0.0.6
	eventually barred 127.0.0.6
	fail_from 127.0.0.7
	eventually barred 127.0.0.7
	refused knows 127.0.0.5
	from 127.0.0.5 pwd
	refused from 127.0.0.6 pwd
	refused from 127.0.0.7 pwd
}

# 10,000 sources cost no more than 2 MB in all processes together.
t_cost() {
	[ "$KIND" = plain ] || skip "the sanitizers' memory is their own"
	local before after
	rules
	PORT= CONF=
	prepare
	mkdir -m 700 -p "$T/state.$PORT"
	weigh() { # kB of memory that nobody shares
		local p
		for p in $(tree); do cat "/proc/$p/smaps_rollup"; done |
		    awk '/^Private_Dirty:/ { s += $2 } END { print s }'
	}
	start_server
	before=$(weigh)
	stop_server
	$PY "$HERE/sources.py" 10000 >"$T/state.$PORT/penalties"
	chmod 600 "$T/state.$PORT/penalties"
	start_server
	eq told "$(op penalties list | wc -l)" 10001
	after=$(weigh)
	note "10000 sources: $((after - before)) kB in all processes"
	[ $((after - before)) -le 2048 ] || fail "$before kB, then $after kB"
}

t_tool() {
	rules 'authfail: 400s' 'noauth: 10s'
	fresh_server
	eq json "$(op penalties list --json)" "[]"
	fail_from 127.0.0.5
	fail_from 127.0.0.6
	touch_from 127.0.0.7 1
	eventually barred 127.0.0.5
	eventually barred 127.0.0.6
	eventually knows 127.0.0.7
	op penalties --json >"$T/json"
	$PY - "$T/json" <<-'P'
	import json, re, sys
	l = {e["source"]: e for e in json.load(open(sys.argv[1]))}
	assert set(l) == {"127.0.0.5", "127.0.0.6", "127.0.0.7"}, l
	e = l["127.0.0.5"]
	assert e["reason"] == "authfail" and e["barred"] is True
	assert 300 < e["seconds"] <= 400
	assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", e["until"])
	assert l["127.0.0.7"]["barred"] is False
	P
	eq cleared "$(op penalties clear 127.0.0.5)" "1 source freed"
	from 127.0.0.5 pwd
	refused from 127.0.0.6 pwd
	logged event=control "uid=$(id -u) request=penalties-clear"
	eq cleared "$(op penalties clear 127.0.0.5)" "0 sources freed"
	eq cleared "$(op penalties clear 127.0.0.0/24)" "2 sources freed"
	from 127.0.0.6 pwd
	fail_from 127.0.0.6
	eventually barred 127.0.0.6
	eq cleared "$(op penalties clear --all)" "1 source freed"
	from 127.0.0.6 pwd
	# what is freed stays so
	stop_server
	start_server
	from 127.0.0.6 pwd
}
run_parts
