/*
 * Such a list may have 40 GB, so it is searched where it is: by halves, in
 * some 35 reads of a block that the system keeps.  It is opened each time, so
 * a new list put in its place is used at once.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <sys/stat.h>

#include <openssl/evp.h>

#include "password_list.h"


#define LIST_DIGEST   40            /* hex digits */
#define LIST_LINE     64            /* with a number, and CR LF */
#define LIST_SAMPLES  64

typedef struct {
    off_t   start;
    off_t   end;                    /* where the next one starts */
    char    digest[LIST_DIGEST + 1];
} list_line_t;


static int list_digest(const char *password, char digest[LIST_DIGEST + 1]);
static int list_search(int fd, off_t size, const char *digest);
static int list_line_from(int fd, off_t size, off_t from, list_line_t *line);
static int list_parse(const char *text, size_t len, list_line_t *line);
static const char *list_fault(int fd, off_t size);


int
password_list_find(const char *path, const char *password)
{
    int          fd, rc;
    char         digest[LIST_DIGEST + 1];
    struct stat  st;

    if (*path == '\0') {
        return 0;
    }

    rc = -1;
    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd != -1) {
        if (fstat(fd, &st) == 0 && list_digest(password, digest) == 0) {
            rc = list_search(fd, st.st_size, digest);
        }

        close(fd);
    }

    explicit_bzero(digest, sizeof(digest));
    return rc;
}


int
password_list_check(const char *path, char *error, size_t size)
{
    int          fd;
    const char  *fault;
    struct stat  st;

    if (*path == '\0') {
        return 0;
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        fault = strerror(errno);

    } else if (!S_ISREG(st.st_mode)) {
        fault = "it is no file";

    } else {
        fault = list_fault(fd, st.st_size);
    }

    if (fd != -1) {
        close(fd);
    }

    if (fault == NULL) {
        return 0;
    }

    snprintf(error, size, "PASSWORD_LIST: %s: %s; right would be lines of 40 "
             "hex digits, the SHA-1 of a password each, in order", path, fault);
    return -1;
}


static int
list_digest(const char *password, char digest[LIST_DIGEST + 1])
{
    int            i;
    unsigned char  bytes[LIST_DIGEST / 2];

    /* It proves nothing here; it is how such lists are written. */

    if (EVP_Digest(password, strlen(password), bytes, NULL, EVP_sha1(), NULL)
        != 1)
    {
        return -1;
    }

    for (i = 0; i < LIST_DIGEST / 2; i++) {
        snprintf(digest + 2 * i, 3, "%02x", bytes[i]);
    }

    explicit_bzero(bytes, sizeof(bytes));
    return 0;
}


/*
 * Lines that start before lo are smaller than the digest, those that start at
 * hi or later are larger.
 */
static int
list_search(int fd, off_t size, const char *digest)
{
    int          order;
    off_t        lo, hi, middle;
    list_line_t  line;

    lo = 0;
    hi = size;

    while (lo < hi) {
        middle = lo + (hi - lo) / 2;

        if (list_line_from(fd, size, middle, &line) != 0) {
            return -1;
        }

        if (line.start >= hi) {
            hi = middle;
            continue;
        }

        order = strcasecmp(line.digest, digest);

        if (order == 0) {
            return 1;
        }

        if (order < 0) {
            lo = line.end;
        } else {
            hi = middle;
        }
    }

    return 0;
}


/* The first line that starts at from or later; its start is size if none. */
static int
list_line_from(int fd, off_t size, off_t from, list_line_t *line)
{
    char      block[2 * LIST_LINE], *p;
    off_t     base;
    ssize_t   n;

    base = from > 0 ? from - 1 : 0;
    n = pread(fd, block, sizeof(block), base);

    if (n <= 0) {
        return -1;
    }

    p = block;

    if (from > 0) {
        p = memchr(block, '\n', n);

        if (p == NULL && base + n < size) {
            return -1;
        }

        p = p ? p + 1 : block + n;
    }

    line->start = base + (p - block);

    if (line->start >= size) {
        line->start = size;
        return 0;
    }

    return list_parse(p, n - (p - block), line);
}


static int
list_parse(const char *text, size_t len, list_line_t *line)
{
    size_t       i, n;
    const char  *end;

    end = memchr(text, '\n', len);
    n = end ? (size_t) (end - text) : len;
    line->end = line->start + n + (end != NULL);

    if (n < LIST_DIGEST || n > LIST_LINE) {
        return -1;
    }

    for (i = 0; i < LIST_DIGEST; i++) {
        if (text[i] == '\0' || strchr("0123456789abcdefABCDEF", text[i])
            == NULL)
        {
            return -1;
        }
    }

    if (n > LIST_DIGEST && text[LIST_DIGEST] != ':'
        && text[LIST_DIGEST] != '\r')
    {
        return -1;
    }

    memcpy(line->digest, text, LIST_DIGEST);
    line->digest[LIST_DIGEST] = '\0';

    return 0;
}


static const char *
list_fault(int fd, off_t size)
{
    int          i;
    char         before[LIST_DIGEST + 1];
    list_line_t  line;

    if (size == 0) {
        return "it is empty";
    }

    before[0] = '\0';

    for (i = 0; i < LIST_SAMPLES; i++) {

        if (list_line_from(fd, size, size / LIST_SAMPLES * i, &line) != 0) {
            return "it has other lines";
        }

        if (line.start == size) {
            break;
        }

        if (strcasecmp(before, line.digest) > 0) {
            return "it is not in order";
        }

        memcpy(before, line.digest, sizeof(before));
    }

    return NULL;
}
