/* The form of a user name. */

#ifndef USERNAME_H
#define USERNAME_H

/* 1 if it is 1 to 64 of A-Z a-z 0-9 . _ - @ + */
int username_valid(const char *name);

#endif
