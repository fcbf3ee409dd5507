#!/bin/bash
# bench/run.sh [-r REPEATS] [-t "TEST..."] [-n]: this server beside OpenSSH.
#
# One table of medians and ratios, printed and written to RESULTS.md here
# (-n: printed only).  Every test is done on each server in turn before the
# next begins, all files lie in a tmpfs, all traffic is on 127.0.0.1.  Root
# only: OpenSSH needs it for its chroot.  Environment: MIB, the size of a bulk
# transfer (512), IDLE, how many idle sessions (500), SALLYPORTD.
set -u
cd "$(dirname "$0")/../.." || exit 1
TOP=$PWD BENCH=$TOP/tests/bench B=$TOP/build/bench
repeats=3 tests="bulk forward login small idle" write=yes
while getopts r:t:n o; do
	case $o in
	r) repeats=$OPTARG ;;
	t) tests=$OPTARG ;;
	n) write= ;;
	*) exit 2 ;;
	esac
done
mib=${MIB:-512} idle=${IDLE:-500}
[ "$(id -u)" = 0 ] || {
	echo "bench: needs root (OpenSSH's chroot does)" >&2
	exit 1
}
unset MAKEFLAGS MFLAGS MAKELEVEL
[ -n "${SALLYPORTD:-}" ] || make -s -j2 || exit 1
DAEMON=${SALLYPORTD:-$TOP/build/sallyportd}
make -s -f "$BENCH/Makefile" B="$B" || exit 1

run=/run/sallyport-bench.$$
user=sallybench
raw=$run/raw
pids=
made_user=

tidy() {
	trap '' INT TERM
	trap - EXIT
	local n
	cd /
	for n in $servers; do halt "$n"; done
	umount -l $run 2>/dev/null
	rmdir $run 2>/dev/null
	for n in $servers; do
		for d in $cgroups; do rmdir "$d/sallyport-bench-$n" 2>/dev/null; done
	done
	[ -z "$made_user" ] || userdel $user
}
servers= cgroups=
trap tidy EXIT
trap 'exit 1' INT TERM

# ---- where the processes of a server are counted ----
# cgroup v1 has a folder for each controller, v2 one for all; where neither
# can be written, the tree of processes is summed.
if mkdir -p /sys/fs/cgroup/cpuacct/sallyport-bench 2>/dev/null; then
	rmdir /sys/fs/cgroup/cpuacct/sallyport-bench
	cgroups="/sys/fs/cgroup/cpuacct /sys/fs/cgroup/memory"
elif [ -e /sys/fs/cgroup/cgroup.controllers ] &&
    mkdir /sys/fs/cgroup/sallyport-bench 2>/dev/null; then
	rmdir /sys/fs/cgroup/sallyport-bench
	cgroups=/sys/fs/cgroup
fi
enter() { # NAME: this very shell, before it becomes the server
	local d
	for d in $cgroups; do
		mkdir -p "$d/sallyport-bench-$1"
		echo $BASHPID >"$d/sallyport-bench-$1/cgroup.procs" || exit 1
	done
}
counter() { # NAME: loadgen's option
	if [ -n "$cgroups" ]; then
		echo "-g ${cgroups%% *}/sallyport-bench-$1"
	else
		echo "-T $(cat $run/$1.pid)"
	fi
}

# ---- the tree to serve, keys, the user ----
mkdir -p $run || exit 1
mount -t tmpfs -o mode=755 tmpfs $run || exit 1
id $user >/dev/null 2>&1 || {
	useradd --system --no-create-home -d /data -s /usr/sbin/nologin \
	    -p '*' $user || exit 1
	made_user=yes
}
uid=$(id -u $user) gid=$(id -g $user)
mkdir -p $run/root/data/up $run/root/data/small /run/sshd
head -c $((mib << 20)) /dev/urandom >$run/root/data/big
kib=$(printf '%01024d' 0)
for i in $(seq -f '%06.0f' 0 9999); do
	printf %s "$kib" >"$run/root/data/small/f$i"
done
chown -R $user: $run/root/data
ssh-keygen -q -t ed25519 -N '' -f $run/host
ssh-keygen -q -t ed25519 -N '' -f $run/key
cp $run/key.pub $run/authorized_keys
chmod 644 $run/authorized_keys

