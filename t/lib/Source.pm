package Source;

# A server of key sets that behaves as it is told, also badly.
#
#     my $source = Source->new;
#     $source->serve($text);                          # 200 and that
#     $source->serve($text, way => 'trickle');        # a byte a second
#     my @requests = $source->requests;               # as they came
#
# It is to be there before a Gate chooses its own port.
#
# Each connection has a process of its own; what they are to do is read from
# files, so that it holds from the next connection on.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Gate;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

use Stack;


sub new {
    my ($class) = @_;

    my $dir = tempdir('portero-source-XXXXXX', DIR => '/var/tmp',
        CLEANUP => 1);
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 256, ReuseAddr => 1) or die "listen: $!\n";
    my $self = bless { dir => $dir, port => $listener->sockport,
                       owner => $$ }, $class;

    $self->serve('');
    Stack::replace("$dir/log", '');

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        $SIG{CHLD} = 'IGNORE';
        setpgrp;
        while (1) {
            my $socket = $listener->accept or next;
            my $child = fork // next;
            next if $child;
            $self->connection($socket);
            POSIX::_exit(0);
        }
    }
    $self->{pid} = $pid;
    return $self;
}


sub port { return $_[0]{port} }


# What is done: a status line and more, after so many seconds, and how.

sub behave {
    my ($self, %how) = @_;

    Stack::replace("$self->{dir}/how", join "\n",
        $how{head} // 'HTTP/1.1 200 OK', $how{after} // 0, $how{way} // '',
        $how{headers} // '');
    Stack::replace("$self->{dir}/body", $how{body} // '');
}


sub serve {
    my ($self, $text, %how) = @_;
    $self->behave(body => $text, %how);
}


sub connection {
    my ($self, $socket) = @_;

    my $request = '';
    while ($request !~ /\r\n\r\n/) {
        sysread($socket, $request, 65536, length $request) or return;
    }
    open my $log, '>>', "$self->{dir}/log" or return;
    syswrite $log, "$request\0";
    close $log;

    my ($head, $after, $way, $headers) =
        split /\n/, read_file("$self->{dir}/how"), 4;
    my $body = read_file("$self->{dir}/body");
    $headers =~ s/\n/\r\n/g;

    if ($way eq 'hang') {
        sleep 3600;
    }
    sleep $after;
    if ($way eq 'close') {
        return;
    }

    if ($way eq 'echo') {
        my ($n) = $request =~ /^Content-Length: (\d+)/mi;
        ($body) = $request =~ /\r\n\r\n(.*)/s;
        while (length $body < $n) {
            sysread($socket, $body, 65536, length $body) or return;
        }
    }

    my $length = $way eq 'short' ? length($body) + 10 : length $body;
    my $text = "$head\r\nConnection: close\r\n"
        . ($way eq 'endless' || $way eq 'chunkless' ? ''
            : "Content-Length: $length\r\n")
        . $headers . "\r\n";
    local $SIG{PIPE} = 'DEFAULT';
    if ($way eq 'trickle') {
        for my $byte (split //, $text . $body) {
            syswrite $socket, $byte;
            sleep 1;
        }
        return;
    }
    syswrite $socket, $text;
    if ($way eq 'endless') {
        while (1) { syswrite $socket, 'x' x 65536 or return }
    }
    syswrite $socket, $body;
    return;
}


sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return <$file> // '';
}


sub requests { return split /\0/, read_file("$_[0]{dir}/log") }
sub count    { my @all = $_[0]->requests; return scalar @all }


sub stop {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;
    kill 'TERM', -$self->{pid};
    waitpid delete $self->{pid}, 0;
}


sub DESTROY { $_[0]->stop }


1;
