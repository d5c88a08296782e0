package Bench;

# What the parts of "make bench" share: rows, medians, the CPU of a process.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Exporter 'import';

our @EXPORT_OK = qw(cpu median pin row schedstat worker);


sub median { my @v = sort { $a <=> $b } @_; return $v[$#v / 2] }


# A ratio, what it should be, and the figures that it was made of.

sub row {
    my ($name, $ratio, $goal, $detail) = @_;
    printf "%-46s %7.2f  goal %-9s %s\n", $name, $ratio, $goal, $detail // '';
}


# Everything on one processor, so that no server wakes another one to answer;
# or the clients on one of their own.

my @client;

sub pin {
    my ($apart) = @_;

    open my $file, '<', '/proc/self/status' or die "status: $!\n";
    my ($list) = join('', <$file>) =~ /^Cpus_allowed_list:\s+(\S+)/m;
    my ($first, $last) = (split /[-,]/, $list)[0, -1];
    system("taskset -cp $last $$ > /dev/null") == 0 or die "taskset: $?\n";
    @client = ('taskset', '-c', $first) if $apart;
    return;
}


# Microseconds of the process for each request of one wrk; what wrk is to be
# told besides the address follows.

sub cpu {
    my ($pid, $url, $seconds, @wrk) = @_;

    my $before = schedstat($pid);
    my $out = do {
        my $client = open my $wrk, '-|', @client, 'wrk', '-t1', '-c8', '-d60s',
            @wrk, $url
            or die "wrk: $!\n";
        sleep $seconds;
        kill INT => $client;            # has it say what it did so far
        local $/;
        <$wrk>;
    };
    my $after = schedstat($pid);

    my ($n) = $out =~ /(\d+) requests in/ or die $out;
    my ($refused) = $out =~ /Non-2xx or 3xx responses: (\d+)/;
    return (($after - $before) / 1000 / $n, $n, $refused // 0);
}


sub schedstat {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/schedstat" or die "schedstat: $!\n";
    return (split ' ', <$file>)[0];
}


sub worker {
    my ($master) = @_;
    open my $file, '<', "/proc/$master/task/$master/children" or die $!;
    return (split ' ', <$file>)[0];
}


1;
