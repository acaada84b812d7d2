/* What is told of a build, as JSON: what was run and why, and what came of it. */

#define _GNU_SOURCE
#include <string.h>

#include "memory/remember.h"
#include "watcher/calls.h"

static void put_json(FILE *to, const char *text, size_t length)
{
    fputc('"', to);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(to, "\\u%04x", c < 0x80 ? c : 0xdc00u + c); /* as os.fsdecode(3) does it */
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void put_pair(FILE *to, const char *name, const char *text)
{
    fprintf(to, ",\"%s\":", name);
    if (text == NULL)
        fputs("null", to);
    else
        put_json(to, text, strlen(text));
}

static void put_arguments(FILE *to, const struct step *step)
{
    fputs("{\"arguments\":[", to);
    for (uint32_t at = 0; at < step->arguments_size;) {
        size_t length = strlen(step->arguments + at);
        if (at > 0)
            fputc(',', to);
        put_json(to, step->arguments + at, length);
        at += (uint32_t)length + 1;
    }
    fputc(']', to);
}

static void put_made(FILE *to, const struct step *step)
{
    fputs(",\"made\":[", to);
    for (size_t i = 0, count = 0; i < step->effect_count; i++) {
        const struct path *path = step->effects[i].path;
        const struct version *version = &path->versions[step->effects[i].after];
        if (version->writer != step || version->state.kind != KIND_FILE)
            continue;
        if (count++ > 0)
            fputc(',', to);
        put_json(to, path->text, path->length);
    }
    fputc(']', to);
}

static void report_step(FILE *to, const struct step *step)
{
    put_arguments(to, step);
    fprintf(to, ",\"number\":%u,\"parent\":%u,\"code\":%d,\"seconds\":%.6f", step->number,
            step->parent == NULL ? 0 : step->parent->number, step->code,
            step->has_ended ? (double)(step->ended - step->began) / 1e9 : 0.0);
    put_pair(to, "program", step->program);
    put_pair(to, "folder", step->folder);
    put_pair(to, "missed_by", step->missed_by);
    put_pair(to, "not_remembered", step->not_remembered != NULL ? step->not_remembered
                                                                : why_not(step));
    put_made(to, step);
    fputc('}', to);
}

void memory_report(FILE *to)
{
    fprintf(to, "{\"version\":1,\"ran\":%u,\"answered\":%u,\"failed\":%s,\"refused\":%s",
            commands_ran, commands_answered, answering_failed ? "true" : "false",
            was_refused ? "true" : "false");
    put_pair(to, "incomplete", the_root_step->incomplete);
    put_pair(to, "database", database_read);
    fprintf(to, ",\"stored\":%llu", (unsigned long long)paths_stored());
    fputs(",\"answered_by\":{", to);
    const struct memory *memory;
    for (int m = 0, count = 0; (memory = memory_number(m)) != NULL; m++) {
        if (memory->answered == 0)
            continue;
        if (count++ > 0)
            fputc(',', to);
        put_json(to, memory->name, strlen(memory->name));
        fprintf(to, ":%u", memory->answered);
    }
    fputs("},\"steps\":[", to);
    int count = 0;
    for (const struct step *step = the_root_step->first; step != NULL;
         step = step_next((struct step *)(uintptr_t)step, 1)) {
        if (step->is_answered)
            continue;
        fputs(count++ > 0 ? ",\n" : "\n", to);
        report_step(to, step);
    }
    fputs("]}\n", to);
}
