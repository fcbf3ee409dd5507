#!/bin/bash
# Many forwarded connections, and those that nobody reads: what they cost, and
# that it all comes back.
# seconds 120
. "$(dirname "$0")/lib.sh"
. "$HERE/forward.inc"
USER_YAML='    allow: [sftp, local-forward, remote-forward]'
start_server

# open_many HOST:PORT N: opens them all, says "N open", holds them until a
# line comes; every one has been heard.
open_many() {
	$PY - "$1" "$2" <<-'P'
	import socket, sys
	host, port = sys.argv[1].rsplit(":", 1)
	all = []
	for i in range(int(sys.argv[2])):
	    s = socket.create_connection((host, int(port)), 60)
	    s.sendall(b"%d\n" % i)
	    all.append(s)
	for i, s in enumerate(all):
	    got = b""
	    while not got.endswith(b"\n"):
	        b = s.recv(100)
	        assert b, "closed: %d" % i
	        got += b
	    assert got == b"%d\n" % i, (i, got)
	print("%d open" % len(all), flush=True)
	P
}

t_many_at_once() {
	local q r server session
	need_root
	serve echo 127.0.0.1:0
	q=$(free_port) r=$((q + 1))
	forward -L "$q:127.0.0.1:$SERVED" -R "$r:127.0.0.1:$SERVED"
	server=$(server_pid) session=$(session_pid)
	before=$(fds_of "$server") sbefore=$(fds_of "$session")
	eq "200 to us" "$(open_many "127.0.0.1:$q" 200)" "200 open"
	eq "200 from us" "$(open_many "127.0.0.1:$r" 200)" "200 open"
	eventually fds_are "$server" "$before"
	eventually fds_are "$session" "$sbefore"
	end_ssh
}
fds_are() { [ "$(fds_of "$1")" -le "$2" ]; }

# Thousands, one after the other and a few at a time: nothing is left.
t_many_in_turn() {
	local q r server session n=1500
	need_root
	[ "$KIND" = plain ] || n=300
	serve echo 127.0.0.1:0
	q=$(free_port) r=$((q + 1))
	forward -L "$q:127.0.0.1:$SERVED" -R "$r:127.0.0.1:$SERVED"
	server=$(server_pid) session=$(session_pid)
	churn "$q" 200
	churn "$r" 200
	before=$(fds_of "$server") sbefore=$(fds_of "$session")
	mem=$(rss_of "$server") smem=$(rss_of "$session")
	churn "$q" $n
	churn "$r" $n
	eventually fds_are "$server" "$before"
	eventually fds_are "$session" "$sbefore"
	if [ "$KIND" = plain ]; then
		[ "$(rss_of "$server")" -le $((mem + 1024)) ] ||
		    fail "server: $mem -> $(rss_of "$server") KiB"
		[ "$(rss_of "$session")" -le $((smem + 512)) ] ||
		    fail "session: $smem -> $(rss_of "$session") KiB"
	fi
	eq "processes" "$(tree | wc -l)" 4
	end_ssh
}
rss_of() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
churn() { # PORT N
	$PY - "$1" "$2" <<-'P'
	import socket, sys
	for i in range(int(sys.argv[2])):
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
	    s.sendall(b"x" * 100)
	    got = 0
	    while got < 100:
	        b = s.recv(100)
	        assert b
	        got += len(b)
	    if i % 3 == 0:
	        s.shutdown(socket.SHUT_WR)
	        assert s.recv(1) == b""
	    s.close()
	P
}

# Those that nobody reads hold up themselves: not the others, and not much
# memory.
t_stuck() {
	local q server mem n=40
	need_root
	serve hold 127.0.0.1:0
	local stuck=$SERVED
	serve digest 127.0.0.1:0
	q=$(free_port)
	forward -L "$q:127.0.0.1:$stuck" -L "$((q + 1)):127.0.0.1:$SERVED"
	server=$(server_pid)
	mem=$(rss_of "$server")
	$PY - "$q" $n <<-'P' &
	import socket, sys, threading
	def fill(s):
	    try:
	        while True:
	            s.sendall(b"x" * 65536)
	    except OSError:
	        pass
	for _ in range(int(sys.argv[2])):
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
	    threading.Thread(target=fill, args=(s,), daemon=True).start()
	threading.Event().wait()
	P
	local filler=$!
	echo $filler >>"$T/pids"
	sleep 1
	eq "beside them" "$(net ask "127.0.0.1:$((q + 1))" 20000000)" \
	    "$(digest 20000000)"
	sleep 0.5
	# a window of 256 KiB each, and what was allocated beside it
	[ "$KIND" != plain ] ||
	    [ "$(rss_of "$server")" -le $((mem + n * 640)) ] ||
	    fail "$mem -> $(rss_of "$server") KiB for $n"
	note "$n stuck connections: $mem -> $(rss_of "$server") KiB"
	end_pid $filler
	end_ssh
}

