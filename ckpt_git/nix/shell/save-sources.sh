# TOP CHECKPOINT: writes what the build starts from into the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1

mkdir -p "$checkpoint/checkpoint"
copy_state "$checkpoint" sources
records >"$checkpoint/checkpoint/records"
links >"$checkpoint/checkpoint/links"
