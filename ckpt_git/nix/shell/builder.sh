# Runs a derivation's own builder, and where that fails after a start from a checkpoint, again from
# nothing. The arguments are the shell and what `args` was. It runs in the environment that Nix
# makes, before anything of stdenv's, so the second start has the same.

ckptTop=$NIX_BUILD_TOP

ckptWipe() (
    set +eu
    if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then . "$NIX_ATTRS_SH_FILE"; elif [ -f .attrs.sh ]; then . .attrs.sh; fi
    source "$stdenv/setup"
    trap - EXIT
    set +eu
    if declare -p outputs | grep -q '^declare -[a-zA-Z]*A'; then
        paths=("${outputs[@]}")
    else
        paths=()
        for name in $outputs; do paths+=("${!name}"); done
    fi
    shopt -s dotglob nullglob
    for entry in "${paths[@]}" "$ckptTop"/*; do
        case " ${ckptInitial[*]} " in
            *" ${entry##*/} "*) [ "${entry%/*}" = "$ckptTop" ] && continue ;;
        esac
        [ -d "$entry" ] && [ ! -L "$entry" ] && chmod -R u+rwx -- "$entry" 2>/dev/null
        rm -rf -- "$entry"
    done
)

shopt -s dotglob nullglob
ckptInitial=("$ckptTop"/*)
ckptInitial=("${ckptInitial[@]##*/}")
shopt -u dotglob nullglob

ckptStatus=0
"$@" || ckptStatus=$?
if [ "$ckptStatus" -eq 0 ]; then
    exit 0
fi
if ! { [ -e "$ckptTop/.ckpt/restored" ] || [ -e "$ckptTop/.ckpt/left-out" ]; } || [ -e "$ckptTop/.ckpt/dont-confirm" ]; then
    exit "$ckptStatus"
fi

echo "checkpoint: failed from the checkpoint (exit code $ckptStatus); building again from nothing" >&2
ckptWipe >/dev/null
cd "$ckptTop"
CKPT_CLEAN="the build from the checkpoint failed" exec "$@"
