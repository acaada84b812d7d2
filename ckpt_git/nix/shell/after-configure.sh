# TOP STEP: notes what the program of a step has made; nothing where it wrote to what was there before,
# since that is lost.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
step=$work/steps/$1

records >"$work/now"
without "$step/before" "$work/now" >"$work/gone"
nothing_in "$work/gone" || exit 0
if ! [ -e "$step/left-out" ]; then
    of_type fx "$step/before" | written_since "${step#"$work/"}/begun" >"$work/written"
    nothing_in "$work/written" || exit 0
fi
without "$work/now" "$step/before" >"$step/made"
sleep 0.02 # the kernel's clock for files lags by up to 10 ms
: >"$step/until"
