/* Helpers of the watcher: memory that is never given back, texts, time and hashes. */
#ifndef CKPT_UTIL_H
#define CKPT_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds that dates of files may be off by: the kernel takes them from its last tick. */
enum { TICK = 20000000 };

void *take(size_t size); /* zeroed; lives as long as the watcher */
char *take_text(const char *text, size_t length);
char *compose(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Makes room for one more of `count` items. */
void *grow(void *items, size_t *room, size_t count, size_t size);
void *zeroed(size_t count, size_t size); /* to be given back by free(3) */
uint64_t now_ns(void);                   /* CLOCK_MONOTONIC */
int64_t date_now(void);                  /* CLOCK_REALTIME, nanoseconds */
int64_t date_of_moment(uint64_t moment); /* of the first clock, by the second one */
/* BEYOND_DATES for what is too far away, before 1678 or after 2261. */
int64_t nanoseconds(struct timespec time);
#define BEYOND_DATES INT64_MIN
int write_whole(int file, const void *bytes, size_t size); /* 0, or -errno */
uint64_t hash_bytes(const void *bytes, size_t length);
int is_at_or_below(const char *path, const char *folder, size_t length); /* of `folder` */

#endif
