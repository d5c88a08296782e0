package Held;

# A transaction that stays open, so that others wait for its locks; and
# functions that run at the same time.
#
#     my $held = Held->new($gate, "SELECT ... FOR UPDATE");
#     my $both = together(sub { ... }, sub { ... }, sub {
#         $held->wait_for_waiters(2);
#         $held->commit;
#     });

use strict;
use warnings;

use Exporter 'import';
use IPC::Open2;
use POSIX ();
use Storable ();
use Time::HiRes qw(sleep time);

use Stack;

our @EXPORT_OK = qw(together);


sub new {
    my ($class, $gate, @sql) = @_;

    my $pid = open2(my $out, my $in, Stack::pg('psql'), '-XAtq', '-v',
        'ON_ERROR_STOP=1', '-h', $gate->pgsocket, '-U', 'portero_owner',
        '-d', 'portero');
    my $self = bless { gate => $gate, pid => $pid, out => $out, in => $in,
                       owner => $$ }, $class;

    $self->say('BEGIN', @sql);
    return $self;
}


# Returns when all of it has run.

sub say {
    my ($self, @sql) = @_;

    print { $self->{in} } map({ "$_;\n" } @sql), "\\echo done\n";
    $self->{in}->flush;
    while (defined(my $line = readline $self->{out})) {
        return if $line eq "done\n";
    }
    die "psql left\n";
}


sub commit {
    my ($self) = @_;
    $self->say('COMMIT');
}


# Until so many connections of the service wait for a lock; until anybody does.

sub wait_for_waiters {
    my ($self, $n) = @_;
    $self->wait_for_locks($n, q{usename = 'portero_service'});
}


sub wait_for_blocked { $_[0]->wait_for_locks(1, 'true') }


sub wait_for_locks {
    my ($self, $n, $who) = @_;

    my $end = time + 10;
    while (time < $end) {
        my $waiting = $self->{gate}->psql('postgres', 'postgres', qq{
            SELECT count(*) FROM pg_stat_activity
            WHERE $who AND wait_event_type = 'Lock'});
        return if $waiting >= $n;
        sleep 0.02;
    }
    die "nobody waits\n";
}


sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    close $self->{in};
    close $self->{out};
    waitpid $self->{pid}, 0;
}


# What each function returns, as a list of references.  The last one runs in
# this process, and its value is not among them.

sub together {
    my (@functions) = @_;

    my $last = pop @functions;
    my @pipes = map { start($_) } @functions;
    $last->();

    return map { my ($pid, $pipe) = @$_;
                 my $value = Storable::fd_retrieve($pipe);
                 waitpid $pid, 0;
                 $value } @pipes;
}


sub start {
    my ($function) = @_;

    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        Storable::store_fd($function->(), $write);
        $write->flush;
        POSIX::_exit(0);
    }

    close $write;
    return [$pid, $read];
}


1;
