/* What ps shows for a process. */

#ifndef TITLE_H
#define TITLE_H


/* Once, early in main(): makes room where the kernel looks for the words. */
int title_init(char **argv);

/* "portero-login: " and what. */
void title_set(const char *what);

#endif
