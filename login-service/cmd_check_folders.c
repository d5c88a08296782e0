/*
 * Two users meet in a folder: the service's, which writes, and nginx's, which
 * has to get in by its group.  This may run as root, who can do all of it, so
 * the mode is judged for the owner of KEY_DIR, as whom the service runs.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_check_folders.h"


#define CHECK_GROUPS  256

typedef struct {
    uid_t    uid;
    gid_t    gids[CHECK_GROUPS];
    int      ngids;
    char     name[64];
} check_user_t;


static void check_user_find(const config_t *config, check_user_t *user);
static int check_user_in(const check_user_t *user, gid_t gid);
static int check_user_may(const check_user_t *user, const struct stat *st,
    mode_t bits);
static int check_group(const config_t *config, const check_user_t *user,
    gid_t *gid, char fault[CHECK_FAULT_SIZE]);
static int check_fault(char fault[CHECK_FAULT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));


int
check_socket_folder(const config_t *config, char fault[CHECK_FAULT_SIZE])
{
    gid_t          gid;
    const char    *dir, *group;
    struct stat    st;
    check_user_t   user;

    dir = config->socket_dir;
    group = config->socket_group[0] ? config->socket_group : "www-data";
    check_user_find(config, &user);

    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return check_fault(fault, "SOCKET_DIR %s is no directory: install -d "
                           "-o %s -g %s -m 750 %s", dir, user.name, group,
                           dir);
    }

    if (check_group(config, &user, &gid, fault) != 0) {
        return -1;
    }

    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
        return check_fault(fault, "SOCKET_DIR %s may be written by anybody: "
                           "chmod 750 %s", dir, dir);
    }

    if (!check_user_may(&user, &st, S_IWOTH | S_IXOTH)) {
        return check_fault(fault, "SOCKET_DIR %s cannot be written by %s: "
                           "chown %s %s", dir, user.name, user.name, dir);
    }

    if (gid != (gid_t) -1 && !(st.st_mode & S_IXOTH)
        && !(st.st_gid == gid && (st.st_mode & S_IXGRP)))
    {
        return check_fault(fault, "SOCKET_DIR %s is closed to the group %s: "
                           "chgrp %s %s, chmod 750 %s", dir, group, group,
                           dir, dir);
    }

    return 0;
}


/* That the file itself is right is another question, and asked before. */
int
check_gateway_folder(const config_t *config, char fault[CHECK_FAULT_SIZE])
{
    gid_t          gid;
    char           dir[4096];
    const char    *file;
    struct stat    st;
    check_user_t   user;

    file = config->gateway_keys_file;
    snprintf(dir, sizeof(dir), "%.*s", (int) (strrchr(file, '/') - file),
             file);
    check_user_find(config, &user);

    if (stat(*dir ? dir : "/", &st) != 0 || !S_ISDIR(st.st_mode)) {
        return check_fault(fault, "GATEWAY_KEYS_FILE %s: %s is no directory",
                           file, dir);
    }

    if (!check_user_may(&user, &st, S_IWOTH | S_IXOTH)) {
        return check_fault(fault, "GATEWAY_KEYS_FILE %s: %s cannot be written "
                           "by %s, which renews the file: chown %s %s", file,
                           dir, user.name, user.name, dir);
    }

    if (check_group(config, &user, &gid, fault) != 0) {
        return -1;
    }

    if (gid != (gid_t) -1 && !(st.st_mode & S_IXOTH)
        && !(st.st_gid == gid && (st.st_mode & S_IXGRP)))
    {
        return check_fault(fault, "GATEWAY_KEYS_FILE %s: %s is closed to the "
                           "group %s: chgrp %s %s, chmod 750 %s", file, dir,
                           config->socket_group, config->socket_group, dir,
                           dir);
    }

    if (gid != (gid_t) -1 && stat(file, &st) == 0 && st.st_gid != gid) {
        return check_fault(fault, "GATEWAY_KEYS_FILE %s cannot be read by the "
                           "group %s: chgrp %s %s", file,
                           config->socket_group, config->socket_group, file);
    }

    return 0;
}


static void
check_user_find(const config_t *config, check_user_t *user)
{
    struct stat     st;
    struct passwd  *entry;

    memset(user, 0, sizeof(*user));
    user->uid = stat(config->key_dir, &st) == 0 ? st.st_uid : geteuid();

    entry = getpwuid(user->uid);
    snprintf(user->name, sizeof(user->name), "%s",
             entry ? entry->pw_name : "its user");

    if (user->uid == geteuid()) {
        user->ngids = getgroups(CHECK_GROUPS - 1, user->gids);
        user->ngids = user->ngids < 0 ? 0 : user->ngids;
        user->gids[user->ngids++] = getegid();
        return;
    }

    user->ngids = CHECK_GROUPS;

    if (entry == NULL
        || getgrouplist(entry->pw_name, entry->pw_gid, user->gids,
                        &user->ngids)
           == -1)
    {
        user->ngids = 0;
    }
}


static int
check_user_in(const check_user_t *user, gid_t gid)
{
    int  i;

    for (i = 0; i < user->ngids; i++) {
        if (user->gids[i] == gid) {
            return 1;
        }
    }

    return 0;
}


/* All of these bits, named as they are for others. */
static int
check_user_may(const check_user_t *user, const struct stat *st, mode_t bits)
{
    if (user->uid == 0) {
        return 1;
    }

    if (st->st_uid == user->uid) {
        bits <<= 6;

    } else if (check_user_in(user, st->st_gid)) {
        bits <<= 3;
    }

    return (st->st_mode & bits) == bits;
}


/* -1 as a group is none: SOCKET_GROUP is not set. */
static int
check_group(const config_t *config, const check_user_t *user, gid_t *gid,
    char fault[CHECK_FAULT_SIZE])
{
    const char    *name;
    struct group  *entry;

    *gid = (gid_t) -1;
    name = config->socket_group;

    if (*name == '\0') {
        return 0;
    }

    entry = getgrnam(name);

    if (entry == NULL) {
        return check_fault(fault, "SOCKET_GROUP: there is no group %s, "
                           "www-data is the one of Debian's nginx", name);
    }

    *gid = entry->gr_gid;

    if (user->uid != 0 && !check_user_in(user, *gid)) {
        return check_fault(fault, "SOCKET_GROUP: %s is not in the group %s: "
                           "usermod -aG %s %s", user->name, name, name,
                           user->name);
    }

    return 0;
}


static int
check_fault(char fault[CHECK_FAULT_SIZE], const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    vsnprintf(fault, CHECK_FAULT_SIZE, format, args);
    va_end(args);

    return -1;
}
