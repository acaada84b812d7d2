# TOP STEP: notes what the program of a step is about to get: its folder, arguments and environment
# (standard input), and what lies there.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
step=$work/steps/$1

mkdir -p "$step"
without_own >"$step/call"
records >"$step/before"
mark "steps/$1/begun"
