/* Between the commands about users. */

#ifndef CMD_USER_H
#define CMD_USER_H

/*
 * PostgreSQL's words for a rule of the tables that was broken, in words of
 * ours; its own where no rule is named.
 */
const char *user_rule(const char *message);

#endif
