#!/bin/sh
# ckpt-git hook @DIGEST@
# Rebuilds what is there now, in the background: githooks(5), @EVENT@.
#
@COMMON@

# git waits for this script, so it uses what the shell has built in and leaves the rest to a
# process that git does not wait for. Its exit status is that of the hook that was here before.
status=0
if is_chained; then
    run_chained "$@" || status=$?
fi

# Nothing to build: a merge that is yet to be committed, an amended commit, of which post-commit
# has told already, files that were checked out.
is_nothing_new() {
    case $event in
    post-merge) [ "${1-}" = 1 ] ;;
    post-rewrite) [ "${1-}" = amend ] ;;
    post-checkout) [ "${3-}" = 0 ] ;;
    *) return 1 ;;
    esac
}

# What a rebase does on its way isn't worth a build: it tells of its end (post-rewrite). A
# bisection ends where it began.
is_step() {
    [ "$event" != post-rewrite ] || return 1
    [ ! -d "$git_dir/rebase-merge" ] && [ ! -e "$git_dir/BISECT_LOG" ] || return 0
    [ -d "$git_dir/rebase-apply" ] && [ ! -e "$git_dir/rebase-apply/applying" ]
}

# In a series of picks or mails each one calls. Python waits for the end of it, and is told what was
# made, for that may be taken back (builds/background/git_operation.py).
is_in_series() {
    case $event in post-commit | post-applypatch) ;; *) return 1 ;; esac
    for mark in sequencer rebase-apply CHERRY_PICK_HEAD REVERT_HEAD; do
        [ ! -e "$git_dir/$mark" ] || return 0
    done
    return 1
}

# Each notice is told once: by the one whose `mv` succeeds.
tell_notices() {
    for notice in "$state"/notices/*.txt; do
        { [ -f "$notice" ] && [ -s "$notice" ] && mv "$notice" "$notice.$$" 2>/dev/null; } || continue
        cat "$notice.$$" >&2
        rm -f "$notice.$$"
    done
    [ -f "$state/start.log" ] && [ -s "$state/start.log" ] || return 0
    make_way "$state/start.log.old"
    mv "$state/start.log" "$state/start.log.old" || return 0
    why=
    while IFS= read -r line; do
        why=$line
    done <"$state/start.log.old"
    say "the last background build did not start: $why; run \`git ckpt install\` again"
}

# When the process $1 was started, in clock ticks since boot; nothing where it has ended. proc(5):
# "PID (NAME) STATE PPID …", the 22nd is it. With the pid that is one process, whatever it executes.
find_start='find_start() {
    started=
    IFS= read -r line <"/proc/$1/stat" || return 0
    set -- ${line##*) }
    [ "$1" = Z ] || started=${20}
}'
eval "$find_start"

# Whether a Python that was started for an earlier event has not looked at this work tree yet:
# then it will see this one too, and a storm of commits doesn't become one of processes.
is_pending() {
    [ -s "$pending" ] || return 1
    started=
    {
        IFS=' ' read -r pid noted <"$pending"
        find_start "$pid"
    } 2>/dev/null
    [ -n "$started" ] && [ "$started" = "$noted" ]
}

# What isn't a file that we can write would be waited for, or be complained of.
make_way() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    [ -f "$1" ] && [ ! -L "$1" ] && [ -w "$1" ] || rm -rf "$1"
}

# A linked work tree may be removed before anyone has looked at it. The commit stays.
note_head() {
    [ -n "$common" ] || return 0
    head=
    {
        IFS= read -r head <"$git_dir/HEAD"
        case $head in
        'ref: '*) IFS= read -r head <"$common/${head#ref: }" ;;
        esac
        echo "$head" >"$state/head-${git_dir##*/}"
    } 2>/dev/null
}

# When that was by the one clock that nobody sets; nothing where there is none.
tell_start() {
    uptime=
    [ ! -r /proc/uptime ] || IFS=' ' read -r uptime rest </proc/uptime
    echo "$uptime" >"$state/starting"
}

# Nothing that git or a pipe behind it waits for is handed down; hanging up doesn't end it. It
# begins a moment later and steps back (by 10, nice(1)): git and its user go first. It isn't in the
# work tree: the shell has words for a folder that is gone.
start() {
    log=/dev/null
    pending=
    top=$PWD
    if [ -d "$state" ] && [ -w "$state" ]; then
        case $state in
        /*) ;;
        *) state=$PWD/$state ;;
        esac
        log=$state/start.log
        pending=$state/pending-${git_dir##*/}
        for file in "$log" "$pending" "$state/starting" "$state/head-${git_dir##*/}"; do
            make_way "$file"
        done
        note_head
        tell_start 2>/dev/null
        is_pending && return 0
    fi
    trap '' HUP
    { cd / && exec nice sh -c "$find_start"'
        pending=$1 python=$2 event=$3 top=$4
        shift 4
        find_start "$$"
        echo "$$ $started" >"${pending:-/dev/null}"
        sleep 0.05
        exec "$python" -P -m ckpt_git hook "$event" --from "$top" --detached "$pending" "$@"
    ' sh "$pending" "$python" "$event" "$top" "$@"; } </dev/null >/dev/null 2>>"$log" \
        3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
}

# Asking git takes longer than all else here, so it is asked where there may be something to hear:
# `git -c` was used, or Python found the setting at an earlier event.
is_skipped_by_config() {
    [ -n "${GIT_CONFIG_PARAMETERS-}${GIT_CONFIG_COUNT-}" ] || [ -e "$state/skip" ] || return 1
    [ "$(git config --type=bool --get ckpt.skip 2>/dev/null)" = true ]
}

rebuild() {
    [ -f ckpt.toml ] && ! is_nothing_new "$@" && ! is_skipped || return 0
    find_folders
    is_skipped_by_config && return 0
    tell_notices
    is_step && return 0
    if [ ! -e .git ]; then
        say "nothing is rebuilt: there is no .git in $PWD"
        return 0
    fi
    if [ ! -x "$python" ]; then
        say "nothing is rebuilt: $python is gone; run \`git ckpt install\` again"
        return 0
    fi
    if is_in_series; then
        start "$(git rev-parse -q --verify HEAD)"
    else
        say 'rebuilding in the background (git ckpt watch)'
        start "$@"
    fi
}

rebuild "$@"
exit "$status"
