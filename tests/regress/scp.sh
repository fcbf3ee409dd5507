#!/bin/bash
# The old scp, both ways, as all its clients speak it.
# seconds 180
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 0 1 4095 65537 67108864
make_jail "$JAIL"
USER_YAML="    allow: [sftp, scp]"
USERS_YAML="
  start:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    start: /d
    umask: \"0077\"
    allow: [scp]
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
start_server
U=alice@127.0.0.1
OSCP() { SCP -O "$@"; }
raw() { # COMMAND WORDS...: these bytes to it, its answer in hex
	local cmd=$1
	shift
	printf '%b' "$*" | SSH -- "$cmd" | od -An -v -tx1 | tr -d ' \n'
}

t_each_size() {
	local n
	for n in 0 1 4095 65537 67108864; do
		OSCP "$SRC/f$n" $U:/d/f$n
		same "$SRC/f$n" "$JAIL/d/f$n"
		OSCP $U:/d/f$n "$T/back"
		same "$SRC/f$n" "$T/back"
		logged event=transfer service=scp op=put path=/d/f$n \
		    bytes=$n 'duration_ms=[0-9]+' result=ok
		logged event=transfer service=scp op=get path=/d/f$n \
		    bytes=$n result=ok
	done
}

# A tree with names that hurt, there and back.
plant() {
	mkdir -p "$T/tree/sub dir/deep/er" "$T/tree/empty"
	echo 1 >"$T/tree/plain"
	echo 2 >"$T/tree/sub dir/with space"
	echo 3 >"$T/tree/sub dir/q'u\"o\`te\$HOME"
	echo 4 >"$T/tree/sub dir/deep/*?[a]"
	echo 5 >"$T/tree/sub dir/deep/er/-dash"
	echo 6 >"$T/tree/$(printf 'esc\033[31m')"
	echo 7 >"$T/tree/ü€😀"
	printf 8 >"$T/tree/$(printf '\377\376')"
	echo 9 >"$T/tree/..."
	: >"$T/tree/.hidden"
	chmod 640 "$T/tree/plain"
	chmod 500 "$T/tree/sub dir/deep/er"
	touch -d '2001-02-03 04:05:06' "$T/tree/plain"
	touch -d '2002-02-03 04:05:06' "$T/tree/sub dir"
}
listing() { (cd "$1" && find . -printf '%P|%y|%m|%Ts\n' | sort); }

t_trees() {
	plant
	OSCP -rp "$T/tree" $U:/d/tree
	diff -r "$T/tree" "$JAIL/d/tree"
	diff <(listing "$T/tree") <(listing "$JAIL/d/tree")
	OSCP -rp $U:/d/tree "$T/tree2"
	diff -r "$T/tree" "$T/tree2"
	diff <(listing "$T/tree") <(listing "$T/tree2")
	# Into a directory that is there, and without times.
	OSCP -r "$T/tree" $U:/d
	mkdir "$T/into"
	OSCP -r $U:/d/tree "$T/into"
	diff -r "$T/tree" "$T/into/tree"
}

