# TOP FIRST-OUTPUT: writes what the build starts from into the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
first=$1

mkdir -p "$first/checkpoint"
copy_state "$first" sources
records >"$first/checkpoint/records"
links >"$first/checkpoint/links"
