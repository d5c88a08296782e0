package Events;

# The events that the service may log, read from login-service/log.c, and what
# is wrong with the lines of a log.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use JSON::PP;

our @EXPORT_OK = qw(events faults);

my $LOG_C = abs_path(dirname(__FILE__) . '/../../login-service/log.c');


# Rows of [constant, name, level], in the order of the table.

sub events {
    open my $file, '<', $LOG_C or die "$LOG_C: $!\n";
    my ($table) = join('', <$file>) =~ /\blog_rows\[[^\]]*\] = \{(.*?)^\};/ms;
    my @rows;
    push @rows, [$1, $2, $3]
        while $table =~ /\[(LOG_\w+)\]\s*= \{ "(\w+)",\s+"(\w+)" \}/g;
    return @rows;
}


# Lines that are no JSON object of texts with an event of the table and its
# level, or that say a thing twice.

sub faults {
    my ($log) = @_;

    my %level = map { $_->[1] => $_->[2] } events();
    my $json = JSON::PP->new->utf8;

    open my $file, '<:raw', $log or die "$log: $!\n";
    return grep { my $line = $_; !eval {
        my %event = %{ $json->decode($line) };
        my $names = () = $line =~ /[{,]"\w+":/g;
        ($event{time} // '') =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
            && $level{$event{event}} eq $event{level}
            && $event{role} =~ /^(?:master|password|token|internal)$/
            && $event{pid} =~ /^\d+$/
            && $names >= keys %event && !grep { ref } values %event;
    } } <$file>;
}


1;
