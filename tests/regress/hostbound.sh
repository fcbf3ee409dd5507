#!/bin/bash
# Keys in an agent that may be used for one destination alone: the client
# binds its request to our host key.
. "$(dirname "$0")/lib.sh"
copy_keys
need_cmd ssh-agent ssh-add
"$PY" -c "import cryptography" 2>/dev/null || skip "no python3-cryptography"
HOST_KEYS="ed25519 rsa3072"
start_server
py raw_hostbound.py || bad=1

agent() { # COMMAND...: with an agent of its own
	"${SSHV:+$SSHV/bin/}ssh-agent" -a "$T/agent" -D >/dev/null 2>&1 &
	local pid=$! rc=0
	eventually test -S "$T/agent"
	SSH_AUTH_SOCK=$T/agent "$@" || rc=$?
	kill $pid
	wait $pid 2>/dev/null || true
	rm -f "$T/agent"
	return $rc
}
add() { # DESTINATION: alice's key, for that one alone
	"${SSHV:+$SSHV/bin/}ssh-add" -q -H "$T/known_hosts" -h "$1" "$T/id"
}
with() { # DESTINATION: the same, then a login by the agent alone
	add "$1"
	echo pwd | ID=$T/public.pub LEVEL=DEBUG3 SFTP \
	    -o "IdentityAgent=$T/agent" >"$T/out" 2>&1
}
cp "$T/id.pub" "$T/public.pub"

t_destination() {
	agent with alice@sallyport
	has "$T/out" 'publickey-hostbound@openssh.com=<0>'
	has "$T/out" 'using publickey-hostbound-v00@openssh.com'
	has "$T/out" 'Remote working directory'
	agent with sallyport
}

t_other_user() { # the agent does not sign for that
	refused agent with bob@sallyport
}

t_other_host() {
	sed 's/^sallyport /elsewhere /' "$T/known_hosts" >"$T/k"
	awk '{ print "elsewhere", $1, $2 }' "$T/keys/stranger.pub" \
	    >>"$T/known_hosts"
	refused agent with elsewhere
}

t_without_it() { # a client that does not bind, as before
	echo pwd | SFTP -o PubkeyAuthentication=unbound
}

t_in_auth() { # told of signatures once more
	echo pwd | LEVEL=DEBUG3 SFTP >"$T/out" 2>&1
	has "$T/out" 'server-sig-algs=<'
}

t_openssh_10() {
	[ -x "$O10/bin/ssh-agent" ] || skip "no OpenSSH 10"
	SSHV=$O10 agent with alice@sallyport
	eq "server-sig-algs" "$(grep -c 'server-sig-algs=<' "$T/out")" 2
	SSHV=$O10 refused agent with bob@sallyport
}

run_parts || bad=1
[ -z "${bad:-}" ]