# ---- servers ----
port_of() { cat "$run/$1.port"; }
next=22090 # below the ports that clients are given
binary() {
	case $1 in
	sallyport) echo "$DAEMON" ;;
	openssh) echo /usr/sbin/sshd ;;
	openssh10) echo "$TOP/build/openssh10/usr/sbin/sshd" ;;
	esac
}
version() {
	case $1 in
	sallyport) echo Sallyport ;;
	*) "$(binary "$1")" -V 2>&1 | head -n 1 | sed 's/[ ,].*//; s/_/ /' ;;
	esac
}
config() {
	local o=$TOP/build/openssh10/usr
	if [ "$1" = sallyport ]; then
		cat <<-C
		listen: ["127.0.0.1:$(port_of "$1")"]
		host_keys: ["$run/host"]
		log: {to: "file:$run/$1.log", level: error}
		state_dir: "$run/$1.state"
		control: none
		limits: {connections: 5000, unauthenticated: 2000,
		  unauthenticated_per_source: 2000}
		users:
		  $user:
		    jail: "$run/root"
		    account: {uid: $uid, gid: $gid}
		    authorized_keys: ["$(cat $run/key.pub)"]
		    allow: [sftp]
		  forwards:
		    jail: "$run/root"
		    account: {uid: $uid, gid: $gid}
		    authorized_keys: ["$(cat $run/key.pub)"]
		    allow: [local-forward]
		C
		return
	fi
	cat <<-C
	Port $(port_of "$1")
	ListenAddress 127.0.0.1
	HostKey $run/host
	PidFile none
	AuthorizedKeysFile $run/authorized_keys
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	UsePAM no
	LogLevel ERROR
	MaxStartups 2000
	MaxSessions 2000
	ChrootDirectory $run/root
	Subsystem sftp internal-sftp
	C
	[ "$1" != openssh10 ] || cat <<-C
	SshdSessionPath $o/lib/openssh/sshd-session
	SshdAuthPath $o/lib/openssh/sshd-auth
	PerSourcePenalties no
	C
}
listening() { [ -n "$(ss -ltnH "sport = :$1")" ]; }
launch() { # NAME
	local words
	while listening $next; do next=$((next + 1)); done
	echo $next >"$run/$1.port"
	next=$((next + 1))
	config "$1" >"$run/$1.conf"
	chmod 600 "$run/$1.conf"
	words="-D -e -f"
	[ "$1" != sallyport ] || words=-f
	(
		ulimit -n "$(ulimit -Hn)"
		enter "$1"
		# shellcheck disable=SC2086
		exec setsid "$(binary "$1")" $words "$run/$1.conf" \
		    </dev/null >"$run/$1.err" 2>&1
	) &
	echo $! >"$run/$1.pid"
	for _ in $(seq 100); do
		kill -0 "$(cat "$run/$1.pid")" 2>/dev/null || break
		listening "$(port_of "$1")" && return 0
		sleep 0.1
	done
	echo "bench: $1 does not start:" >&2
	cat "$run/$1.err" >&2
	return 1
}
tree() {
	local c
	echo "$1"
	for c in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		tree "$c"
	done
}
halt() {
	local p all
	p=$(cat "$run/$1.pid" 2>/dev/null) || return 0
	rm -f "$run/$1.pid"
	all=$(tree "$p")
	kill -TERM "$p" 2>/dev/null
	for _ in $(seq 100); do
		kill -0 "$p" 2>/dev/null || break
		sleep 0.1
	done
	# sshd leaves its sessions to themselves
	# shellcheck disable=SC2086
	kill -KILL $all 2>/dev/null
	wait "$p" 2>/dev/null
}