# A target that sends what the client does not read.
t_unread() {
	local q server mem
	need_root
	serve source 127.0.0.1:0
	q=$(free_port)
	forward -L "$q:127.0.0.1:$SERVED"
	server=$(server_pid)
	mem=$(rss_of "$server")
	exec {FD}<>"/dev/tcp/127.0.0.1/$q"
	sleep 1
	[ "$KIND" != plain ] || [ "$(rss_of "$server")" -le $((mem + 4096)) ] ||
	    fail "$mem -> $(rss_of "$server") KiB"
	eq "all of it" "$(cat <&"$FD" | wc -c)" 67108864
	exec {FD}>&-
	end_ssh
}

# As many as the limit says: the next to go out is refused, the next to come in
# waits.
t_limit() {
	local q r
	TOP_YAML='limits: {forwards: 3}' fresh_server
	serve echo 127.0.0.1:0
	q=$(free_port) r=$((q + 1))
	forward -L "$q:127.0.0.1:$SERVED" -R "$r:127.0.0.1:$SERVED"
	$PY - "$q" "$r" <<-'P'
	import socket, sys
	q, r = int(sys.argv[1]), int(sys.argv[2])
	def call(port):
	    s = socket.create_connection(("127.0.0.1", port), 60)
	    s.sendall(b"x")
	    return s
	def answers(s):
	    try:
	        return s.recv(1) == b"x"
	    except TimeoutError:
	        return None
	    except ConnectionResetError:
	        return False
	some = [call(q) for _ in range(3)]
	assert all(answers(s) for s in some)
	more = call(q)
	assert answers(more) is False, "a fourth was connected"
	# those that were promised a place before that come in
	more = [call(r) for _ in range(3)]
	assert all(answers(s) for s in more)
	waits = call(r)
	waits.settimeout(0.5)
	assert answers(waits) is None, "more came in than may"
	for s in some + more:
	    s.close()
	waits.settimeout(60)
	assert answers(waits), "it did not get the place"
	P
	logged 'event=request-refused' 'too many forwarded connections'
	end_ssh
}

# Forwards do not take the descriptors that others need to log in.
t_descriptors() {
	local q
	cat >"$T/few" <<-D
	#!/bin/sh
	ulimit -n 200
	exec "$DAEMON" "\$@"
	D
	chmod 755 "$T/few"
	local DAEMON=$T/few
	TOP_YAML='limits: {connections: 20}' fresh_server
	serve echo 127.0.0.1:0
	q=$(free_port)
	forward -L "$q:127.0.0.1:$SERVED"
	$PY - "$q" >"$T/held" <<-'P' &
	import signal, socket, sys
	all = []
	for i in range(150):
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
	    s.sendall(b"x")
	    try:
	        if s.recv(1) == b"x":
	            all.append(s)
	    except ConnectionResetError:
	        pass
	print(len(all), flush=True)
	signal.pause()
	P
	local p=$!
	echo $p >>"$T/pids"
	eventually test -s "$T/held"
	eq "so many" "$(cat "$T/held")" 100
	sftp_do pwd >/dev/null
	logged event=request-refused 'too many forwarded connections'
	end_pid $p
	end_ssh
}

# A parked client wakes for a forward, whichever end speaks.
t_parked() {
	local q r
	serve echo 127.0.0.1:0
	q=$(free_port) r=$((q + 1))
	forward -L "$q:127.0.0.1:$SERVED" -R "$r:127.0.0.1:$SERVED"
	$PY - "$q" "$r" <<-'P'
	import socket, sys, time
	all = [socket.create_connection(("127.0.0.1", int(p)), 60)
	       for p in sys.argv[1:]]
	for i in range(2):
	    for s in all:
	        s.sendall(b"ping")
	        assert s.recv(4) == b"ping"
	    time.sleep(2.6)
	for s in all:
	    s.shutdown(socket.SHUT_WR)
	    assert s.recv(1) == b""
	P
	end_ssh
}

run_parts
