/*
 * Runs a fuzz target over every file of its corpus, without a fuzzer, so that
 * what was once found stays found.  The corpus is t/fuzz/corpus/NAME, and NAME
 * that of the program; prints TAP.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>

#include "tap.h"


#define INPUT_SIZE  (1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
replay(const char *folder, const char *name)
{
    char      path[4096];
    FILE     *file;
    size_t    len;
    uint8_t  *data;

    snprintf(path, sizeof(path), "%s/%s", folder, name);

    file = fopen(path, "r");
    data = malloc(INPUT_SIZE);

    if (file == NULL || data == NULL) {
        perror(path);
        exit(1);
    }

    len = fread(data, 1, INPUT_SIZE, file);
    fclose(file);

    ok(LLVMFuzzerTestOneInput(data, len) == 0, "%s", name);
    free(data);
}


int
main(int argc, char **argv)
{
    int              i, n;
    char             folder[2048];
    const char      *name;
    struct dirent  **entries;

    (void) argc;

    name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    snprintf(folder, sizeof(folder), "t/fuzz/corpus/%s", name);

    n = scandir(folder, &entries, NULL, alphasort);

    if (n == -1) {
        perror(folder);
        return 1;
    }

    for (i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            replay(folder, entries[i]->d_name);
        }

        free(entries[i]);
    }

    free(entries);
    return done_testing();
}
