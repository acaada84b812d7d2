# TOP CHECKPOINT: turns the sources that lie in TOP, ready to be built, into the state that a build of
# the checkpoint's sources left, with what changed since put in. Where that can't be known to be
# right nothing is touched, and .ckpt/reason says why.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1
about=$checkpoint/checkpoint

refuse() {
    printf '%s' "$*" >"$work/reason"
    exit 0
}

# The first path of a list, for a message.
first_of() {
    local path
    IFS= read -r -d '' path <"$1"
    shown "$path"
}

if [ -e "$about/none" ]; then refuse "the build before left no checkpoint: $(<"$about/none")"; fi
[ -e "$about/format" ] && [ "$(<"$about/format")" = 3 ] || refuse "$checkpoint was not made by this version of prepareCheckpointBuild"
folder=$(relative_folder) || refuse "$(<"$work/failure")"
[ "$folder" = "$(<"$about/folder")" ] ||
    refuse "the build starts in ${folder#./}, that of the checkpoint in $(cut -b3- "$about/folder")"
nothing_in "$about/compressed-naming-outputs" ||
    refuse "$(first_of "$about/compressed-naming-outputs") in the checkpoint is compressed and names the base's output"
[ "$(printf '%s\n' "$(<"$about/newest")" "$(date +%s.%N)" | sort -n | tail -n 1)" != "$(<"$about/newest")" ] ||
    refuse "the checkpoint is newer than the clock"

source "${0%/*}/rewriting.sh"
source "${0%/*}/changes.sh"
source "${0%/*}/trust.sh"
source "${0%/*}/calling.sh"
: >"$work/restored"
source "${0%/*}/apply.sh"

say "used: $(count "$work/modified") files modified, $(count "$work/added") added, $(count "$work/deleted") deleted since"
