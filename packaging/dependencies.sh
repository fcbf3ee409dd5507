#!/bin/bash
# dependencies.sh [build|demo|test|bench]: what this machine lacks, installed.
#
# As root on Debian 12 or 13: installs the packages that are missing, makes
# the user _sallyport, and for `test` and `bench` unpacks a newer OpenSSH
# beside the system's own.  Says nothing when nothing is missing.  As another
# user: changes nothing, says what is missing and what root should run; fails
# only if the daemon could not be built.
set -u
cd "$(dirname "$0")/.." || exit 1
set=${1:-build}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

build="gcc libc6-dev make pkg-config android-libboringssl-dev libyaml-dev
	libseccomp-dev libcrypt-dev libpam0g-dev libjansson-dev
	libcurl4-openssl-dev tzdata"
demo="$build openssh-client passwd"
tests="$demo libcmocka-dev clang openssh-server sshfs fuse3 putty-tools lftp
	curl rclone dropbear-bin python3 python3-paramiko python3-asyncssh
	python3-scp perl-base mandoc iproute2 openssl procps util-linux
	passwd libpam-oath oathtool libpam-google-authenticator libssl-dev
	expect tmux git rsync xvfb xauth x11-utils iperf3"
case $set in
build) want=$build ;;
demo) want=$demo ;;
test) want=$tests ;;
bench) want="$demo openssh-server python3 procps util-linux clang" ;;
*)
	echo "usage: dependencies.sh [build|demo|test|bench]" >&2
	exit 2
	;;
esac

say() { echo "dependencies: $*" >&2; }

# missing PACKAGE...: those that are not installed.
missing() {
	local p
	for p; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
		    grep -qx installed || echo "$p"
	done
}

# The compiler's run-time for sanitizers and libFuzzer is only a
# recommendation of clang, and carries its version in the name.
clang_rt() {
	local v
	v=$(dpkg-query -W -f '${Depends}' clang 2>/dev/null |
	    sed -n 's/.*clang-\([0-9][0-9]*\).*/\1/p')
	[ -z "$v" ] || missing "libclang-rt-$v-dev"
}

updated=
install() {
	[ $# -gt 0 ] || return 0
	say "installing $*"
	if [ -z "$updated" ]; then
		apt-get -q -o DPkg::Lock::Timeout=600 update >/dev/null ||
		    say "apt-get update failed; trying with the lists at hand"
		updated=yes
	fi
	apt-get -qq -o DPkg::Lock::Timeout=600 install -y \
	    --no-install-recommends "$@" >/dev/null </dev/null
}

# The first address of the machine's own Debian mirror (not security or
# updates), with its key: "URI[ KEY]".
mirror() {
	local f
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] || continue
		awk -v RS= -v code="$1" '
		{
			uri = key = suites = types = enabled = ""
			n = split($0, line, "\n")
			for (i = 1; i <= n; i++) {
				v = line[i]
				if (v !~ /^[A-Za-z-]+:/) continue
				k = tolower(substr(v, 1, index(v, ":") - 1))
				v = substr(v, index(v, ":") + 1)
				if (k == "uris") { split(v, u, " "); uri = u[1] }
				if (k == "signed-by") { split(v, u, " "); key = u[1] }
				if (k == "suites") suites = " " v " "
				if (k == "types") types = v
				if (k == "enabled") enabled = tolower(v)
			}
			if (types ~ /deb/ && enabled !~ /no/ &&
			    suites ~ " (" code "|stable) ") {
				print uri, key
				exit
			}
		}' "$f"
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$f" ] || continue
		awk -v code="$1" '$1 == "deb" {
			key = ""
			i = 2
			if ($i ~ /^\[/) {
				for (; i <= NF; i++) {
					v = $i
					gsub(/[][]/, "", v)
					if (v ~ /^signed-by=/) key = substr(v, 11)
					if ($i ~ /\]$/) { i++; break }
				}
			}
			if ($(i + 1) == code || $(i + 1) == "stable") {
				print $i, key
				exit
			}
		}' "$f"
	done
}

# OpenSSH 10 from the backports of Debian 12, unpacked in build/openssh10 and
# never installed.  Where the mirror cannot be reached, the tests that use it
# are skipped.  Debian 13 has it already.
openssh10() {
	local code a uri key opt dir=build/openssh10
	[ -x $dir/usr/bin/ssh ] && return
	ssh -V 2>&1 | grep -q '^OpenSSH_9' || return
	code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	read -r uri key < <(mirror "$code" | head -n 1)
	[ -n "${uri:-}" ] || {
		say "no Debian mirror in the apt sources: no OpenSSH 10"
		return
	}
	say "unpacking OpenSSH 10 into $dir"
	mkdir -p build
	a=$(mktemp -d "$PWD/build/apt.XXXXXX") || return
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial" "$a/deb"
	echo "deb ${key:+[signed-by=$key] }$uri $code-backports main" \
	    >"$a/backports.list"
	opt="-q -o APT::Sandbox::User=root -o Acquire::Retries=1
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
		-o Acquire::Languages=none
		-o Dir::Etc::sourcelist=$a/backports.list
		-o Dir::Etc::sourceparts=- -o Dir::State::lists=$a/lists
		-o Dir::Cache=$a/cache"
	# shellcheck disable=SC2086
	if apt-get $opt update && cd "$a/deb" &&
	    apt-get $opt download openssh-client/"$code"-backports \
	    openssh-server/"$code"-backports \
	    openssh-sftp-server/"$code"-backports; then
		cd ../../..
		mkdir "$a/root"
		for d in "$a"/deb/*.deb; do dpkg -x "$d" "$a/root"; done
		rm -rf $dir
		mv "$a/root" $dir
	else
		say "OpenSSH 10 cannot be had; its tests will be skipped"
	fi >"$a/log" 2>&1
	grep '^dependencies:' "$a/log" >&2
	rm -rf "$a"
}

# shellcheck disable=SC2086
lack=$(missing $want)
if [ "$(id -u)" != 0 ]; then
	[ -z "$lack" ] || {
		say "missing:" $lack
		say "run as root: packaging/dependencies.sh $set"
	}
	# shellcheck disable=SC2086
	[ -z "$(missing $build)" ]
	exit
fi
# shellcheck disable=SC2086
install $lack || {
	say "could not install:" $lack
	exit 1
}
case " $want " in
*clang*) # shellcheck disable=SC2046
	install $(clang_rt) || say "no sanitizer run-time for clang" ;;
esac
id _sallyport >/dev/null 2>&1 || {
	say "making the user _sallyport"
	useradd --system --no-create-home --home-dir /nonexistent \
	    --shell /usr/sbin/nologin _sallyport || exit 1
}
case $set in
test | bench) openssh10 ;;
esac
exit 0
