#!/bin/bash
# Logging in because a known host says so.
. "$(dirname "$0")/lib.sh"
copy_keys
need_cmd ssh-keygen
"$PY" -c "import cryptography" 2>/dev/null || skip "no python3-cryptography"
KEYSIGN=/usr/lib/openssh/ssh-keysign
mkdir "$T/hostkeys"
for t in ed25519 ecdsa rsa; do
	ssh-keygen -q -t $t -N '' -C host -f "$T/hostkeys/ssh_host_${t}_key"
done
ssh-keygen -q -t ed25519 -N '' -C ca -f "$T/ca"
: >"$T/hosts"
known() { # HOSTS KEY.PUB
	echo "$1 $(cut -d ' ' -f 1,2 "$2")"
}
H=$T/hostkeys/ssh_host
ACCOUNT="account: {uid: $ACCT_UID, gid: $ACCT_GID}"
USERS_YAML="
  bert:
    jail: \"$JAIL\"
    $ACCOUNT
    auth: [hostbased]
    known_hosts:
      - $(known localhost,127.0.0.0/8 ${H}_ed25519_key.pub)
      - $(known localhost ${H}_ecdsa_key.pub)
      - $(known localhost ${H}_rsa_key.pub)
    hostbased_users: [robot, \"$(id -un)@local*\"]
  filed:
    jail: \"$JAIL\"
    $ACCOUNT
    auth: [hostbased]
    known_hosts_files: [\"$T/hosts\"]
    hostbased_users: [\"$(id -un)\"]
  $(id -un):
    jail: \"$JAIL\"
    $ACCOUNT
    auth: [hostbased]
    known_hosts_files: [\"$T/hosts\"]
  both:
    jail: \"$JAIL\"
    $ACCOUNT
    auth: [\"hostbased+publickey\"]
    known_hosts_files: [\"$T/hosts\"]
    hostbased_users: [\"$(id -un)\"]
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
hosts() { # LINE...: what filed, both and our own name know
	printf '%s\n' "$@" >"$T/hosts"
}
start_server

py raw_hostbased.py || bad=1

# login TYPE [OPTION...]: by OpenSSH, whose ssh-keysign has host keys of that
# type in its own /etc/ssh, which nobody else sees.
login() {
	local t=$1
	shift
	need_root
	[ -u $KEYSIGN ] || skip "no setuid ssh-keysign"
	unshare -m true 2>/dev/null || skip "no mount namespace can be made"
	rm -rf "$T/etc"
	mkdir "$T/etc"
	cp -p "$H"_"$t"_key* "$T/etc/"
	echo "EnableSSHKeysign yes" >"$T/etc/ssh_config"
	ssh_opts
	unshare -m sh -c 'mount --bind "$1" /etc/ssh && shift && exec "$@"' \
	    sh "$T/etc" sh -c 'echo pwd | exec "$@"' sh \
	    "${SSHV:+$SSHV/bin/}sftp" ${SSHV:+-S "$SSHV/bin/ssh"} \
	    "${OPTS[@]}" -o HostbasedAuthentication=yes \
	    -o PreferredAuthentications="${PREF:-hostbased}" "$@" \
	    -P "$PORT" -b - "${WHO:-filed}@127.0.0.1"
}

t_openssh_every_type() {
	local t
	for t in ed25519 ecdsa rsa; do WHO=bert login $t || fail "$t"; done
	logged 'event=login ' 'user=bert' 'method=hostbased' 'key=SHA256:'
	logged 'event=hostbased' 'user=bert' 'host=localhost\.' 'client_user='
}

t_own_name() { # without hostbased_users
	hosts "$(known localhost "${H}_ed25519_key.pub")"
	WHO=$(id -un) login ed25519
}

t_unknown_and_revoked() {
	hosts "# nothing"
	refused login ed25519
	hosts "$(known elsewhere "${H}_ed25519_key.pub")"
	refused login ed25519
	hosts "$(known localhost,192.0.2.0/24 "${H}_ed25519_key.pub")"
	refused login ed25519
	logged 'user=filed' 'known for another name or address'
	hosts "$(known localhost "${H}_ed25519_key.pub")" \
	    "@revoked $(known '*' "${H}_ed25519_key.pub")"
	refused login ed25519
	logged 'user=filed' "host's key is revoked"
	hosts "$(known localhost "${H}_ed25519_key.pub")"
	login ed25519
	refused login ecdsa
}

t_hashed() {
	hosts "$(known localhost "${H}_ed25519_key.pub")"
	ssh-keygen -H -f "$T/hosts" >/dev/null 2>&1
	rm -f "$T/hosts.old"
	chmod 644 "$T/hosts"
	has "$T/hosts" '^\|1\|'
	login ed25519
	refused login rsa
}

t_certificate() {
	ssh-keygen -q -s "$T/ca" -I host-id -h -n localhost \
	    "${H}_ed25519_key.pub"
	hosts "@cert-authority $(known 'local*' "$T/ca.pub")"
	login ed25519
	logged 'event=hostbased' 'user=filed' 'id=host-id'
	hosts "@cert-authority $(known 'other*' "$T/ca.pub")"
	refused login ed25519
	hosts "@cert-authority $(known '*' "$T/ca.pub")"
	ssh-keygen -q -s "$T/ca" -I host-id -h -n elsewhere \
	    "${H}_ed25519_key.pub"
	refused login ed25519
	logged 'user=filed' "host's certificate does not name it"
	rm "${H}_ed25519_key-cert.pub"
}

t_chain() {
	hosts "$(known localhost "${H}_ed25519_key.pub")"
	WHO=both PREF=hostbased,publickey login ed25519
	WHO=both PREF=hostbased refused login ed25519
	WHO=both PREF=publickey refused login ed25519
	WHO=both PREF=hostbased,publickey refused login rsa
}

t_asyncssh() {
	"$PY" -c "import asyncssh, paramiko" 2>/dev/null ||
	    skip "no python3-asyncssh or python3-paramiko"
	py secrets.py hostbased bert hostkeys/ssh_host_ed25519_key \
	    localhost. robot
	py secrets.py hostbased bert hostkeys/ssh_host_rsa_key localhost robot
	refused py secrets.py hostbased bert hostkeys/ssh_host_rsa_key \
	    elsewhere. robot 2>/dev/null
	refused py secrets.py hostbased bert keys/stranger localhost. robot \
	    2>/dev/null
}

t_openssh_10() {
	[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10"
	SSHV=$O10 WHO=bert login ed25519
}

run_parts || bad=1
[ -z "${bad:-}" ]
