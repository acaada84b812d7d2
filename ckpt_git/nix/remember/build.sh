# Runs a derivation's own builder below the watcher. The arguments are settings, `--`, and the builder
# with its arguments. It runs in the environment that Nix makes, before anything of stdenv's, and its
# variables are called `ckpt_…`: others are the build's, which gets them as they are.
#
#   watcher=FOLDER     of watcher.nix
#   artifacts=FOLDER   the checkpoint that answers
#   output=NAME        the output that the build's checkpoint goes to: the builder doesn't get to see it
#   only_output=NAME   the same, where the builder gets no variable `outputs` either

ckpt_artifacts='' ckpt_output='' ckpt_only_output='' ckpt_watcher=''
while [ "$1" != -- ]; do
    ckpt_name=ckpt_${1%%=*}
    [ -n "${!ckpt_name}" ] || printf -v "$ckpt_name" '%s' "${1#*=}"
    shift
done
shift

ckpt_shell=$1 # what $BASH is can't be known in a build: there is no PATH to find it by
ckpt_top=$NIX_BUILD_TOP
ckpt_about=$ckpt_top/.ckpt
ckpt_tools=$(<"$ckpt_watcher/path")

say() { printf 'checkpoint: %s\n' "$*"; }
with_tools() { PATH=$ckpt_tools LC_ALL=C "$@"; }

# --- what Nix gives ---------------------------------------------------------------------------

# Of structured attributes, in a shell of its own: they are many.
attribute() (
    if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then . "$NIX_ATTRS_SH_FILE"; elif [ -e "$ckpt_top/.attrs.sh" ]; then . "$ckpt_top/.attrs.sh"; fi
    case $1 in
        outputs)
            if [[ $(declare -p outputs 2>/dev/null) == 'declare -'*A* ]]; then
                for ckpt_name in "${!outputs[@]}"; do printf '%s=%s\n' "$ckpt_name" "${outputs[$ckpt_name]}"; done
            else
                for ckpt_name in ${outputs-out}; do printf '%s=%s\n' "$ckpt_name" "${!ckpt_name}"; done
            fi
            ;;
        sources)
            # shellcheck disable=SC2048 # each is a list of words
            printf '%s\n' ${srcs[*]-} ${src-}
            ;;
        confirm) printf '%s' "${dontConfirmCheckpoint-}" ;;
    esac
)

# The output that the checkpoint goes to is none for the builder.
take_output() {
    local ckpt_file
    ckpt_into=$(attribute outputs | while IFS='=' read -r ckpt_name ckpt_path; do if [ "$ckpt_name" = "$ckpt_output" ]; then echo "$ckpt_path"; fi; done)
    for ckpt_file in "$ckpt_top"/.attrs.sh "$ckpt_top"/.attrs.json; do
        if [ -e "$ckpt_file" ]; then
            with_tools sed -i -E -e "s|\['?\"?${ckpt_output}\"?'?\]=['\"]${ckpt_into}['\"] ?||" \
                -e "s|\"$ckpt_output\":\"$ckpt_into\",||; s|,?\"$ckpt_output\":\"$ckpt_into\"||" "$ckpt_file"
        fi
    done
    unset -v "$ckpt_output"
    if [ -n "${outputs-}" ]; then
        local ckpt_name ckpt_rest=''
        for ckpt_name in $outputs; do if [ "$ckpt_name" != "$ckpt_output" ]; then ckpt_rest+=${ckpt_rest:+ }$ckpt_name; fi; done
        outputs=$ckpt_rest
        if [ -n "$ckpt_only_output" ]; then unset -v outputs; fi
    fi
}

# --- a watched run ----------------------------------------------------------------------------

# What stands for a hash has no letter that a hash can have, and none of its parts is like another's.
placeholder() {
    local ckpt_part
    printf -v ckpt_part 'eoutu%02deou' "$1"
    printf '%s' "$ckpt_part$ckpt_part${ckpt_part}ee"
}

# Variables that tell stdenv's own shell what to run and when. What it then runs is seen.
ckpt_told_to_the_shell='phases|(pre|post)[A-Z][A-Za-z]*|[a-z][A-Za-z]*Phase|patches|patchFlags|args|dontConfirmCheckpoint|checkpointControl'

