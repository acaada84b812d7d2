#!/bin/sh
# ckpt-git hook @DIGEST@
# Has what is pushed validated: githooks(5), pre-push. Its exit status says whether git goes on.
#
@COMMON@

refs=
if is_chained; then
    # Both get what git says. The dot keeps the last line's end from being cut off.
    refs=$(cat && echo .)
    printf '%s' "${refs%.}" 2>/dev/null | run_chained "$@" || exit
fi

find_folders
is_skipped && exit 0
[ -f ckpt.toml ] || [ -d "$state" ] || exit 0
if [ ! -x "$python" ]; then
    say "what is pushed is not validated: $python is gone; run \`git ckpt install\` again"
    exit 0
fi

# As `python -m ckpt_git` does it, less the 3 ms in which that looks for it.
validate() {
    "$python" -P -c 'from ckpt_git.cli import main; main()' hook "$event" "$@"
}

if [ -n "$refs" ]; then
    printf '%s' "${refs%.}" | validate "$@"
else
    validate "$@"
fi && exit 0
status=$?

# A Python that has lost this program ends with 1, too, and knows nothing of what is pushed.
if ! "$python" -P -c 'import ckpt_git.cli' 2>/dev/null; then
    say "what is pushed is not validated: ckpt-git is gone; run \`git ckpt install\` again"
    exit 0
fi
exit "$status"
