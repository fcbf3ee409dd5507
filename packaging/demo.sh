#!/bin/bash
# demo.sh: a server to try, from nothing to the command to paste.  Everything
# it makes lies in one folder, which goes away on Ctrl-C.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL

packaging/dependencies.sh demo || exit 1
make -s -j2 || exit 1

dir=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-demo.XXXXXX") || exit 1
server=
tidy() {
	trap '' INT TERM HUP
	trap - EXIT
	if [ -n "$server" ]; then
		kill -TERM "$server" 2>/dev/null
		wait "$server" 2>/dev/null
	fi
	rm -rf "$dir"
	echo "demo: stopped; $dir is gone"
}
trap tidy EXIT
trap 'exit 0' INT TERM HUP

# A user of its own where we are root; else the caller, in a user namespace.
if [ "$(id -u)" = 0 ]; then
	uid=64222 gid=64222
else
	uid=$(id -u) gid=$(id -g)
fi
mkdir "$dir/jail" "$dir/jail/in" "$dir/jail/out" || exit 1
cat >"$dir/jail/out/welcome.txt" <<'T'
You have fetched a file from a Sallyport jail.
Drop one of yours in /in:  put SOMEFILE /in/
T
chmod 755 "$dir" "$dir/jail" "$dir/jail/in" "$dir/jail/out"
chmod 644 "$dir/jail/out/welcome.txt"
[ "$(id -u)" != 0 ] || chown $uid:$gid "$dir/jail/in" || exit 1
ssh-keygen -q -t ed25519 -N '' -C sallyport-demo -f "$dir/host_key" &&
    ssh-keygen -q -t ed25519 -N '' -C demo -f "$dir/demo_key" || exit 1

# The next port that nobody listens on.
listening() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    grep -qE ":$(printf '%04X' $port) 0+:0000 0A"
}
port=2222
while listening; do
	echo "demo: port $port is taken"
	port=$((port + 1))
done
awk -v p=$port '{ print "[127.0.0.1]:" p, $1, $2 }' "$dir/host_key.pub" \
    >"$dir/known_hosts"

cat >"$dir/sallyport.yaml" <<C
listen: ["127.0.0.1:$port"]
host_keys: ["$dir/host_key"]
server_user: _sallyport
banner: "Sallyport demo: fetch from /out, drop in /in.\n"
log: {to: stderr, format: text, level: info}
limits: {connections: 100}
state_dir: "$dir/state"
control: "$dir/control.sock"
users:
  demo:
    jail: "$dir/jail"
    account: {uid: $uid, gid: $gid}
    authorized_keys: ["$(cat "$dir/demo_key.pub")"]
    allow: [sftp]
C
chmod 600 "$dir/sallyport.yaml"

# In a session of its own, so that Ctrl-C reaches us and we tell it to stop;
# should we be killed, the kernel tells it.
setsid setpriv --pdeathsig TERM build/sallyportd -f "$dir/sallyport.yaml" &
server=$!
for _ in $(seq 100); do
	listening && break
	kill -0 "$server" 2>/dev/null || exit 1
	sleep 0.1
done
cat <<T

Serving $dir/jail to the user demo.  In another terminal:

  sftp -P $port -i $dir/demo_key -o UserKnownHostsFile=$dir/known_hosts demo@127.0.0.1

  sftp> get /out/welcome.txt
  sftp> put README.md /in/

The log follows; Ctrl-C ends the demo and removes everything.

T
wait "$server"
status=$?
server=
echo "demo: the server ended with status $status" >&2
exit "$status"
