#!/bin/bash
# seconds 60
# Dialogues that a program of the operator's holds.
. "$(dirname "$0")/lib.sh"
. "$HERE/external.inc"
copy_keys

# Two rounds, then by what was answered.
program ask <<P
#!/usr/bin/python3 -I
import json, os, sys, time
out = open("$T/heard/log", "a")
def hear():
    line = sys.stdin.readline()
    out.write(line)
    out.flush()
    return json.loads(line)
def say(**what):
    print(json.dumps(what), flush=True)
def env():
    with open("$T/heard/env", "w") as f:
        for n in ("environ", "cmdline"):
            f.write(open("/proc/self/" + n).read().replace("\0", "\n"))
q = hear()
env()
say(name="Gate", instruction="Two questions", prompts=[
    {"prompt": "PIN: ", "echo": False},
    {"prompt": "Colour: ", "echo": True}])
a = hear()["answers"]
if a[0] == "hang":
    os.system("sleep 1000 & setsid sleep 1000 & sleep 1000")
if a[0] == "garbage":
    print("{]", flush=True)
    sys.exit(0)
if a[0] == "die":
    os.kill(os.getpid(), 9)
if a[0] == "talk":
    print("to the operator \x1b[2J" * 3, file=sys.stderr, flush=True)
if a != ["4711", "blau"]:
    say(result="deny", reason="wrong: %s" % len(a))
    sys.exit(0)
say(prompts=[{"prompt": "Really? ", "echo": True}])
if hear()["answers"] != ["yes"]:
    say(result="deny")
    sys.exit(0)
say(result="allow", policy={"umask": "0077", "start": "/d"})
P
KBD='auth: [keyboard-interactive]'
ASK="ask: [\"$T/ask\", \"one word\"]"
external_user both "$KBD" "$ASK" 'command_timeout: 60s'
external_user other "$KBD" "$ASK"
external_user keyed 'auth: ["publickey+keyboard-interactive"]' "$ASK" \
    "authorized_keys: [\"$(cat "$T/id.pub")\"]"
external_user quick "$KBD" "$ASK" 'command_timeout: 500ms'
# Whatever decoy a name gets, it asks.
USER_YAML="    $ASK
    $WHO_YAML"
TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}"
start_server

t_openssh() {
	echo pwd | ask_sftp both keyboard-interactive 4711 blau yes \
	    >"$T/out"
	has "$T/out" 'working directory: /d$'
	has "$T/asked" '\(both@.*\) PIN: $'
	has "$T/asked" 'Really\? $'
	echo x >"$T/up"
	echo "put $T/up up" | ask_sftp both keyboard-interactive 4711 blau yes
	eq mode "$(stat -c %a "$JAIL/d/up")" 600
	logged 'event=program-answer' 'answer="?allow' 'user="?both'
	logged 'event=login ' 'user="?both' 'method="?keyboard-interactive'
}

t_chain() {
	echo pwd | ask_sftp keyed publickey,keyboard-interactive 4711 blau yes
	ID=$T/keys/stranger refused ask_sftp keyed \
	    publickey,keyboard-interactive 4711 blau yes </dev/null
	echo pwd | refused ask_sftp keyed keyboard-interactive 4711 blau yes
}

t_clients() { # paramiko and asyncssh, titles and echo flags
	py external.py dialogue
}

t_nothing_of_the_peer() {
	local f
	forget_heard
	echo pwd | ask_sftp both keyboard-interactive 4711 blau yes
	cat "$T/heard/env"
	for f in both 127.0.0.1 4711 blau alice SSH_; do
		hasnt "$T/heard/env" "$f"
	done
	eq words "$(grep -c 'one word' "$T/heard/env")" 1
	has "$T/heard/log" '"user":"both","source":"127.0.0.1",'
	has "$T/heard/log" "\"listener\":\"127.0.0.1\",\"listener_port\":$PORT"
}

