/*
 * PASSWORD_LIST: an operator's list of passwords that nobody may choose, as
 * the SHA-1 of each, in the form that lists of leaked passwords have: a line
 * of 40 hex digits each, in order, perhaps with ":" and a number.
 */

#ifndef PASSWORD_LIST_H
#define PASSWORD_LIST_H

#include <stddef.h>


/*
 * 1 if the list has the password, 0 if not or path is "", -1 if the list
 * cannot be read or is none.
 */
int password_list_find(const char *path, const char *password);

/* Looks at samples.  0 (also for ""), or -1 and one line in error. */
int password_list_check(const char *path, char *error, size_t size);

#endif