# ---- measuring ----
note() { printf '%s\t%s\t%s\n' "$@" | tee -a $raw >&2; } # SERVER TEST VALUE
field() { sed -n "s/.*[ ]$1=\([^ ]*\).*/\1/p" <<<"$2"; }
load() { # NAME ARGUMENT...
	local n=$1
	shift
	# shellcheck disable=SC2046
	timeout 300 "$B/loadgen" -u $user -i $run/key -p "$(port_of "$n")" \
	    $(counter "$n") "$@" 2>&1
}
clean() {
	rm -rf $run/root/data/up
	install -d -o $user -g $user $run/root/data/up
}
bulk() {
	local c m r
	for c in aes128-gcm chacha20-poly1305; do
		for m in get put; do
			clean
			r=$(load "$1" -C $c@openssh.com -W "$mib" $m "$mib") || {
				echo "bench: $1 $m: $r" >&2
				continue
			}
			note "$1" "$m-$c" "$(field cpu_s_gib "$r")"
			note "$1" "rate-$m-$c" "$(field mib_s "$r")"
		done
	done
}
# OpenSSH's client on this side of each server.
forward() {
	local w r who=$user
	[ "$1" != sallyport ] || who=forwards
	for w in down up; do
		r=$(PORT=$(port_of "$1") WHO=$who KEY=$run/key \
		    GROUP=${cgroups:+${cgroups%% *}/sallyport-bench-$1} \
		    TREE=$(cat "$run/$1.pid") timeout 300 /usr/bin/python3 \
		    "$BENCH/forward.py" $w "$mib" 2>&1) || {
			echo "bench: $1 forward $w: $r" >&2
			continue
		}
		note "$1" "forward-$w" "$(field cpu_s_gib "$r")"
		note "$1" "rate-forward-$w" "$(field mib_s "$r")"
	done
}
login() {
	local r
	r=$(load "$1" -c 4 login 200) || {
		echo "bench: $1 login: $r" >&2
		return
	}
	note "$1" login "$(awk "BEGIN { print $(field cpu_us_op "$r") / 1000 }")"
	note "$1" login-p50 "$(field p50_ms "$r")"
}
small() {
	local m r
	clean
	for m in "smallput 2000" "smallget 2000" "stat 8000"; do
		# shellcheck disable=SC2086
		r=$(load "$1" -c 4 $m) || {
			echo "bench: $1 $m: $r" >&2
			continue
		}
		note "$1" "${m% *}" "$(field cpu_us_op "$r")"
	done
}
pss() { # of a server's processes, in kB
	local p
	for p in $(tree "$(cat "$run/$1.pid")"); do
		cat "/proc/$p/smaps_rollup" 2>/dev/null
	done | awk '/^Pss:/ { s += $2 } END { print s + 0 }'
}
held() { # by the kernel for them as well, in kB; nothing without a cgroup
	local d f
	for d in $cgroups; do
		for f in memory.usage_in_bytes memory.current; do
			f=$d/sallyport-bench-$1/$f
			[ ! -e "$f" ] || echo $(($(cat "$f") / 1024))
		done
	done
}
sessions() {
	local a b c d p n out=$run/idle.out
	halt "$1" # a heap that earlier tests have grown would hide some
	launch "$1" || return
	a=$(pss "$1") c=$(held "$1")
	"$B/loadgen" -u $user -i $run/key -p "$(port_of "$1")" -c 8 -t 600 \
	    idle "$idle" >$out 2>&1 &
	p=$!
	for _ in $(seq 1200); do
		grep -q held= $out && break
		sleep 0.1
	done
	sleep 1
	n=$(field held "$(cat $out)")
	b=$(pss "$1") d=$(held "$1")
	kill -TERM $p
	wait $p
	[ "$(field alive "$(tail -n 1 $out)")" = "$idle" ] || {
		echo "bench: $1: $(cat $out)" >&2
		return
	}
	note "$1" idle-pss "$(awk "BEGIN { print ($b - $a) / $n }")"
	[ -z "$c" ] ||
	    note "$1" idle-all "$(awk "BEGIN { print ($d - $c) / $n }")"
}

for n in sallyport openssh openssh10; do
	[ -x "$(binary $n)" ] || {
		echo "bench: no $(binary $n); left out" >&2
		continue
	}
	launch $n || {
		halt $n
		continue
	}
	servers="$servers $n"
done
for _ in $(seq "$repeats"); do
	for t in $tests; do
		for n in $servers; do
			case $t in
			bulk) bulk "$n" ;;
			forward) forward "$n" ;;
			login) login "$n" ;;
			small) small "$n" ;;
			idle) sessions "$n" ;;
			esac
		done
	done
done

{
	echo "# Server CPU and memory beside OpenSSH"
	echo
	echo "\`make bench\`, medians of $repeats; bulk of $mib MiB, $idle idle"
	echo "sessions; $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo |
	    head -n 1), Linux $(uname -r | cut -d - -f 1); CPU by $(
	    [ -n "$cgroups" ] && echo cgroup || echo /proc)."
	echo "A ratio below 1 is in our favour (rates: above 1)."
	echo
	args=
	for n in $servers; do args="$args $n=$(version "$n" | tr ' ' '_')"; done
	# shellcheck disable=SC2086
	/usr/bin/python3 "$BENCH/table.py" $raw $args
} >$run/table
if [ -n "$write" ]; then
	cp $run/table "$BENCH/RESULTS.md"
fi
cat $run/table
