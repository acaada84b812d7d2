# TOP: notes what the program that configures has made; nothing where it wrote to what was there before,
# since that is lost.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
if ! [ -e "$work/configure-left-out" ]; then
    of_type fx "$work/unconfigured" >"$work/files"
    (cd "$top" && xargs -0 -r sh -c \
        'find "$@" -maxdepth 0 -cnewer .ckpt/configuring -print0' sh) <"$work/files" >"$work/written"
    [ ! -s "$work/written" ] || exit 0
fi
records >"$work/now"
[ -z "$(without "$work/unconfigured" "$work/now" | head -c 1 | tr '\0' x)" ] || exit 0
without "$work/now" "$work/unconfigured" >"$work/configured"
sleep 0.02 # the kernel's clock for files lags by up to 10 ms
: >"$work/configured-until"
