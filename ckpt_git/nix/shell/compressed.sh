# Compressed data in which an output is named: it can't be rewritten. Sourced after lib.sh.

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
            tail -c "+$((offset + 1))" -- "$file" | zstd -dcq
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

# Reads a list of paths from the top; prints those in which a string of the file $1 is compressed.
compressed_naming() {
    local strings=$1 file hit offset magic format
    local -A magics=(
        [gzip]=$'\x1f\x8b\x08' [bzip2]='1AY&SY' [xz]=$'\xfd7zXZ' [zstd]=$'\x28\xb5\x2f\xfd' [zip]=$'PK\x03\x04'
    )
    printf '%s\n' "${magics[@]}" >"$work/magics"
    found_in_files -laFZ -f "$work/magics" -- >"$work/maybe-compressed"
    while IFS= read -r -d '' file; do
        for format in "${!magics[@]}"; do
            magic=${magics[$format]}
            while IFS=: read -r offset hit; do
                if [ "$format" = bzip2 ]; then offset=$((offset - 4)); fi
                if [ "$offset" -ge 0 ] && unpack_from "$top/$file" "$offset" "$format" | grep -aF -f "$strings" >/dev/null; then
                    printf '%s\0' "$file"
                    continue 3
                fi
            done < <(grep -aboF -e "$magic" -- "$top/$file")
        done
    done <"$work/maybe-compressed"
}
