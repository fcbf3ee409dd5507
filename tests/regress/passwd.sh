#!/bin/bash
# sallyport passwd: hashes that the server takes, and nothing shown.
. "$(dirname "$0")/lib.sh"
copy_keys

# log_in PASSWORD: true if the server takes it from alice
log_in() {
	$PY - "$PORT" "$1" <<-'P'
	import socket, sys, paramiko
	t = paramiko.Transport(socket.create_connection(("127.0.0.1",
	    int(sys.argv[1]))))
	t.start_client(timeout=60)
	try:
	    t.auth_password("alice", sys.argv[2])
	except paramiko.SSHException:
	    pass
	ok = t.is_authenticated()
	t.close()
	sys.exit(0 if ok else 1)
	P
}
serve() { # HASH
	AUTH='[password]'
	USER_YAML="    password: \"$1\""
	fresh_server
}

t_pipe() {
	local hash
	hash=$(printf 'p\xc3\xa4ss "w"$x \n' | "$TOOL" passwd)
	[[ $hash == \$y\$j9T\$* ]] || fail "not yescrypt: $hash"
	[ "$hash" != "$(printf 'p\xc3\xa4ss "w"$x \n' | "$TOOL" passwd)" ] ||
	    fail "the same salt twice"
	serve "$hash"
	log_in 'päss "w"$x '
	refused log_in 'päss "w"$x'
}

# The longest, and one more.
t_limits() {
	local most
	most=$(head -c 511 /dev/zero | tr '\0' a)
	serve "$("$TOOL" passwd <<<"$most")"
	log_in "$most"
	refused log_in "${most%a}"
	local rc=0
	"$TOOL" passwd <<<"${most}a" >"$T/out" 2>"$T/err" || rc=$?
	eq status $rc 1
	eq out "$(cat "$T/out")" ""
	has "$T/err" 'too long; 511 bytes are allowed'
	refused "$TOOL" passwd </dev/null
	refused "$TOOL" passwd <<<""
	rc=0
	"$TOOL" passwd secret <<<"" >"$T/out" 2>"$T/err" || rc=$?
	eq status $rc 2
	hasnt "$T/err" secret
}

# At a terminal: asked twice, nothing echoed, nothing but the hash on stdout.
t_terminal() {
	cat >"$T/at_terminal.py" <<-'P'
	import os, pty, sys
	tool, out, answers = sys.argv[1], sys.argv[2], sys.argv[3:]
	pid, fd = pty.fork()
	if pid == 0:
	    os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
	    os.execv(tool, [tool, "passwd"])
	seen = b""
	for prompt, word in zip((b"Password: ", b"The same again: "), answers):
	    while not seen.endswith(prompt):
	        seen += os.read(fd, 1)
	    os.write(fd, word.encode() + b"\n")
	try:
	    while True:
	        b = os.read(fd, 1000)
	        if not b:
	            break
	        seen += b
	except OSError:
	    pass
	sys.stdout.write(seen.decode())
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	P
	local rc=0
	$PY "$T/at_terminal.py" "$TOOL" "$T/hash" hush-hush hush-hush >"$T/seen"
	hasnt "$T/seen" hush
	serve "$(cat "$T/hash")"
	log_in hush-hush
	$PY "$T/at_terminal.py" "$TOOL" "$T/hash" hush-hush hush-hash >"$T/seen" ||
	    rc=$?
	eq status $rc 1
	has "$T/seen" 'the two are not the same'
	hasnt "$T/seen" hush
	eq out "$(cat "$T/hash")" ""
	rc=0
	$PY "$T/at_terminal.py" "$TOOL" "$T/hash" "" >"$T/seen" || rc=$?
	eq status $rc 1
	has "$T/seen" 'the password is empty'
}

# While it hashes, nothing of the password is to be seen from outside.
t_not_in_ps() {
	local p i
	mkfifo "$T/in"
	"$TOOL" passwd <"$T/in" >"$T/hash" &
	p=$!
	exec {fd}>"$T/in"
	printf 'very-secret' >&$fd
	tr '\0' ' ' <"/proc/$p/cmdline" >"$T/ps"
	tr '\0' '\n' <"/proc/$p/environ" >>"$T/ps" 2>/dev/null || true
	hasnt "$T/ps" very-secret
	printf '\n' >&$fd
	exec {fd}>&-
	wait $p
	has "$T/hash" '^\$y\$'
}
run_parts
