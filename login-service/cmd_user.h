/* Between the commands about users. */

#ifndef CMD_USER_H
#define CMD_USER_H

#include "admin.h"


/* What the tables of users and roles ask. */
extern const admin_rule_t  user_rules[];

#endif