# The names and the values that the watcher is told. $1 is whether commands are answered.
settings() {
    local ckpt_number=0 ckpt_path ckpt_name
    local -A ckpt_named=()
    for ckpt_path in "${ckpt_paths[@]}"; do printf 'root\0%s\0' "$ckpt_path"; done
    printf 'root\0%s\0system\0%s\0' "$ckpt_top" "$NIX_STORE"
    if [ "$ckpt_top" = /build ]; then printf 'temporary\0/tmp\0temporary\0/dev/shm\0shut_in\0001\0'; fi
    printf 'objects\0%s\0' "$ckpt_about/objects"
    for ckpt_path in "${ckpt_paths[@]}" "${ckpt_sources[@]}"; do
        ckpt_path=${ckpt_path#"$NIX_STORE"/}
        ckpt_path=${ckpt_path:0:32}
        if [[ $ckpt_path =~ ^[0-9a-z]{32}$ && -z ${ckpt_named[$ckpt_path]-} ]]; then
            ckpt_named[$ckpt_path]=1
            printf 'name\0%s %s\0' "$ckpt_path" "$(placeholder "$ckpt_number")"
        fi
        ckpt_number=$((ckpt_number + 1))
    done
    while IFS='=' read -r -d '' ckpt_name _; do
        if [[ $ckpt_name =~ ^($ckpt_told_to_the_shell)$ ]]; then printf 'passing\0%s\0' "$ckpt_name"; fi
    done < <(with_tools env -0)
    if [ -e "$ckpt_about/memory" ]; then printf 'pack\0%s\0memory\0%s\0' "$ckpt_about/pack" "$ckpt_about/memory"; fi
    printf 'into\0%s\0' "$ckpt_about/made"
    if [ -n "$ckpt_into" ]; then printf 'pack_into\0%s\0' "$ckpt_about/packed"; fi
    printf 'report\0%s\0preload\0%s\0answer\0%s\0' "$ckpt_about/report" "$ckpt_watcher/libsee.so" "$ckpt_watcher/answer"
    printf 'seed\0ckpt\0answers\0%s\0databases\0%s\0' "$1" "$2"
}

# Runs the builder and gives its exit code; 121 is where nobody may watch. What it prints goes through
# a pipe, so that it is known what each command prints.
watched() {
    local ckpt_relay ckpt_status=0 ckpt_timer
    settings "$1" "$2" >"$ckpt_about/settings"
    shift 2
    rm_files "$ckpt_about/made" "$ckpt_about/packed" "$ckpt_about/report"
    exec 9> >(PATH=$ckpt_tools exec cat)
    ckpt_relay=$!
    "$ckpt_watcher/ckpt-watch" watch 3 100 "$ckpt_shell" -c '
        unset SHLVL
        export LD_PRELOAD="$1"
        shift
        exec "$0" launch 100 "$@"' "$ckpt_watcher/ckpt-watch" "$ckpt_watcher/libsee.so${LD_PRELOAD:+:$LD_PRELOAD}" "$@" \
        3<"$ckpt_about/settings" >&9 2>&1 9>&- || ckpt_status=$?
    exec 9>&-
    # What the build left running may have the pipe open still.
    (PATH=$ckpt_tools sleep 5 && kill "$ckpt_relay") >/dev/null 2>&1 &
    ckpt_timer=$!
    wait "$ckpt_relay" 2>/dev/null || true
    kill "$ckpt_timer" 2>/dev/null || true
    return "$ckpt_status"
}

rm_files() { with_tools rm -f -- "$@"; }

# One word of the report.
reported() {
    local ckpt_head
    ckpt_head=$(with_tools head -n 1 "$ckpt_about/report" 2>/dev/null) || true
    if [[ $ckpt_head =~ \"$1\":(null|\"([^\"]*)\"|[a-z0-9]+) ]]; then
        printf '%s' "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
    fi
}

# All that a run left, but for what Nix put there and what is ours.
wipe() {
    local ckpt_entry
    for ckpt_entry in "$ckpt_top"/* "${ckpt_paths[@]}"; do
        case " ${ckpt_initial[*]} " in *" $ckpt_entry "*) continue ;; esac
        if [ -d "$ckpt_entry" ] && [ ! -L "$ckpt_entry" ]; then with_tools chmod -R u+rwx -- "$ckpt_entry" 2>/dev/null || true; fi
        with_tools rm -rf -- "$ckpt_entry"
    done
}

# --- the checkpoint ---------------------------------------------------------------------------

# In the store no byte is as it is, so that Nix finds no path in it: what a checkpoint names needn't be kept.
ckpt_from='a-z0-9' ckpt_to='n-z0-9a-m'

open_checkpoint() {
    if [ -e "$ckpt_artifacts/checkpoint/none" ]; then
        say "not used, the build is clean: the build before left no checkpoint: $(<"$ckpt_artifacts/checkpoint/none")"
    elif [ "$(with_tools cat "$ckpt_artifacts/checkpoint/format" 2>/dev/null)" != remembered-1 ]; then
        say "not used, the build is clean: $ckpt_artifacts was not made by this version of prepareCheckpointBuild"
    else
        with_tools tr "$ckpt_to" "$ckpt_from" <"$ckpt_artifacts/checkpoint/memory" | (cd "$ckpt_about" && with_tools tar xf -) || {
            say "not used, the build is clean: $ckpt_artifacts is damaged"
            rm_files "$ckpt_about/memory"
        }
    fi
}

save_checkpoint() {
    local ckpt_why=$1
    with_tools mkdir -p "$ckpt_into/checkpoint"
    if [ -n "$ckpt_why" ]; then
        say "there is none of this build: $ckpt_why"
        printf '%s' "$ckpt_why" >"$ckpt_into/checkpoint/none"
        return
    fi
    with_tools mv "$ckpt_about/made" "$ckpt_about/memory"
    with_tools mv "$ckpt_about/packed" "$ckpt_about/pack"
    (cd "$ckpt_about" && with_tools tar -cf - memory pack) |
        with_tools tr "$ckpt_from" "$ckpt_to" >"$ckpt_into/checkpoint/memory"
    printf 'remembered-1\n' >"$ckpt_into/checkpoint/format"
}

# --- the build --------------------------------------------------------------------------------

run_plainly() {
    local ckpt_status=0
    "$@" || ckpt_status=$?
    if [ "$ckpt_status" -eq 0 ] && [ -n "$ckpt_output" ]; then save_checkpoint "$ckpt_why"; fi
    exit "$ckpt_status"
}

ckpt_into='' ckpt_why=''
ckpt_output=${ckpt_output:-$ckpt_only_output}
if [ -n "$ckpt_output" ]; then take_output; fi
ckpt_paths=() ckpt_sources=()
while IFS='=' read -r ckpt_name ckpt_path; do ckpt_paths+=("$ckpt_path"); done < <(attribute outputs)
while read -r ckpt_path; do if [ -n "$ckpt_path" ]; then ckpt_sources+=("$ckpt_path"); fi; done < <(attribute sources)
unset -v SHLVL

if [ -e "$ckpt_watcher/none" ]; then
    ckpt_why="the build can't be watched: $(<"$ckpt_watcher/none")"
    say "not used, the build is clean: $ckpt_why"
    run_plainly "$@"
fi

with_tools mkdir -p "$ckpt_about/objects"
shopt -s dotglob nullglob
ckpt_initial=("$ckpt_top"/*)
shopt -u nullglob
if [ -n "$ckpt_artifacts" ]; then open_checkpoint; fi
ckpt_answers=0
if [ -e "$ckpt_about/memory" ]; then ckpt_answers=1; fi
ckpt_databases=$ckpt_answers
while :; do
    ckpt_status=0
    watched "$ckpt_answers" "$ckpt_databases" "$@" || ckpt_status=$?
    if [ "$ckpt_status" -eq 121 ] || [ "$(reported refused)" = true ] || [ ! -e "$ckpt_about/report" ]; then
        ckpt_why="the build can't be watched"
        say "not used, the build is clean: $ckpt_why"
        wipe
        run_plainly "$@"
    fi
    ckpt_database=$(reported database)
    if [ "$(reported failed)" = true ] && [ "$ckpt_answers" = 1 ]; then
        say "something that was known could not be put back; building again from nothing"
        ckpt_answers=0 ckpt_databases=0
    elif [ "$ckpt_database" != null ] && [ "$ckpt_databases" = 1 ]; then
        say "$ckpt_database was put back, and read again: building again, without it"
        ckpt_databases=0
    elif [ "$ckpt_status" -ne 0 ] && [ "$ckpt_answers" = 1 ] && [ "$(reported answered)" -gt 0 ] && [ -z "$(attribute confirm)" ]; then
        say "failed from the checkpoint (exit code $ckpt_status); building again from nothing"
        ckpt_answers=0 ckpt_databases=0
    else
        break
    fi
    wipe
    cd "$ckpt_top"
done
if [ -e "$ckpt_about/memory" ] && [ "$ckpt_status" -eq 0 ] && [ "$ckpt_answers" = 1 ]; then
    say "used: $(reported ran) commands ran, $(reported answered) were answered"
fi
if [ "$ckpt_status" -eq 0 ] && [ -n "$ckpt_output" ]; then
    ckpt_why=$(reported incomplete)
    save_checkpoint "${ckpt_why#null}"
fi
exit "$ckpt_status"