t_several_and_patterns() {
	local d="$JAIL/d/pat"
	mkdir "$d" "$T/pat"
	own "$d"
	OSCP "$SRC/f0" "$SRC/f1" "$SRC/f4095" $U:/d/pat
	same "$SRC/f4095" "$d/f4095"
	refused OSCP "$SRC/f0" "$SRC/f1" $U:/d/pat/f0
	OSCP "$U:/d/pat/f?" "$U:/d/p*/f[4]*" "$T/pat"
	eq patterns "$(ls "$T/pat" | tr '\n' ' ')" "f0 f1 f4095 "
	rm "$T"/pat/*
	OSCP "$U:~/d/pat/f1" "$T/pat/home"
	same "$SRC/f1" "$T/pat/home"
	refused OSCP "$U:/d/pat/none*" "$T/pat" 2>"$T/err"
	has "$T/err" 'none\*: No such file or directory'
	echo x >"$T/a b"
	OSCP "$T/a b" "$U:'/d/pat/c d'"
	same "$T/a b" "$d/c d"
	OSCP "$U:/d/pat/c\\ d" "$T/back"
	same "$T/a b" "$T/back"
}

t_start_and_umask() {
	WHO=start
	OSCP -p "$SRC/f1" start@127.0.0.1:
	same "$SRC/f1" "$JAIL/d/f1"
	OSCP "$SRC/f4095" start@127.0.0.1:by-umask
	eq mode "$(stat -c %a "$JAIL/d/by-umask")" 600
	OSCP start@127.0.0.1:by-umask "$T/back"
	same "$SRC/f4095" "$T/back"
	logged event=transfer user=start path=/d/by-umask op=put
	refused sftp_do pwd
}

t_faults_are_said() {
	refused OSCP "$SRC/f1" $U:/ro/x 2>"$T/err"
	has "$T/err" '/ro/x: Permission denied'
	refused OSCP "$SRC/f1" $U:/no/x 2>"$T/err"
	has "$T/err" '/no/x: No such file or directory'
	refused OSCP $U:/no "$T/x" 2>"$T/err"
	has "$T/err" '/no: No such file or directory'
	refused OSCP $U:/d "$T/x" 2>"$T/err"
	has "$T/err" '/d: Not a regular file'
	refused OSCP -r "$T/tree" $U:/ro 2>"$T/err"
	has "$T/err" 'tree: Permission denied'
	refused OSCP "$SRC/f1" "$U:/d/\$(id)" 2>"$T/err"
	has "$T/err" 'not served'
	# One bad file is no reason to leave the others.
	mkdir "$T/mixed"
	echo 1 >"$T/mixed/a"
	echo 2 >"$T/mixed/b"
	OSCP -r "$T/mixed" $U:/d/mixed
	mkfifo "$JAIL/d/mixed/fifo"
	own "$JAIL/d/mixed/fifo"
	refused OSCP -r $U:/d/mixed "$T/mixed2" 2>"$T/err"
	has "$T/err" 'mixed/fifo: Not a regular file'
	diff -r "$T/mixed" "$T/mixed2"
}

t_protocol() {
	eq "names that lead up" "$(raw 'scp -t /d' 'C0644 1 ../up\nx\0' |
	    head -c 4)" 0002
	[ ! -e "$JAIL/up" ] || fail "written outside of the target"
	logged event=command user=alice service=scp 'command="scp -t /d"' \
	    result=failed 'reason="unexpected file name"'
	raw 'scp -rt /d' 'D0755 0 ..\nC0644 1 up\nx\0' >/dev/null || true
	[ ! -e "$JAIL/up" ] || fail "written outside of the target"
	eq greeting "$(raw 'scp -t /d' 'C0644 1 raw\nx\0')" 000000
	eq "and the file" "$(cat "$JAIL/d/raw")" x
	eq "the other way" "$(raw 'scp -f /d/raw' '\0\0\0')" \
	    "$(printf 'C0644 1 raw\nx\0' | od -An -v -tx1 | tr -d ' \n')"
}

t_cut() {
	local pid
	# ssh is killed in the middle of an upload.
	mkfifo "$T/fifo"
	ssh_opts
	ssh "${OPTS[@]}" -p "$PORT" $U 'scp -t /d' <"$T/fifo" >"$T/out" 2>&1 &
	pid=$!
	exec 9>"$T/fifo"
	printf 'C0644 100000 cut\n' >&9
	head -c 5000 /dev/zero >&9
	eventually test -s "$JAIL/d/cut"
	kill $pid
	exec 9>&-
	wait $pid || true
	logged event=transfer service=scp path=/d/cut bytes=5000 \
	    result=aborted
	eq "what has come" "$(stat -c %s "$JAIL/d/cut")" 5000
	# A download that nobody reads to its end.
	printf '\0\0' >"$T/zeros"
	SSH -- 'scp -f /d/f67108864' <"$T/zeros" 2>/dev/null |
	    head -c 100000 >/dev/null || true
	logged event=transfer service=scp path=/d/f67108864 op=get \
	    result=aborted
}

t_new_keys_meanwhile() {
	OSCP -o RekeyLimit=1M "$SRC/f67108864" $U:/d/rekey
	same "$SRC/f67108864" "$JAIL/d/rekey"
	OSCP -o RekeyLimit=1M $U:/d/rekey "$T/back"
	same "$SRC/f67108864" "$T/back"
}

# Many on one connection, both ways, with SFTP beside them: one process.
t_together() {
	local i s=$T/control p=
	ssh_opts
	ssh "${OPTS[@]}" -p "$PORT" -M -S "$s" -fN $U
	for i in 1 2 3 4; do
		OSCP -o ControlPath="$s" "$SRC/f67108864" $U:/d/m$i &
		p="$p $!"
		OSCP -o ControlPath="$s" $U:/d/f67108864 "$T/m$i" &
		p="$p $!"
	done
	for i in 1 2 3 4 5 6 7 8; do
		sftp_do "ls /d" >/dev/null
	done
	# shellcheck disable=SC2086
	for i in $p; do wait "$i"; done
	ssh "${OPTS[@]}" -p "$PORT" -S "$s" -O exit $U 2>/dev/null
	for i in 1 2 3 4; do
		same "$SRC/f67108864" "$JAIL/d/m$i"
		same "$SRC/f67108864" "$T/m$i"
	done
}

t_putty() {
	need_cmd pscp puttygen
	local fp p
	puttygen "$T/id" -o "$T/id.ppk" -O private
	fp=$(ssh-keygen -lf "$T/keys/host_ed25519.pub" | awk '{ print $2 }')
	p="pscp -scp -batch -q -P $PORT -i $T/id.ppk -hostkey $fp"
	$p -p "$SRC/f65537" "$SRC/f1" $U:/d
	same "$SRC/f65537" "$JAIL/d/f65537"
	$p $U:/d/f65537 "$T/back"
	same "$SRC/f65537" "$T/back"
	mkdir -p "$T/ptree/x y"
	cp "$SRC/f4095" "$T/ptree/x y/f"
	$p -r "$T/ptree" $U:/d
	diff -r "$T/ptree" "$JAIL/d/ptree"
	$p -r $U:/d/ptree "$T/ptree2"
	diff -r "$T/ptree" "$T/ptree2"
	mkdir "$T/pwild"
	$p -unsafe "$U:/d/f4*" "$T/pwild"
	same "$SRC/f4095" "$T/pwild/f4095"
}

t_python() {
	$PY -c 'import scp' 2>/dev/null || skip "no python3-scp"
	HOST=127.0.0.1 PORT=$PORT KEY=$T/id SRC=$SRC T=$T JAIL=$JAIL \
	    $PY - <<-'P'
	import os, filecmp, paramiko, scp
	e = os.environ
	c = paramiko.SSHClient()
	c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
	c.connect(e["HOST"], int(e["PORT"]), "alice", key_filename=e["KEY"],
	    allow_agent=False, look_for_keys=False)
	s = scp.SCPClient(c.get_transport())
	src, t, d = e["SRC"], e["T"], e["JAIL"] + "/d/"
	s.put(src + "/f65537", "/d/py one", preserve_times=True)
	assert filecmp.cmp(src + "/f65537", d + "py one", False)
	assert int(os.stat(d + "py one").st_mtime) == \
	    int(os.stat(src + "/f65537").st_mtime)
	s.put([src + "/f1", src + "/f0"], "/d")
	s.get("/d/py one", t + "/py")
	assert filecmp.cmp(src + "/f65537", t + "/py", False)
	os.makedirs(t + "/pytree/a/b")
	open(t + "/pytree/a/b/c", "w").write("x")
	s.put(t + "/pytree", "/d", recursive=True)
	s.get("/d/pytree", t + "/pytree2", recursive=True)
	assert open(t + "/pytree2/a/b/c").read() == "x"
	try:
	    s.get("/d/none", t)
	    raise SystemExit("got what is not there")
	except scp.SCPException as why:
	    assert "No such file" in str(why), why
	P
}

# libssh2 asks with -p and quotes the path.
t_curl() {
	need_cmd curl
	curl --version | grep -qw scp || skip "this curl has no scp"
	local u=scp://127.0.0.1:$PORT
	curl -sS -k -u alice: --key "$T/id" --pubkey "$T/id.pub" \
	    -T "$SRC/f65537" "$u/d/curl"
	same "$SRC/f65537" "$JAIL/d/curl"
	curl -sS -k -u alice: --key "$T/id" --pubkey "$T/id.pub" \
	    "$u/d/curl" -o "$T/back"
	same "$SRC/f65537" "$T/back"
}

t_openssh10() {
	[ -x "$O10/bin/scp" ] || skip "no OpenSSH 10"
	SSHV=$O10
	OSCP -rp "$T/tree" $U:/d/tree10
	diff <(listing "$T/tree") <(listing "$JAIL/d/tree10")
	OSCP -rp $U:/d/tree10 "$T/tree10"
	diff -r "$T/tree" "$T/tree10"
	OSCP "$U:/d/f?" "$T/pat"
}

t_dropbear() {
	need_cmd dbclient dropbearconvert
	dropbearconvert openssh dropbear "$T/id" "$T/id.db" 2>/dev/null
	printf '\0\0\0' >"$T/zeros"
	HOME=$T dbclient -y -i "$T/id.db" -p "$PORT" $U 'scp -f /d/f4095' \
	    <"$T/zeros" 2>/dev/null | tail -c +18 | head -c 4095 >"$T/back"
	same "$SRC/f4095" "$T/back"
}

# What other clients write before the path, and what is no scp at all.
t_command_lines() {
	local c
	echo x >"$JAIL/d/it's"
	for c in "scp -f '/d/it'\\''s'" "scp -f \"/d/it's\"" \
	    "scp -p -f /d/it\\'s" "scp -v -r -f -- /d/it\\'s" \
	    "scp -qrpf '/d/it'\"'\"'s'" "scp -f ~/d/it\\'s" \
	    "scp -f \"\${HOME}d/it's\"" "scp  -f	/d/it?s"; do
		printf '\0\0\0\0' | SSH -- "$c" | tr -d '\0' >"$T/out"
		has "$T/out" "^C0644 2 it's"
	done
	for c in "scp -f /d/x; id" "scp -f /d/x | sh" "scp -f \$(id)"; do
		printf '\0\0\0\0' | SSH -- "$c" >"$T/out" || true
		hasnt "$T/out" uid=
		has "$T/out" scp:
	done
	refused SSH -- "id; scp -f /d/x" </dev/null
	refused SSH -- /usr/bin/scp -f /d/x </dev/null
}

t_server_is_well() { sftp_do "ls /"; }
run_parts
