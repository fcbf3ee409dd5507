#!/bin/bash
# Forwarded connections with other clients: PuTTY, dropbear, paramiko,
# asyncssh, npm's ssh2, and through them curl and iperf3.
# seconds 120
. "$(dirname "$0")/lib.sh"
. "$HERE/forward.inc"
USER_YAML='    allow: [sftp, local-forward, remote-forward]
    forward: {open: ["127.0.0.0/8:*", "localhost:*"]}'
start_server
serve echo 127.0.0.1:0
ECHO=$SERVED
serve digest 127.0.0.1:0
DIGEST=$SERVED
serve echo "$JAIL/d/echo.sock"

# both PORT PORT: through a port here, and one there.
both() {
	eventually listening "$1"
	eventually listening "$2"
	eq "-L" "$(net ask "127.0.0.1:$1" 3000000)" "$(digest 3000000)"
	eq "-R" "$(net ask "127.0.0.1:$2" 3000000)" "$(digest 3000000)"
	logged event=forward-open user=alice "port=$DIGEST"
	logged event=forward-incoming user=alice "port=$2"
}

t_plink() {
	local q
	need_cmd plink puttygen
	puttygen "$T/id" -O private -o "$T/id.ppk"
	q=$(free_port)
	plink -batch -hostkey "$(ssh-keygen -lf "$T/keys/host_ed25519.pub" |
	    cut -d ' ' -f 2)" -i "$T/id.ppk" -P "$PORT" -N \
	    -L "$q:127.0.0.1:$DIGEST" -R "$((q + 1)):127.0.0.1:$DIGEST" \
	    alice@127.0.0.1 >"$T/plink.out" 2>&1 &
	local p=$!
	echo $p >>"$T/pids"
	both "$q" $((q + 1))
	end_pid $p
	eq "-nc" "$(echo hello | plink -batch -hostkey "$(ssh-keygen -lf \
	    "$T/keys/host_ed25519.pub" | cut -d ' ' -f 2)" -i "$T/id.ppk" \
	    -P "$PORT" -nc "127.0.0.1:$ECHO" alice@127.0.0.1)" hello
}

t_dbclient() {
	local q
	need_cmd dbclient dropbearconvert
	dropbearconvert openssh dropbear "$T/id" "$T/id.db" 2>/dev/null
	q=$(free_port)
	HOME=$T dbclient -y -y -i "$T/id.db" -p "$PORT" -N \
	    -L "$q:127.0.0.1:$DIGEST" -R "$((q + 1)):127.0.0.1:$DIGEST" \
	    alice@127.0.0.1 >"$T/db.out" 2>&1 </dev/null &
	local p=$!
	echo $p >>"$T/pids"
	both "$q" $((q + 1))
	end_pid $p
	eq "-B" "$(echo hello | HOME=$T dbclient -y -y -i "$T/id.db" \
	    -p "$PORT" -B "127.0.0.1:$ECHO" alice@127.0.0.1 \
	    2>/dev/null)" hello
}

t_python() { ECHO=$ECHO py forward_client.py; }

# Installed once per checkout.
t_ssh2() {
	local d=$TOP/build/npm-ssh2 n
	need_cmd node npm
	[ -e "$d/node_modules/ssh2/package.json" ] || {
		n=$(mktemp -d "$TOP/build/npm.XXXXXX")
		(cd "$n" && npm install --silent --no-audit --no-fund \
		    --omit=optional --ignore-scripts ssh2@1.17.0) \
		    >"$T/npm.out" 2>&1 || {
			rm -rf "$n"
			skip "npm cannot install ssh2"
		}
		mv -T "$n" "$d" 2>/dev/null || rm -rf "$n"
	}
	ECHO=$ECHO HOST=127.0.0.1 PORT=$PORT KEY=$T/id WHO=alice JAIL=$JAIL \
	    NODE_PATH=$d/node_modules node "$HERE/forward_ssh2.js" >"$T/out"
	has "$T/out" '^all of it$'
	logged event=forward-listen path=/d/ssh2.sock
}

# OpenSSH 10, where it is.
t_openssh10() {
	local q SSHV=$O10
	[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10 beside the system's own"
	q=$(free_port)
	forward -L "$q:127.0.0.1:$DIGEST" -R "$((q + 1)):127.0.0.1:$DIGEST" \
	    -L "$((q + 2)):/d/echo.sock"
	both "$q" $((q + 1))
	eq "a path" "$(echo hi | net ask "127.0.0.1:$((q + 2))")" hi
	end_ssh
}

t_iperf3() {
	local q p
	need_cmd iperf3
	p=$(free_port)
	iperf3 -s -p "$p" -B 127.0.0.1 >"$T/iperf3.out" 2>&1 &
	local i=$!
	echo $i >>"$T/pids"
	eventually listening "$p"
	q=$((p + 1))
	forward -L "$q:127.0.0.1:$p"
	iperf3 -c 127.0.0.1 -p "$q" -n 100M -P 4 >"$T/up"
	iperf3 -c 127.0.0.1 -p "$q" -n 100M -P 4 -R >"$T/down"
	has "$T/up" 'SUM.*receiver'
	has "$T/down" 'SUM.*receiver'
	end_ssh
	end_pid $i
}

run_parts
