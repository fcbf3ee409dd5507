#!/bin/bash
# One line for each event, as text, as JSON, and in a file that is reopened.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 4095

count() { # FILE PATTERN...
	local p s
	s=$(cat "$1")
	shift
	for p; do s=$(grep -Ea -- "$p" <<<"$s" || true); done
	[ -n "$s" ] && wc -l <<<"$s" || echo 0
}
# A day of alice: one login that fails, one that does not, two transfers.
day() {
	ID=$T/keys/stranger refused sftp_do pwd
	sftp_do "put $SRC/f4095 /d/up" "get /d/up $T/down"
}

t_text() {
	start_server
	day
	local src='src="?127\.0\.0\.1' l
	logged 'event=disconnect' 'user=alice' 'bytes'
	eq transfers "$(count "$LOG" 'event=transfer ')" 2
	log_line 'event=transfer ' 'user=alice' "$src" 'path=/d/up' \
	    'bytes=4095' 'op=put' 'duration_ms=[0-9]' 'result=ok'
	log_line 'event=transfer ' 'op=get' 'bytes=4095' 'result=ok'
	eq logins "$(count "$LOG" 'event=login ')" 1
	log_line 'event=login ' 'user=alice' "$src" 'method=publickey' \
	    'SHA256:'
	eq failures "$(count "$LOG" 'event=login-failed ')" 1
	log_line 'event=login-failed ' 'user=alice' "$src" 'reason=' 'SHA256:'
	eventually two_disconnects
	log_line 'event=disconnect ' 'bytes_in=[0-9]' 'bytes_out=[0-9]' \
	    ' (duration_)?ms=[0-9]'
	log_line 'event=connection ' "$src" 'OpenSSH'
	# every line has a time, a level and an event
	if grep -Eav '^[0-9TZ:.-]+ (error|warn|info|debug) event=[a-z-]+( |$)' \
	    "$LOG"; then
		fail "lines of another shape"
	fi
}
two_disconnects() { [ "$(count "$LOG" 'event=disconnect ')" = 2 ]; }

t_json() {
	LOG_YAML='{to: stderr, format: json, level: info}'
	: >"$LOG"
	fresh_server
	day
	eventually grep -q '"event":"disconnect"' "$LOG"
	sleep 0.2
	$PY - "$LOG" <<-'P'
	import json, sys
	events = [json.loads(x) for x in open(sys.argv[1])]
	def of(name):
	    return [e for e in events if e["event"] == name]
	up, down = of("transfer")
	assert up["path"] == "/d/up" and up["bytes"] == 4095, up
	assert up["user"] == "alice" and up["result"] == "ok", up
	assert up["src"].startswith("127.0.0.1"), up
	assert down["op"] == "get", down
	assert len(of("login")) == 1 and len(of("login-failed")) == 1
	assert of("login")[0]["conn"] != of("login-failed")[0]["conn"]
	assert up["conn"] == of("login")[0]["conn"]
	P
}

t_hostile_names_json() {
	LOG_YAML='{to: stderr, format: json, level: info}'
	: >"$LOG"
	fresh_server
	cp "$SRC/f4095" "$T/"$'q"\n\xff\e[1m'
	sftp_do "put $T/q* /d/" || true
	refused ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
	    -o UserKnownHostsFile=/dev/null -p "$PORT" -l $'x"\n}\t\e' \
	    127.0.0.1
	sleep 0.5
	$PY -c 'import json,sys; [json.loads(x) for x in open(sys.argv[1])]' \
	    "$LOG"
	hasnt "$LOG" $'\e'
}

t_file_and_rotation() {
	LOG_YAML="{to: \"file:$T/sally.txt\", format: text, level: info}"
	fresh_server
	sftp_do pwd
	eventually grep -q 'event=login ' "$T/sally.txt"
	mv "$T/sally.txt" "$T/sally.txt.1"
	kill -HUP "$SERVER"
	eventually test -e "$T/sally.txt"
	sftp_do pwd
	eventually grep -q 'event=login ' "$T/sally.txt"
	case $(stat -c %a "$T/sally.txt") in
	600 | 640) ;;
	*) fail "log is mode $(stat -c %a "$T/sally.txt")" ;;
	esac
}

t_stderr_wins_with_e() {
	LOG_YAML="{to: \"file:$T/not.txt\", format: text, level: info}"
	: >"$LOG"
	fresh_server -e
	sftp_do pwd
	logged 'event=login '
}

t_aborted_and_failed_transfers() {
	LOG_YAML=
	: >"$LOG"
	fresh_server
	make_files 67108864
	printf 'put %s /d/cut\n' "$SRC/f67108864" | SFTP -l 2000 &
	local p=$!
	eventually test -s "$JAIL/d/cut"
	# sftp and the ssh beneath it
	kill -KILL $(cat /proc/$p/task/*/children) $p 2>/dev/null || true
	wait $p || true
	for p in $(pgrep -f "^ssh .*$T/id" || true); do kill -KILL "$p"; done
	logged 'event=transfer ' 'path=/d/cut' 'result=aborted'
	refused sftp_do "get /d/none $T/none"
	[ "$(count "$LOG" 'event=transfer ' 'path=/d/none' 'result=ok')" = 0 ] ||
	    fail "logged as transferred"
}
run_parts
