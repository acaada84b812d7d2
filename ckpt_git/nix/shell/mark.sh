# TOP NAME: what is written from here on is newer than .ckpt/NAME.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
mark "$1"
