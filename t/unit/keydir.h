/* A KEY_DIR for a test, and the settings that go with it. */

#ifndef KEYDIR_H
#define KEYDIR_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"


#define KEYDIR_SECRET  "fZ3q8Lw0xN5vB1mK7tR9yU2sD4gH6jPc"

static char  keydir_root[64];
static char  keydir_path[96];
static char  keydir_gateway[96];


__attribute__((unused))
static config_t
keydir_settings(jot_alg_t alg)
{
    return (config_t) {
        .issuer = "https://login.example",
        .audience = "https://api.example",
        .client_id = "portero",
        .algorithm = alg,
        .secret_key = alg == JOT_HS256 ? KEYDIR_SECRET : "",
        .key_dir = keydir_path,
        .gateway_keys_file = keydir_gateway
    };
}


/* A folder of its own, in which KEY_DIR is still missing. */

__attribute__((unused))
static void
keydir_new(void)
{
    strcpy(keydir_root, "/tmp/portero-keys-XXXXXX");

    if (mkdtemp(keydir_root) == NULL) {
        perror("mkdtemp");
        exit(1);
    }

    snprintf(keydir_path, sizeof(keydir_path), "%s/keys", keydir_root);
    snprintf(keydir_gateway, sizeof(keydir_gateway), "%s/gateway.json",
             keydir_root);
}


__attribute__((unused))
static void
keydir_empty(const char *path)
{
    DIR            *dir;
    struct dirent  *file;

    dir = opendir(path);

    while (dir && (file = readdir(dir)) != NULL) {
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0) {
            unlinkat(dirfd(dir), file->d_name, 0);
        }
    }

    if (dir) {
        closedir(dir);
    }

    rmdir(path);
}


__attribute__((unused))
static void
keydir_remove(void)
{
    keydir_empty(keydir_path);
    keydir_empty(keydir_root);
}


/* The whole of a file in KEY_DIR, at most size - 1 bytes. */

__attribute__((unused))
static ssize_t
keydir_read(const char *name, char *text, size_t size)
{
    int      fd;
    char     path[256];
    ssize_t  n;

    snprintf(path, sizeof(path), "%s/%s", keydir_path, name);
    fd = open(path, O_RDONLY);
    n = fd == -1 ? -1 : read(fd, text, size - 1);
    text[n < 0 ? 0 : n] = '\0';

    if (fd != -1) {
        close(fd);
    }

    return n;
}


__attribute__((unused))
static void
keydir_write(const char *name, const void *data, size_t len)
{
    int   fd;
    char  path[256];

    snprintf(path, sizeof(path), "%s/%s", keydir_path, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd == -1 || write(fd, data, len) != (ssize_t) len) {
        perror(path);
        exit(1);
    }

    close(fd);
}

#endif
