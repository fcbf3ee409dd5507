#!/bin/bash
# The control socket: whose it is, when it comes and goes, and who asks there
# without sense.
. "$(dirname "$0")/lib.sh"
copy_keys
op() { "$TOOL" penalties --control "$T/control.$PORT" "$@"; }
answers() { eq answer "$(op --json)" "[]"; }
# ask: Python on standard input, with the functions below
ask() {
	cat >"$T/ask.py"
	$PY - "$T/control.$PORT" "$T/ask.py" <<-'PY'
	import array, os, random, socket, struct, sys, time
	def dial():
	    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	    s.connect(sys.argv[1]) # waits while many others do
	    s.settimeout(60)
	    return s
	LIST = struct.pack(">BI", 1, 0)
	def frame(s):
	    return s.recv(1 << 17)
	def whole(s):
	    s.send(LIST)
	    types = [frame(s)[0]]
	    while types[-1] == 100:
	        types.append(frame(s)[0])
	    assert types[-1] == 101, types
	exec(open(sys.argv[2]).read())
	PY
}

t_place() {
	fresh_server
	answers
	eq mode "$(stat -c %a "$T/control.$PORT")" 600
	stop_server
	[ ! -e "$T/control.$PORT" ] || fail "still there"
	refused op 2>"$T/err"
	has "$T/err" 'no sallyportd answers there'
}

t_left_behind() {
	fresh_server
	kill -KILL "$SERVER"
	eventually dead "$SERVER"
	[ -S "$T/control.$PORT" ] || fail "nothing was left behind"
	start_server
	answers
}

t_refused() {
	CONTROL=$T/file
	: >"$T/file"
	PORT=$(free_port) CONF=
	prepare
	local rc=0
	timeout 60 "$DAEMON" -f "$CONF" -e >"$T/out" 2>&1 </dev/null || rc=$?
	eq status $rc 1
	has "$T/out" "control: $T/file: is no socket; remove it or name another"
	CONTROL=
	fresh_server
	CONTROL=$T/control.$PORT
	local first=$PORT
	PORT=$(free_port) CONF=
	prepare
	rc=0
	timeout 60 "$DAEMON" -f "$CONF" -e >"$T/out" 2>&1 </dev/null || rc=$?
	eq status $rc 1
	has "$T/out" "control: $CONTROL: a daemon answers there"
	PORT=$first
	answers
}

t_reload() {
	fresh_server
	local old=$T/control.$PORT
	sed -i "s#^control: .*#control: $T/no/such/place#" "$CONF"
	kill -HUP "$SERVER"
	logged event=config-fault 'control: .*needs a folder that is there'
	logged event=reload-failed
	answers
	sed -i "s#^control: .*#control: $T/run/c#" "$CONF"
	kill -HUP "$SERVER"
	logged event=reload generation=2
	[ ! -e "$old" ] || fail "the old one is still there"
	eq answer "$("$TOOL" penalties --json --control "$T/run/c")" "[]"
	# one that was removed comes back
	rm "$T/run/c"
	kill -HUP "$SERVER"
	logged event=reload generation=3
	eq answer "$("$TOOL" penalties --json --control "$T/run/c")" "[]"
	sed -i "s#^control: .*#control: none#" "$CONF"
	kill -HUP "$SERVER"
	logged event=reload generation=4
	[ ! -e "$T/run/c" ] || fail "still there"
	sftp_do pwd
}

t_strangers() {
	need_root
	need_cmd setpriv
	fresh_server
	local as="setpriv --reuid 20031 --regid 20032 --clear-groups"
	cp "$TOOL" "$T/tool"
	refused $as "$T/tool" penalties --control "$T/control.$PORT" 2>"$T/err"
	has "$T/err" 'only root and the user who started'
	# modes can be changed by mistake; the kernel's word counts
	chmod 666 "$T/control.$PORT"
	refused $as "$T/tool" penalties --control "$T/control.$PORT" 2>"$T/err"
	logged event=control-refused uid=20031
	answers
	# and no impostor tells the tool anything
	$PY - "$T/fake" <<-'P' &
	import os, socket, sys
	os.setgid(20032)
	os.setuid(20031)
	s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	s.bind(sys.argv[1])
	s.listen()
	s.accept()
	P
	local pid=$!
	chmod 777 "$T"
	eventually test -S "$T/fake"
	refused "$TOOL" penalties --control "$T/fake" 2>"$T/err"
	chmod 755 "$T"
	kill $pid 2>/dev/null || true
	has "$T/err" 'belongs neither to root nor to you'
}

# Each of these ends its own connection at most.
t_garbage() {
	fresh_server
	ask <<-'P'
	random.seed(1)
	for i in range(300):
	    s = dial()
	    s.send(random.randbytes(random.choice((1, 4, 5, 6, 40, 4000))))
	    if i % 3:
	        s.close()
	P
	answers
	ask <<-'P'
	s = dial()
	s.send(LIST + b"x")
	assert frame(s)[0] == 102
	s.send(struct.pack(">BI", 77, 0))
	assert b"does not know" in frame(s)
	whole(s)
	# longer than a frame may be
	s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
	s.send(bytes(100000))
	assert frame(s) == b""
	# descriptors
	s = dial()
	fds = array.array("i", [0] * 3)
	s.sendmsg([LIST], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
	assert frame(s)[0] == 102
	whole(s)
	P
	answers
	local n
	n=$(ls "/proc/$SERVER/fd" | wc -l)
	ask <<-'P'
	for i in range(200):
	    s = dial()
	    fds = array.array("i", [0] * 16)
	    s.sendmsg([LIST], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
	    frame(s)
	    s.close()
	P
	answers
	no_more_fds() { [ "$(ls "/proc/$SERVER/fd" | wc -l)" -le "$n" ]; }
	eventually no_more_fds
}

# Those who say nothing keep nobody out, and do not stay.
t_silence() {
	fresh_server
	ask <<-'P'
	quiet = [dial() for i in range(40)]
	s = dial()
	whole(s)
	t0 = time.monotonic()
	ends = [q.recv(1) for q in quiet]
	assert ends == [b""] * 40
	P
	answers
}

# A reader that does not read, and one that asks without end: logins go on,
# and so do other operators.
t_flood() {
	TOP_YAML='penalties: {exempt: [127.0.0.1]}'
	PORT= CONF=
	prepare
	mkdir -m 700 -p "$T/state.$PORT"
	$PY "$HERE/sources.py" 65536 >"$T/state.$PORT/penalties"
	chmod 600 "$T/state.$PORT/penalties"
	start_server
	ask <<-'P' &
	stuck = [dial() for i in range(5)]
	for s in stuck:
	    s.send(LIST)
	s = dial()
	end = time.monotonic() + 60
	open(sys.argv[1] + ".flood", "w").close()
	while not os.path.exists(sys.argv[1] + ".enough"):
	    assert time.monotonic() < end
	    whole(s)
	P
	local flood=$! i
	eventually test -e "$T/control.$PORT.flood"
	for i in 1 2 3; do
		sftp_do pwd
		eq lines "$(op list | wc -l)" 65537
	done
	: >"$T/control.$PORT.enough"
	wait $flood || fail "the flood broke off"
	eq cleared "$(op clear 10.0.0.0/9)" "65536 sources freed"
	answers
}
run_parts
