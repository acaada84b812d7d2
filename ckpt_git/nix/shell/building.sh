# TOP NAME: what is written from here on is newer than .ckpt/NAME, and what is read shows.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
source "${0%/*}/reads.sh"
if [ -e "$work/reads-show" ]; then forget_reads; fi
mark "$1"
