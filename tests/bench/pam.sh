#!/bin/bash
# bench/pam.sh [LOGINS]: what a login through PAM costs above one without.
#
# CPU milliseconds of the whole server for one login by key and one request,
# the median of three times each, in turn: without PAM, with a service of
# pam_permit alone, the same for an account of the host, and Debian's stack for
# one.  What libpam and the modules take for the same phases (pamref.c, less
# the process that it is) is told apart: libpam also loads all modules of the
# service "other".  Root only.
set -eu
cd "$(dirname "$0")/../.."
TOP=$PWD B=$PWD/build/bench
logins=${1:-300}
[ "$(id -u)" = 0 ] || { echo "bench: needs root" >&2; exit 1; }
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s -j2
make -s -f tests/bench/Makefile B="$B" all "$B/pamref"
T=$(mktemp -d /tmp/sallyport-bench.XXXXXX) server=
# What is made on the host, and taken away by these very names.
own=sb$$x
permit=/etc/pam.d/${own}p debian=/etc/pam.d/${own}d
readonly T own permit debian
for f in "$permit" "$debian"; do
	[ ! -e "$f" ] || { echo "bench: $f is there already" >&2; exit 1; }
done
tidy() {
	trap - EXIT
	set +e
	[ -z "$server" ] || kill "$server"
	wait
	rm -f -- "$permit" "$debian"
	userdel -f "$own"
	rm -rf -- "$T"
}
trap tidy EXIT
trap 'exit 1' INT TERM
chmod 755 "$T"
useradd -d "$T/home" -m -s /bin/sh -K UMASK=077 $own
mkdir -p "$T/root/data"
chown $own "$T/root/data"
for k in host key; do ssh-keygen -q -t ed25519 -N '' -f "$T/$k"; done
install -d -o $own -m 700 "$T/home/.ssh"
install -o $own -m 600 "$T/key.pub" "$T/home/.ssh/authorized_keys"
for t in auth account session password; do
	echo "$t required pam_permit.so"
done >"$permit"
cp etc/pam.d/sallyport "$debian"
port=$((20000 + $$ % 10000))
serve() { # LINES: of the user, or top-level ones
	cat >"$T/conf" <<-C
	listen: ["127.0.0.1:$port"]
	host_keys: ["$T/host"]
	log: {to: "file:$T/log", level: error}
	state_dir: "$T/state"
	control: none
	$2
	users:
	  ${own}u:
	    jail: "$T/root"
	    account: $own
	    authorized_keys: ["$(cat "$T/key.pub")"]
	    allow: [sftp]
	    $1
	C
	chmod 600 "$T/conf"
	[ -z "$server" ] || { kill "$server"; wait "$server" || true; }
	build/sallyportd -f "$T/conf" </dev/null >"$T/err" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		[ -z "$(ss -ltnH "sport = :$port")" ] || return 0
		sleep 0.1
	done
	cat "$T/err"
	exit 1
}
cost() { # USER: milliseconds for each login
	"$B/loadgen" -p $port -u "$1" -i "$T/key" -T "$server" -c 1 -d "$2" \
	    login "$logins" >"$T/out" || { cat "$T/out" "$T/log" >&2; exit 1; }
	sed -n 's/.*srv_cpu=\([0-9.]*\).*/\1/p' "$T/out" |
	    awk -v n="$logins" '{ printf "%.2f\n", $1 * 1000 / n }'
}
what() { # NAME
	case $1 in
	none) serve "" "" && cost ${own}u /data ;;
	permit) serve "pam: ${own}p" "" && cost $own"u" /data ;;
	host) serve "" "groups: {h: {jail: \"$T/root\"}}
host_accounts: {allow: [$own], policy: h, pam: ${own}p}" &&
		cost $own /data ;;
	debian) serve "" "groups: {h: {jail: \"$T/root\"}}
host_accounts: {allow: [$own], policy: h, pam: ${own}d}" &&
		cost $own /data ;;
	esac >>"$T/r.$1"
}
for _ in 1 2 3; do
	for n in none permit host debian; do what $n; done
	"$B/pamref" ${own}p $own "$logins" N >>"$T/r.process"
	"$B/pamref" ${own}p $own "$logins" >>"$T/r.permitown"
	"$B/pamref" ${own}d $own "$logins" >>"$T/r.debianown"
done
median() { sort -n "$T/r.$1" | sed -n 2p; }
printf '%-36s %6s %6s %8s %9s\n' "login by key, CPU ms" each above modules "is ours"
while read -r n ref text; do
	awk -v m="$(median "$n")" -v b="$(median none)" -v t="$text" \
	    -v p="$(median process)" -v o="$(median "$ref")" 'BEGIN {
		printf "%-36s %6.2f %6.2f %8.2f %9.2f\n", t, m, m - b, o - p,
		    m - b - (o - p)
	    }'
done <<-TABLE
none process without PAM
permit permitown with PAM (pam_permit)
host permitown an account of the host (pam_permit)
debian debianown an account of the host (Debian's)
TABLE
