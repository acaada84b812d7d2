#!/bin/sh
# What `make check` runs: the program's answers to a few columns of numbers.
set -eu
tally=$1
cd "$(dirname "$tally")"

expect() {
    wanted=$1
    shift
    case "$(./tally "$@")" in
        *"$wanted"*) ;;
        *) echo "tally $*: no \"$wanted\" in its answer" >&2; exit 1 ;;
    esac
}

for type in i8 i16 i32 i64 u8 u16 u32 u64 f32 f64; do
    expect "count      5" "$type" 9 1 3 7 5
    expect "median     5" "$type" 9 1 3 7 5
    expect "mean       5" "$type" 9 1 3 7 5
done
if ./tally i8 300 2>/dev/null; then
    echo "tally i8 300: accepted a number that i8 cannot hold" >&2
    exit 1
fi
