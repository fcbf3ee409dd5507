#!/bin/bash
# Logging in with certificates and security tokens; lists of revoked keys.
. "$(dirname "$0")/lib.sh"
copy_keys
TYPES="ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072"
need_cmd ssh-keygen
for n in ca ca_ecdsa ca_rsa ca_own; do
	case $n in *ecdsa) t=ecdsa ;; *rsa) t=rsa ;; *) t=ed25519 ;; esac
	ssh-keygen -q -t $t -N '' -C $n -f "$T/$n"
done
cat "$T/ca.pub" "$T/ca_ecdsa.pub" "$T/ca_rsa.pub" >"$T/authorities"
chmod 644 "$T/authorities"
: >"$T/revoked"
make_jail "$T/j2"
"$PY" -c "import cryptography" 2>/dev/null || skip "no python3-cryptography"
mkdir "$T/token"
"$PY" "$HERE/token_agent.py" "$T/agent" "$T/token" >"$T/agent.out" 2>&1 &
echo $! >>"$T/pids"
eventually grep -q ready "$T/agent.out"
ACCOUNT="account: {uid: $ACCT_UID, gid: $ACCT_GID}"
USERS_YAML="
  carl:
    jail: \"$T/j2\"
    $ACCOUNT
    trusted_ca_keys: [\"$T/authorities\"]
    revoked_keys: [\"$T/revoked\"]
  role:
    jail: \"$T/j2\"
    $ACCOUNT
    trusted_ca_keys: [\"$T/authorities\"]
    principals: [\"%u@corp\", ops]
    key_bits: {rsa: 3072}
  own:
    jail: \"$T/j2\"
    $ACCOUNT
    authorized_keys:
      - 'cert-authority,principals=\"web,edi\" $(cat "$T/ca_own.pub")'
  soon:
    jail: \"$T/j2\"
    $ACCOUNT
    authorized_keys:
      - 'expiry-time=\"$(date -u -d '+5 days' +%Y%m%d%H%MZ)\" $(
	cat "$T/keys/user_ecdsa384.pub")'
  toky:
    jail: \"$T/j2\"
    $ACCOUNT
    authorized_keys:
      - '$(cat "$T/token/sk_ed25519.pub")'
      - 'verify-required $(cat "$T/token/sk_ecdsa.pub")'
"
start_server

# cert KEY OPTION...: certifies $T/keys/user_KEY by $CA.
cert() {
	local k=$T/keys/user_$1
	shift
	rm -f "$k-cert.pub"
	ssh-keygen -q -s "$T/${CA:-ca}" -I "id of ${k##*_}" "$@" "$k.pub"
}
login() { # KEY
	WHO=${WHO:-carl} ID=$T/keys/user_$1 sftp_do pwd
}

t_every_type_by_every_authority() {
	local t a
	for a in ca ca_ecdsa ca_rsa; do
		for t in $TYPES; do
			CA=$a cert "$t" -n carl
			login "$t"
		done
	done
	logged 'event=certificate ' 'id="?id of rsa3072' 'serial=0 '
	logged 'event=login ' 'user="?carl'
}

t_rsa_signatures() {
	cert rsa3072 -n carl
	local a
	for a in rsa-sha2-256 rsa-sha2-512; do
		echo pwd | WHO=carl ID=$T/keys/user_rsa3072 SFTP \
		    -o PubkeyAcceptedAlgorithms=$a-cert-v01@openssh.com
	done
}

t_openssh_10() {
	[ -x "$O10/bin/ssh" ] || skip "no OpenSSH 10"
	cert ed25519 -n carl
	SSHV=$O10 login ed25519
}

t_refusals() {
	local k=ed25519
	login_refused() { # REASON OPTION...
		local why=$1
		shift
		cert $k "$@"
		log_mark
		refused login $k
		eventually said "$why"
	}
	said() { log_new | grep -Eaq "$1"; }
	login_refused 'names no principal' -n alice,carlo
	login_refused 'names no principal'
	login_refused 'has expired' -n carl -V 20200101:20210101
	login_refused 'not yet valid' -n carl -V 20400101:20500101
	cert $k -h -n carl
	refused login $k # the client may not even offer it
	login_refused 'source-address does not match' -n carl \
	    -O source-address=192.0.2.0/24
	login_refused 'force-command is a program' -n carl -O force-command=/bin/sh
	login_refused 'unknown critical option' -n carl \
	    -O critical:new@example.org=1
	login_refused 'demands a security token' -n carl -O verify-required
	CA=ca_own login_refused 'authority is not listed' -n carl
	cert $k -n carl -O source-address=127.0.0.1/32 \
	    -O force-command=internal-sftp
	login $k
}

t_principals_of_the_policy() {
	cert ed25519 -n role
	WHO=role refused login ed25519
	cert ed25519 -n role@corp
	WHO=role login ed25519
	cert ed25519 -n x,ops
	WHO=role login ed25519
	cert rsa3072 -n ops
	WHO=role login rsa3072
	cert rsa2048 -n ops
	WHO=role refused login rsa2048
}

t_authority_among_ones_keys() {
	CA=ca_own cert ed25519 -n edi
	WHO=own login ed25519
	CA=ca_own cert ed25519 -n own
	WHO=own refused login ed25519
	CA=ca cert ed25519 -n edi
	WHO=own refused login ed25519
	# the authority itself is no key
	cp "$T/ca_own" "$T/keys/user_ca"
	cp "$T/ca_own.pub" "$T/keys/user_ca.pub"
	WHO=own refused login ca
}

t_revoked() { # seen at the next login, without a reload
	cert ed25519 -n carl -z 5
	cert ecdsa256 -n carl -z 6
	cert rsa3072 -n carl -z 7
	printf 'serial: 5\nid: id of ecdsa256\n' >"$T/spec"
	ssh-keygen -q -k -f "$T/krl" -s "$T/ca.pub" "$T/spec"
	cp "$T/krl" "$T/revoked"
	refused login ed25519
	refused login ecdsa256
	login rsa3072
	logged 'key is revoked'
	ssh-keygen -q -k -u -f "$T/krl" "$T/keys/user_rsa3072.pub"
	cp "$T/krl" "$T/revoked"
	refused login rsa3072
	cp "$T/ca.pub" "$T/revoked"
	cert ecdsa384 -n carl
	refused login ecdsa384
	CA=ca_rsa cert ecdsa384 -n carl
	login ecdsa384
}

t_broken_list_lets_nobody_in() {
	CA=ca_rsa cert ecdsa384 -n carl
	head -c 60 "$T/krl" >"$T/revoked"
	refused login ecdsa384
	mv "$T/revoked" "$T/gone"
	refused login ecdsa384
	logged 'list of revoked keys cannot be read'
	: >"$T/revoked"
	login ecdsa384
	# who has no such list is not concerned
	cp "$T/spec" "$T/revoked"
	WHO=alice sftp_do pwd
	: >"$T/revoked"
}

token() { # KEY FLAGS OPTION...
	local k=$T/token/$1.pub
	echo "$2" >"$T/token/flags"
	shift 2
	echo pwd | WHO=${WHO:-toky} ID=$k SSH_AUTH_SOCK=$T/agent \
	    SFTP -o "IdentityAgent=$T/agent" "$@"
}

t_warnings() { # told before the login, to whoever has proved it
	cert ed25519 -n carl -V -30d:+5d
	LEVEL=INFO login ed25519 2>"$T/err"
	has "$T/err" 'Your certificate expires in [45] days'
	LEVEL=INFO WHO=soon login ecdsa384 2>"$T/err"
	has "$T/err" 'Your key expires in [45] days'
	cert ed25519 -n carl -V -1h:+1d
	LEVEL=INFO login ed25519 2>"$T/err"
	hasnt "$T/err" 'expires'
	LEVEL=INFO WHO=soon refused login ed25519 2>"$T/err"
	hasnt "$T/err" 'expires'
}

t_tokens() {
	token sk_ed25519 1
	token sk_ed25519 5
	refused token sk_ed25519 0
	logged 'security token was not touched'
	token sk_ecdsa 5
	refused token sk_ecdsa 1
	logged 'security token did not verify its user'
}

t_token_certificates() { # of carl, who has no key listed
	local k
	for k in sk_ed25519 sk_ecdsa; do
		rm -f "$T/token/$k-cert.pub"
		ssh-keygen -q -s "$T/ca" -I token -n carl "$T/token/$k.pub"
		local o="CertificateFile=$T/token/$k-cert.pub"
		WHO=carl token $k 1 -o "$o"
		WHO=carl refused token $k 0 -o "$o"
		rm "$T/token/$k-cert.pub"
		ssh-keygen -q -s "$T/ca" -I token -n carl \
		    -O no-touch-required "$T/token/$k.pub"
		WHO=carl token $k 0 -o "$o"
	done
}

run_parts
