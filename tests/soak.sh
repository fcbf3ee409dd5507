#!/bin/bash
# soak.sh SECONDS TARGET...: half the time fuzzing, half of it first the tests
# that hang on a clock, then load on a whole server, which must end with the
# memory, descriptors and processes that it had after the first round.  As
# root; bounded by SECONDS.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
total=$1
shift
bad=0
[ $# = 0 ] ||
    tests/fuzz/run.sh $((total / 2 * ${JOBS:-2} / $#)) "$@" || bad=1
make -s -f tests/bench/Makefile B=build/bench || exit 1
export TEST_BUILD=${BUILD:-build}
# A password takes a quarter of a second; less time means fewer tries.
tries=$((total / 5))
[ $tries -le 500 ] || tries=500
[ $tries -ge 25 ] || tries=25
began=$SECONDS
RANK_TRIES=$tries tests/regress/times.inc || bad=1
load=$((total / 2 - (SECONDS - began)))
[ $load -ge 30 ] || load=30
LOAD_SECONDS=$load BAD=$bad tests/regress/soak.inc
