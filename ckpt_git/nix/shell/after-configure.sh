# TOP STEP CHECKPOINT: notes what the program of a step has made; nothing where it wrote to what was there
# before, since that is lost. What was left out would have made what the checkpoint has of it.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
step=$work/steps/$1

if [ -e "$step/left-out" ]; then
    cp "$2/checkpoint/steps/$1/made" "$step/made"
else
    records >"$work/now"
    without "$step/before" "$work/now" >"$work/gone"
    nothing_in "$work/gone" || exit 0
    of_type fx "$step/before" >"$work/files-before"
    written_since "steps/$1/begun" | common - "$work/files-before" >"$work/written"
    nothing_in "$work/written" || exit 0
    without "$work/now" "$step/before" >"$step/made"
fi
mark "steps/$1/until"
