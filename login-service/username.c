/*
 * ASCII alone: two names that look the same are the same, and "without case"
 * means one thing in every locale.
 */

#include <string.h>

#include "username.h"


#define USERNAME_MAX  64


int
username_valid(const char *name)
{
    size_t  len;

    len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789._-@+");

    return len > 0 && len <= USERNAME_MAX && name[len] == '\0';
}
