package CheapHash;

# Processes that are started while $ENV{LD_PRELOAD} is what cheap_hashes()
# says make hashes of 2 MiB: a library in front of libcrypt lowers the cost.
# For tests that need many, and not their cost.
#
#     local $ENV{LD_PRELOAD} = cheap_hashes($gate);

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(cheap_hashes);


# The sanitizers' runtime, if there is one, has to be loaded first.

sub cheap_hashes {
    my ($gate) = @_;

    my %environment = $gate->sanitizer_environment;
    my $library = $gate->path('bin/cheap.so');
    open my $gcc, '|-', 'gcc', '-shared', '-fPIC', '-O1', '-D_GNU_SOURCE',
        '-o', $library, '-x', 'c', '-', '-ldl' or die "gcc: $!\n";
    print {$gcc} <<'C';
#include <dlfcn.h>

char *
crypt_gensalt_rn(const char *prefix, unsigned long cost, const char *bytes,
    int nbytes, char *output, int size)
{
    char *(*original)(const char *, unsigned long, const char *, int, char *,
                      int) = dlsym(RTLD_NEXT, "crypt_gensalt_rn");

    (void) cost;

    return original(prefix, 2, bytes, nbytes, output, size);
}
C
    close $gcc or die "gcc failed\n";
    return join ' ', grep { defined } $environment{LD_PRELOAD}, $library;
}


1;
