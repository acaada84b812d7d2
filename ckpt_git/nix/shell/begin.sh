# What runs in the builder's own shell; sourced by the first phase. All work is done by scripts that
# run as processes of their own, since the shell here has the options and variables of the package.

# Not for the build to see: no path of the checkpoint or of this library may end up in its outputs.
export -n checkpointLibrary checkpointShell checkpointArtifacts checkpointSaves dontConfirmCheckpoint CKPT_CLEAN
export -n checkpointBeginPhase checkpointStartPhase checkpointSavePhase checkpointFinishPhase

ckptRun() {
    env -u BASH_ENV LC_ALL=C "$checkpointShell" "$checkpointLibrary/$1.sh" "$NIX_BUILD_TOP" "${@:2}"
}

ckptSay() { printf 'checkpoint: %s\n' "$*"; }

# Lines of an output's name, a blank and its path, the first output first.
ckptOutputs() {
    local name
    if declare -p outputs | grep -q '^declare -[a-zA-Z]*A'; then
        if [ -n "${outputs[out]-}" ]; then printf 'out %s\n' "${outputs[out]}"; fi
        for name in "${!outputs[@]}"; do
            if [ "$name" != out ]; then printf '%s %s\n' "$name" "${outputs[$name]}"; fi
        done
    else
        for name in $outputs; do printf '%s %s\n' "$name" "${!name}"; done
    fi
}

# A tarball unpacks to NAME-VERSION, a folder of the store to its own name. The state of the base's
# build goes by the folder's path, so the changed sources are moved to where the base had them.
ckptMoveSourceRoot() {
    local old new=${sourceRoot-}
    old=$(<"$checkpointArtifacts/checkpoint/root") || return 0
    new=${new#./}
    new=${new%%/*}
    case $new in '' | . | ..) return 0 ;; esac
    if [ -z "$old" ] || [ "$old" = "$new" ] || [ -e "$NIX_BUILD_TOP/$old" ] ||
        ! [ -d "$NIX_BUILD_TOP/$new" ] || [ "$PWD" != "$NIX_BUILD_TOP" ]; then
        return 0
    fi
    mv -- "$NIX_BUILD_TOP/$new" "$NIX_BUILD_TOP/$old"
    # For phases that have the folder's name written down.
    ln -s -- "$old" "$NIX_BUILD_TOP/$new"
    printf '%s\0' "$new" >>"$NIX_BUILD_TOP/.ckpt/own"
    sourceRoot=${sourceRoot#./}
    sourceRoot=$old${sourceRoot#"$new"}
}

# Right before the build: at the end of its preBuild hook where it has one, else before it starts.
checkpointStart() {
    local body=${buildPhase:-buildPhase}
    if declare -F -- "$body" >/dev/null; then body=$(declare -f -- "$body"); fi
    case $body in
        *'runHook preBuild'* | *'runHook "preBuild"'* | *"runHook 'preBuild'"*)
            preBuildHooks+=(ckptStart)
            ;;
        *) ckptStart ;;
    esac
}

ckptStart() {
    if [ -e "$NIX_BUILD_TOP/.ckpt/started" ]; then return 0; fi
    : >"$NIX_BUILD_TOP/.ckpt/started"
    local root=${sourceRoot-}
    root=${root#./}
    printf '%s' "${root%%/*}" >"$NIX_BUILD_TOP/.ckpt/root"
    pwd -P >"$NIX_BUILD_TOP/.ckpt/folder"
    if [ -n "${checkpointSaves-}" ]; then
        ckptRun save-sources "$ckptFirst"
    fi
    if [ -n "${checkpointArtifacts-}" ]; then
        ckptRestore
    fi
    : >"$NIX_BUILD_TOP/.ckpt/building"
}

ckptRestore() {
    local reason=${CKPT_CLEAN-}
    if [ -z "$reason" ]; then
        ckptRun restore "$checkpointArtifacts" || return
        if [ -e "$NIX_BUILD_TOP/.ckpt/restored" ]; then return 0; fi
        reason=$(<"$NIX_BUILD_TOP/.ckpt/reason")
    fi
    ckptSay "not used, the build is clean: $reason"
}

checkpointSave() {
    if ! [ -e "$NIX_BUILD_TOP/.ckpt/started" ]; then
        ckptSay "the build ran without its preBuild hook: there is no state from before it" >&2
        exit 1
    fi
    ckptRun save "$ckptFirst" "${checkpointArtifacts-}"
    exit 0
}

checkpointFinish() {
    if [ -e "$NIX_BUILD_TOP/.ckpt/restored" ]; then
        ckptRun finish "$checkpointArtifacts"
    fi
}

mkdir -p "$NIX_BUILD_TOP/.ckpt"
ckptOutputs >"$NIX_BUILD_TOP/.ckpt/outputs"
read -r _ ckptFirst <"$NIX_BUILD_TOP/.ckpt/outputs"
if [ -n "${dontConfirmCheckpoint-}" ]; then : >"$NIX_BUILD_TOP/.ckpt/dont-confirm"; fi
# What is there before the sources are is the build's environment and not its state.
find "$NIX_BUILD_TOP" -mindepth 1 -maxdepth 1 -printf '%f\0' >"$NIX_BUILD_TOP/.ckpt/own"
printf 'env-vars\0' >>"$NIX_BUILD_TOP/.ckpt/own"
if [ -n "${checkpointArtifacts-}" ] && [ -e "$checkpointArtifacts/checkpoint/root" ]; then
    postUnpackHooks+=(ckptMoveSourceRoot)
fi
