#!/bin/bash
# lftp over sftp://.
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd lftp
copy_keys
make_files
start_server
ssh_opts
export HOME=$T LFTP_HOME=$T/lftp
mkdir "$LFTP_HOME"

lftp_do() { # one command per word
	{
		echo "set sftp:connect-program \"ssh -a -x ${OPTS[*]} -p $PORT\""
		echo "set cmd:fail-exit yes; set net:max-retries 2"
		echo "set net:timeout 60; set xfer:clobber yes"
		echo "open sftp://${WHO:-alice}:@127.0.0.1:$PORT/"
		printf '%s\n' "$@"
	} >"$T/script"
	lftp -f "$T/script"
}

t_files() {
	local n c=()
	for n in $SIZES; do
		c+=("put $SRC/f$n -o /d/f$n" "get /d/f$n -o $T/f$n")
	done
	lftp_do "${c[@]}"
	for n in $SIZES; do
		same "$SRC/f$n" "$JAIL/d/f$n"
		same "$SRC/f$n" "$T/f$n"
	done
}

t_list_and_rename() {
	cp "$SRC/f1" "$JAIL/d/one"
	own "$JAIL/d/one"
	lftp_do "cd /d" "mkdir sub" "mv one sub/two" "cls -1 sub" "cls -l sub" \
	    "chmod 600 sub/two" >"$T/out"
	has "$T/out" 'two'
	eq "mode" "$(stat -c %a "$JAIL/d/sub/two")" 600
	lftp_do "rm -r /d/sub"
	[ ! -e "$JAIL/d/sub" ] || fail "still there"
}

t_resume() {
	head -c 3000000 "$SRC/f5242880" >"$JAIL/d/part"
	own "$JAIL/d/part"
	head -c 2000000 "$SRC/f5242880" >"$T/part"
	lftp_do "put -c $SRC/f5242880 -o /d/part" "get -c /d/part -o $T/part"
	same "$SRC/f5242880" "$JAIL/d/part"
	same "$SRC/f5242880" "$T/part"
}

t_symlink() {
	cp "$SRC/f1" "$JAIL/d/t"
	own "$JAIL/d/t"
	lftp_do "cd /d" "ln -s t s" "cls -l s" >"$T/out"
	eq "readlink" "$(readlink "$JAIL/d/s")" t
}

t_mirror() {
	mkdir -p "$T/tree/x/y"
	cp "$SRC/f65537" "$SRC/f0" "$T/tree/x/y/"
	touch -d '2001-02-03 04:05:06 UTC' "$T/tree/x/y/f0"
	lftp_do "mirror -R $T/tree /d/tree" "mirror /d/tree $T/tree2"
	diff -r "$T/tree" "$T/tree2" || fail "trees differ"
}

t_parallel_pieces() {
	cp "$SRC/f67108864" "$JAIL/d/p"
	own "$JAIL/d/p"
	lftp_do "pget -n 4 /d/p -o $T/p"
	same "$SRC/f67108864" "$T/p"
}
run_parts
