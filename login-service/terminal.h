/* A password from whoever sits there, never from an argument. */

#ifndef TERMINAL_H
#define TERMINAL_H

#include <stddef.h>


/*
 * On a terminal asks twice, without echo; else takes the first line of standard
 * input.  0; or -1 after one line of why.  The caller wipes it.
 */
int terminal_password(char *password, size_t size);

#endif
