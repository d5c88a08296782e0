package Watch;

# What tests wait for, and what they see of processes.
#
#     ok(within(sub { $gate->get('/readyz')->{status} == 200 }), 'ready');
#     my $before = workers($gate->pid('nginx'));      # "123 124"
#     my $kib = resident((split ' ', $before)[0]);

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(resident within workers);

use constant PATIENCE => 30;


# Whether it comes true; so many seconds are enough to know.

sub within {
    my ($condition, $patience) = @_;

    my $end = time + ($patience // PATIENCE);
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.05;
    }
    return 0;
}


# The children of a process, as one text to compare.

sub workers {
    my ($master) = @_;

    open my $file, '<', "/proc/$master/task/$master/children"
        or die "$master: $!\n";
    return join ' ', sort { $a <=> $b } split ' ', <$file> // '';
}


# The memory of a process, in KiB.

sub resident {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/status" or die "$pid: $!\n";
    my ($kib) = join('', <$file>) =~ /^VmRSS:\s+(\d+)/m;
    return $kib;
}


1;
