# TOP: notes what the program that configures is about to get: its folder, arguments and environment
# (standard input), and what lies there.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"

without_own >"$work/configure"
records >"$work/unconfigured"
: >"$work/configuring"
