#!/bin/bash
# Forwarded connections by OpenSSH, each way, within the user's rights and the
# key's, and none without.
. "$(dirname "$0")/lib.sh"
need_root
copy_keys
make_files 5242880
KEY=$(cat "$T/id.pub")
account="account: {uid: $ACCT_UID, gid: $ACCT_GID}"
USERS_YAML="
  bob: {$account, allow: [local-forward, remote-forward],
      authorized_keys: [\"$KEY\"]}
  some: {$account, allow: [local-forward],
      forward: {open: [\"127.0.0.2:*\"]}, authorized_keys: [\"$KEY\"]}
  plain: {$account, allow: [sftp], authorized_keys: [\"$KEY\"]}"
start_server
SERVER_PID=$(tree_named "sallyportd: server")
WHO=bob

# One that says back what it is told, on a free port of every loopback address.
cat >"$T/echo.py" <<'E'
import socket, sys, threading
s = socket.create_server(("0.0.0.0", 0))
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.getsockname()[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
def talk(c):
    while b := c.recv(65536):
        c.sendall(b)
    c.close()
while True:
    threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()
E
$PY "$T/echo.py" "$T/port" &
ECHO=$!
trap 'kill $ECHO 2>/dev/null; tidy' EXIT
eventually test -s "$T/port"
FAR=$(cat "$T/port")

free_port() {
	$PY -c 'import socket; s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
# ssh -N with the options given, until told otherwise
tunnel() {
	ssh_opts
	ssh "${OPTS[@]}" -o ExitOnForwardFailure=yes -p "$PORT" -N "$@" \
	    "$WHO@127.0.0.1" 2>"$T/tunnel.err" &
	TUNNEL=$!
}
# Sends a file through a port and compares what comes back.
through() { # PORT
	$PY - "$1" "$SRC/f5242880" <<'E'
import socket, sys, threading
data = open(sys.argv[2], "rb").read()
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
t = threading.Thread(target=lambda: (s.sendall(data),
                                     s.shutdown(socket.SHUT_WR)))
t.start()
got = b""
while b := s.recv(65536):
    got += b
t.join()
sys.exit(0 if got == data else 1)
E
}
listens() { $PY -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)' "$1" 2>/dev/null; }

t_local() {
	local p
	p=$(free_port)
	tunnel -L "127.0.0.1:$p:127.0.0.1:$FAR"
	eventually listens "$p"
	through "$p"
	kill $TUNNEL
	wait $TUNNEL || true
}

t_remote() {
	local p
	p=$(free_port)
	tunnel -R "127.0.0.1:$p:127.0.0.1:$FAR"
	eventually listens "$p"
	through "$p"
	kill $TUNNEL
	wait $TUNNEL || true
	# nothing outlives the connection
	gone() { ! listens "$p"; }
	eventually gone
}

t_within_the_list() {
	ssh_opts
	eq back "$(echo hi | ssh "${OPTS[@]}" -p "$PORT" -W "127.0.0.2:$FAR" \
	    some@127.0.0.1)" hi
	refused ssh "${OPTS[@]}" -p "$PORT" -W "127.0.0.1:$FAR" some@127.0.0.1
}

t_without_the_right() {
	ssh_opts
	refused ssh "${OPTS[@]}" -p "$PORT" -W "127.0.0.1:$FAR" \
	    plain@127.0.0.1
	WHO=plain tunnel -R "127.0.0.1:$(free_port):127.0.0.1:$FAR"
	refused wait $TUNNEL
}

t_keeps_nothing() {
	local p before
	p=$(free_port)
	tunnel -L "127.0.0.1:$p:127.0.0.1:$FAR"
	eventually listens "$p"
	before=$(ls "/proc/$SERVER_PID/fd" | wc -l)
	for _ in $(seq 30); do listens "$p"; done
	same() { [ "$(ls "/proc/$SERVER_PID/fd" | wc -l)" -le "$before" ]; }
	eventually same
	kill $TUNNEL
	wait $TUNNEL || true
}
run_parts
