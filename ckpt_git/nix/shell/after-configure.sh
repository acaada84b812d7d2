# TOP: notes what the program that configures has made; nothing where it wrote to what was there before,
# since that is lost.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
records >"$work/now"
without "$work/unconfigured" "$work/now" >"$work/gone"
nothing_in "$work/gone" || exit 0
if ! [ -e "$work/configure-left-out" ]; then
    of_type fx "$work/unconfigured" | written_since configuring >"$work/written"
    nothing_in "$work/written" || exit 0
fi
without "$work/now" "$work/unconfigured" >"$work/configured"
sleep 0.02 # the kernel's clock for files lags by up to 10 ms
: >"$work/configured-until"
