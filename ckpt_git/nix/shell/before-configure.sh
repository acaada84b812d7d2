# TOP: notes what the program that configures is about to get: its folder, arguments and environment
# (standard input), and what lies there.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"

# What this build alone has: its outputs, its folder.
{
    while read -r name path; do
        path=${path##*/}
        printf 's|%s|OUTPUT-%s|g\n' "$(literal_pattern "${path:0:32}")" "$name"
        printf 's|-frandom-seed=%s|-frandom-seed=%s|g\n' "$(literal_pattern "${path:0:10}")" "$name" # nixpkgs' stdenv
    done <"$work/outputs"
    printf 's|%s|TOP|g\n' "$(literal_pattern "$top")"
} >"$work/own.sed"
sed -z -f "$work/own.sed" >"$work/configure"
records >"$work/unconfigured"
: >"$work/configuring"
