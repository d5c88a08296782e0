/*
 * The least that a C test needs to speak TAP: ok() for each check, and
 * done_testing() as main()'s last word.
 */

#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static int  tap_count;
static int  tap_failed;


__attribute__((format(printf, 2, 3)))
static int
ok(int passed, const char *format, ...)
{
    va_list  args;

    tap_count++;

    if (!passed) {
        tap_failed++;
    }

    printf("%sok %d - ", passed ? "" : "not ", tap_count);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    putchar('\n');
    fflush(stdout);

    return passed;
}


/* NULL is equal to NULL only. */

__attribute__((unused))
static int
is(const char *got, const char *expected, const char *name)
{
    int  same;

    same = got && expected ? strcmp(got, expected) == 0 : got == expected;

    if (!ok(same, "%s", name)) {
        printf("#      got: %s\n", got ? got : "NULL");
        printf("# expected: %s\n", expected ? expected : "NULL");
    }

    return same;
}


static int
done_testing(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed || tap_count == 0;
}

#endif
