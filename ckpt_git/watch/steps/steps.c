/* How steps begin and end, and what keeps them from being remembered. */

#define _GNU_SOURCE
#include "steps/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/util.h"

struct step *the_root_step;
uint32_t the_step_count;

static const char *all_incomplete;

struct step *step_begin(struct step *parent, int process)
{
    struct step *step = take(sizeof *step);
    step->number = the_step_count++;
    step->parent = parent;
    step->process = process;
    step->code = -1;
    step->input_end = -1;
    step->began = now_ns();
    step->folder = step->program = step->arguments = "";
    for (int i = 0; i < 3; i++)
        step->standard[i] = (struct descriptor){.number = i, .kind = '-', .copy = -1};
    step->incomplete = all_incomplete;
    if (parent == NULL)
        return step;
    if (parent->last == NULL)
        parent->first = step;
    else
        parent->last->next = step;
    parent->last = step;
    if (parent->open++ > 0)
        parent->is_parallel = 1;
    return step;
}

int step_is_within(const struct step *step, const struct step *above)
{
    while (step != NULL && step->number > above->number)
        step = step->parent;
    return step == above;
}

int step_is_over(const struct step *step)
{
    return step->has_ended && step->live == 0;
}

struct step *step_next(struct step *step, int into)
{
    if (into && step->first != NULL)
        return step->first;
    while (step != NULL && step->next == NULL)
        step = step->parent;
    return step == NULL ? NULL : step->next;
}

static void say_once(const char **reason, const char *format, va_list rest)
{
    if (*reason != NULL)
        return;
    char text[1024]; /* for people: what is too long is cut */
    int length = vsnprintf(text, sizeof text, format, rest);
    *reason = take_text(text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

void step_uncacheable(struct step *step, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    say_once(&step->uncacheable, format, rest);
    va_end(rest);
}

void step_uncacheable_above(struct step *step, struct path *path, const char *why)
{
    const struct step *maker = path == NULL ? NULL : path_current(path)->writer;
    for (; step != NULL && (maker == NULL || !step_is_within(maker, step)); step = step->parent)
        step_uncacheable(step, why, path == NULL ? "" : path->text);
}

/* What was not seen whole can't be remembered, nor can what it is a part of. */
void step_incomplete(struct step *step, const char *format, ...)
{
    for (struct step *above = step; above != NULL; above = above->parent) {
        va_list rest;
        va_start(rest, format);
        say_once(&above->incomplete, format, rest);
        va_end(rest);
    }
}

void trace_is_incomplete(const char *why)
{
    all_incomplete = why;
    for (struct step *step = the_root_step; step != NULL; step = step_next(step, 1))
        step_incomplete(step, "%s", why);
}

void step_end(struct step *step, int code, uint64_t moment)
{
    if (step->has_ended)
        return;
    step_check_growing(step);
    step->has_ended = 1;
    step->ended = moment;
    step->code = code;
    if (step->parent != NULL) {
        step->parent->open--;
        step_merge(step);
    }
    index_free(&step->observations.index);
}
