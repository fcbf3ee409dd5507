#!/bin/bash
# seconds 60
# A program of the operator's decides about passwords and keys.
. "$(dirname "$0")/lib.sh"
. "$HERE/external.inc"
copy_keys
program decide <<P
#!/usr/bin/python3 -I
import json, os, sys
text = sys.stdin.read()
q = json.loads(text)
with open("$T/heard/log", "a") as f:
    f.write(text)
with open("$T/heard/env", "w") as f:
    for n in ("environ", "cmdline"):
        f.write(open("/proc/self/" + n).read().replace("\0", "\n"))
word = q.get("password", "")
key = q.get("key", {}).get("base64")
if word == "hang":
    os.system("sleep 1000 & sleep 1000")
if word == "crash":
    print(json.dumps({"allow": True}), flush=True)
    os.abort()
if word == "garbage":
    print('{"allow":true,"policy":{"jail":"/"}}')
    sys.exit(0)
if word == "open sesame" or key == "$(cut -d ' ' -f 2 "$T/id.pub")":
    policy = {"allow": ["sftp", "exec"], "start": "/d", "umask": "0027"}
    if q["user"] == "nothing":
        policy["allow"] = ["scp"]
    print(json.dumps({"allow": True, "reason": "fine", "policy": policy}))
else:
    print(json.dumps({"allow": False, "reason": "unknown \u001b[2J"[:8]}))
P
DECIDE="auth_command: [\"$T/decide\"]"
EVERY='auth: [password, publickey, keyboard-interactive]'
external_user both "$DECIDE" "$EVERY" 'command_timeout: 60s'
external_user quick "$DECIDE" "$EVERY" 'command_timeout: 1s'
external_user nothing "$DECIDE" "$EVERY"
external_user chain "$DECIDE" 'auth: ["publickey+password"]'
external_user words "$DECIDE" 'auth: [password, publickey]' \
    'auth_external: [password]' \
    "authorized_keys: [\"$(cat "$T/keys/stranger.pub")\"]"
# Whatever decoy a name gets, it is asked about.
USER_YAML="    $DECIDE
    $WHO_YAML
    auth_external: [password]"
TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}"
PW='open sesame'
start_server

t_password() {
	forget_heard
	echo pwd | ask_sftp both password "$PW" >"$T/out"
	has "$T/out" 'working directory: /d$'
	has "$T/heard/log" '"user":"both","source":"127.0.0.1",'
	has "$T/heard/log" '"method":"password","password":"open sesame"'
	echo x >"$T/up"
	echo "put $T/up up" | ask_sftp both password "$PW"
	eq mode "$(stat -c %a "$JAIL/d/up")" 640
	refused ask_sftp both password "shut" </dev/null
	logged 'event=login-failed' 'user="?both' 'program denied it'
	logged 'event=program-answer' 'answer="?deny' 'reason="?unknown'
	logged 'event=program-answer' 'answer="?allow' 'reason="?fine'
	hasnt "$LOG" 'sesame'
}

t_dialogue() {
	echo pwd | ask_sftp both keyboard-interactive "$PW"
	refused ask_sftp both keyboard-interactive no </dev/null
	has "$T/asked" 'Password: $'
}

t_key() {
	forget_heard
	WHO=both sftp_do pwd >"$T/out"
	has "$T/out" 'working directory: /d$'
	has "$T/heard/log" '"method":"publickey","signed":false,'
	has "$T/heard/log" '"method":"publickey","signed":true,'
	ID=$T/keys/stranger WHO=both refused sftp_do pwd
}

t_where_it_has_no_say() {
	ID=$T/keys/stranger WHO=words sftp_do pwd
	WHO=words refused sftp_do pwd
	echo pwd | ask_sftp words password "$PW"
}

t_chain() {
	echo pwd | ask_sftp chain publickey,password "$PW"
	refused ask_sftp chain password "$PW" </dev/null
	refused ask_sftp chain publickey,password no </dev/null
}

t_only_less() { # exec is not the user's; sftp is taken away from `nothing`
	refused ask_sftp nothing password "$PW" </dev/null
	logged 'event=login ' 'user="?nothing'
	WHO=both refused SSH -- id
}

t_nothing_of_the_peer() {
	local f
	echo pwd | ask_sftp both password "$PW"
	for f in both 127.0.0.1 sesame SSH; do hasnt "$T/heard/env" "$f"; done
}

t_putty() {
	need_cmd psftp
	local fp
	fp=$(ssh-keygen -lf "$T/keys/host_ed25519.pub" | cut -d ' ' -f 2)
	echo pwd >"$T/batch"
	printf '%s\n' "$PW" >"$T/pw"
	psftp -batch -hostkey "$fp" -pwfile "$T/pw" -P "$PORT" -b "$T/batch" \
	    both@127.0.0.1 >"$T/out"
	has "$T/out" 'Remote directory is /d'
	echo no >"$T/pw"
	refused psftp -batch -hostkey "$fp" -pwfile "$T/pw" -P "$PORT" \
	    -b "$T/batch" both@127.0.0.1
}

t_failures() {
	refused ask_sftp both password crash </dev/null
	refused ask_sftp both password garbage </dev/null
	logged 'event=login-failed' 'reason="?program failed'
	logged 'event=program-failed' 'signal=6'
	logged 'event=login-failed' "program's answer is malformed"
	refused ask_sftp quick password hang </dev/null
	logged 'event=login-failed' 'user="?quick' 'did not answer in time'
	eventually nothing_runs
}

t_nobody() {
	forget_heard
	refused ask_sftp nobody-here password "$PW" </dev/null
	has "$T/heard/log" '"user":"nobody-here".*"password":"open sesame"'
	logged 'event=login-failed' 'user="?nobody-here' 'no such user'
}

t_hangs() { # and keeps nobody waiting
	client password both hang &
	eventually runs 2
	WHO=both sftp_do pwd
	echo pwd | ask_sftp words password "$PW"
	kill $!
	wait $! 2>/dev/null || true
	eventually nothing_runs
}
run_parts