t_wrong() {
	log_mark
	refused ask_sftp both keyboard-interactive 4711 rot </dev/null
	refused ask_sftp both keyboard-interactive 4711 blau no </dev/null
	refused ask_sftp both keyboard-interactive garbage x </dev/null
	refused ask_sftp both keyboard-interactive die x </dev/null
	refused ask_sftp both keyboard-interactive talk x </dev/null
	logged 'event=login-failed' 'reason="?program denied it'
	logged 'event=program-answer' 'reason="wrong: 2"'
	logged 'event=login-failed' "program's answer is no JSON"
	logged 'event=program-failed' 'signal=9'
	logged 'event=program-stderr' 'to the operator'
	log_new >"$T/new"
	if LC_ALL=C grep -q "$(printf '\033')" "$T/new"; then
		fail "an escape in the log"
	fi
	hasnt "$T/new" '4711|blau'
	eventually nothing_runs
}

t_nobody() { # the same questions, rounds and programs; no way in
	local who
	for who in both nobody-here; do
		forget_heard
		log_mark
		refused ask_sftp $who keyboard-interactive 4711 blau no \
		    </dev/null
		wc -l <"$T/heard/log" >"$T/rounds.$who"
		sed 's/([^)]*)//' "$T/asked" >"$T/asked.$who"
	done
	same "$T/rounds.both" "$T/rounds.nobody-here"
	same "$T/asked.both" "$T/asked.nobody-here"
	refused ask_sftp nobody-here keyboard-interactive 4711 blau yes \
	    </dev/null
	logged 'event=login-failed' 'user="?nobody-here' 'reason="?no such'
	# names that OpenSSH's client would not send
	py external.py names 'no$(body)' -rf no/body
	has "$T/heard/log" '"user":"no\$\(body\)",'
	has "$T/heard/log" '"user":"",'
}

# Where users differ, so do names that nobody has; each stays as it is.
t_decoys() {
	USER_YAML=
	fresh_server
	py external.py kinds 60
	stop_server
}

t_late() {
	refused ask_sftp quick keyboard-interactive hang x </dev/null
	logged 'event=login-failed' 'user="?quick' 'did not answer in time'
	eventually nothing_runs
}

# One that hangs keeps nobody waiting, and goes when its client does.
t_hangs() {
	local pids= i
	for i in 1 2 3; do
		client hang &
		pids="$pids $!"
	done
	eventually runs 9
	sftp_do pwd
	echo pwd | ask_sftp both keyboard-interactive 4711 blau yes
	for i in $pids; do
		kill "$i"
		wait "$i" 2>/dev/null || true
	done
	eventually nothing_runs
}

# The warden kills logins whose client has gone: nothing may be left of what
# they waited for.
t_server_stops() {
	fresh_server
	client hang &
	eventually runs 3
	stop_server
	[ "$STOPPED" -lt 6000 ] || fail "took $STOPPED ms"
	eventually nothing_runs
	wait $! 2>/dev/null || true
}

t_unsafe_program() {
	local conf=$T/unsafe.yaml s=0
	cp "$T/ask" "$T/loose"
	chmod 757 "$T/loose"
	sed "s#$T/ask#$T/loose#" "$CONF" >"$conf"
	"$DAEMON" -f "$conf" -t >"$T/faults" 2>&1 || s=$?
	eq status $s 78
	cat "$T/faults"
	has "$T/faults" "ask\[0\]: .*/loose\" is not safe to run: .*/loose can be written to by everybody; needs chmod go-w"
	# ... and nobody runs what became so later
	chmod 755 "$T/loose"
	sed -i "s#127.0.0.1:$PORT#127.0.0.1:$(free_port)#" "$conf"
	CONF=$conf PORT=$(sed -n 's/^listen:.*:\([0-9]*\)".*/\1/p' "$conf")
	start_server
	echo pwd | ask_sftp both keyboard-interactive 4711 blau yes
	chmod 757 "$T/loose"
	refused ask_sftp both keyboard-interactive 4711 blau yes </dev/null
	logged 'event=login-failed' 'program is not safe to run'
}
run_parts
