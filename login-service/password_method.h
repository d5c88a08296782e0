/*
 * What a stored hash says about itself, judged before anything is computed:
 * its method (crypt(5)) and whether its cost is one that we are ready to pay.
 */

#ifndef PASSWORD_METHOD_H
#define PASSWORD_METHOD_H


typedef enum {
    PASSWORD_YESCRYPT,          /* $y$ */
    PASSWORD_BCRYPT,            /* $2a$ $2b$ $2y$ */
    PASSWORD_SHA512CRYPT,       /* $6$ */
    PASSWORD_SHA256CRYPT,       /* $5$ */
    PASSWORD_SCRYPT             /* $7$ */
} password_method_t;

/* New hashes: 32 MiB.  One more doubles the memory and the time. */
#define PASSWORD_PREFIX  "$y$"
#define PASSWORD_COST    6

/*
 * Returns 0, the method and the cost, whose unit is the method's own; or -1
 * if the text is of another method, malformed or too dear.
 */
int password_method_parse(const char *hash, password_method_t *method,
    unsigned long *cost);

#endif
