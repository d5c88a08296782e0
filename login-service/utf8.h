/* UTF-8 as RFC 3629, 4 defines it. */

#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>


/*
 * How many bytes the character at the start of text has, 1 to 4; 0 if none
 * starts there: overlong, a surrogate, above U+10FFFF, cut short, or len is 0.
 */
size_t utf8_sequence(const char *text, size_t len);

/* 1 if all of it is. */
int utf8_valid(const char *text, size_t len);

/*
 * Copies text as valid UTF-8 into dst, at most size - 1 bytes and whole
 * characters, and ends it with NUL.  What is not UTF-8 becomes "?".
 */
void utf8_copy(char *dst, size_t size, const char *text);

#endif
