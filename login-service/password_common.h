/* Passwords that are tried first, because so many people choose them. */

#ifndef PASSWORD_COMMON_H
#define PASSWORD_COMMON_H


/* 1 if the list has it, in whatever case. */
int password_common_find(const char *password);

#endif
