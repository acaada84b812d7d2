# Compressed data in which an output is named: it can't be rewritten. Sourced after lib.sh; needs $scratch.

declare -A magics=(
    [gzip]=$'\x1f\x8b\x08' [bzip2]='1AY&SY' [xz]=$'\xfd7zXZ' [zstd]=$'\x28\xb5\x2f\xfd' [zip]=$'PK\x03\x04'
)

# What zstd may take to read: no more than it can on a 32-bit machine. Nothing is known of what needs more.
zstd_memory=--memory=1024MB
too_large='too much memory'

# Tries each place in a file where compressed data may start, as the first bytes of its format tell.
# zip's members are raw deflate behind a header, which gzip reads behind one of its own.
unpack_from() {
    local file=$1 offset=$2 magic=$3 lengths
    case $magic in
        gzip) tail -c "+$((offset + 1))" -- "$file" | gzip -dcq ;;
        bzip2) tail -c "+$((offset + 1))" -- "$file" | bzip2 -dcq ;;
        xz) tail -c "+$((offset + 1))" -- "$file" | xz -dcq --single-stream ;;
        zstd)
            # Not part of stdenv: what made the file has it on PATH. Else nothing is known of it.
            if ! command -v zstd >/dev/null; then cat "$work/hashes"; return; fi
            tail -c "+$((offset + 1))" -- "$file" | zstd -dcq "$zstd_memory" 2>"$work/zstd-said"
            if grep -qaF "$too_large" -- "$work/zstd-said"; then cat "$work/hashes"; fi
            ;;
        zip)
            lengths=($(tail -c "+$((offset + 27))" -- "$file" | head -c 4 | od -An -tu1))
            {
                printf '\x1f\x8b\x08\0\0\0\0\0\0\0'
                tail -c "+$((offset + 31 + lengths[0] + 256 * lengths[1] + lengths[2] + 256 * lengths[3]))" -- "$file"
            } | gzip -dcq
            ;;
    esac 2>/dev/null || true
}

# Whether the file $1 has data of the format $2 in which a string of the file $3 is.
names_compressed() {
    local file=$1 format=$2 strings=$3 offset
    while IFS=: read -r offset _; do
        if [ "$format" = bzip2 ]; then offset=$((offset - 4)); fi
        if [ "$offset" -ge 0 ] && unpack_from "$file" "$offset" "$format" | grep -aF -f "$strings" >/dev/null; then
            return 0
        fi
    done < <(grep -aboF -e "${magics[$format]}" -- "$file")
    return 1
}

# Whether it is certain that nothing that zstd packed, in the files of a list (standard input), holds a
# string of the file $1. An object made for optimisation at link time has dozens of frames, with something
# else behind each: all files are cut where a frame starts, and zstd reads the pieces in one go. It says
# where a frame ends before its piece does, or is none; what else it says makes it uncertain, as that an end
# is missing, where one frame lies in another.
zstd_holds_none() (
    command -v zstd >/dev/null || exit 1
    strings=$1 start=${magics[zstd]/\//\\/} pieces=$scratch/zstd
    cd "$top"
    while mapfile -d '' -n 100 batch && [ "${#batch[@]}" -gt 0 ]; do
        mkdir "$pieces"
        sed -e "s/$start/\\n&/g" -- "${batch[@]}" |
            csplit --silent --prefix="$pieces/" --suffix-format=%06d - "/^$start/" '{*}' || exit 1
        printf '%s\0' "$pieces"/* | { xargs -0 zstd -dcq "$zstd_memory" -- 2>"$work/zstd-said" || true; } |
            { grep -aF -f "$strings" || true; } >"$work/held"
        rm -rf -- "$pieces"
        nothing_in "$work/held" || exit 1
        if grep -avE ': (unknown header|unsupported format|Decoding error)' "$work/zstd-said" ||
            grep -aF "$too_large" "$work/zstd-said"; then exit 1; fi >/dev/null
    done
)

# Reads a list of paths from the top; prints those in which a string of the file $1 is compressed.
compressed_naming() {
    local strings=$1 file format
    printf '%s\n' "${magics[@]}" >"$work/magics"
    found_in_files -laFZ -f "$work/magics" -- >"$work/maybe-compressed"
    if nothing_in "$work/maybe-compressed"; then return; fi
    for format in "${!magics[@]}"; do
        found_in_files -laFZ -e "${magics[$format]}" -- <"$work/maybe-compressed" >"$work/of-format"
        if [ "$format" = zstd ] && zstd_holds_none "$strings" <"$work/of-format"; then continue; fi
        while IFS= read -r -d '' file; do
            if names_compressed "$top/$file" "$format" "$strings"; then printf '%s\0' "$file"; fi
        done <"$work/of-format"
    done | sorted
}
