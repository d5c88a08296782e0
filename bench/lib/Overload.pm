package Overload;

# Logins from many addresses at once, and a user who refreshes meanwhile.
#
#     my $idle = refreshes($gate, $token, 3);          # for so many seconds
#     my ($busy, $logins) = flood($gate, $token, 5);
#
# Who is told to come again does so a quarter of a second later: else it would be
# the clients' own work that is measured.
#
# Of refreshes: { times => [seconds], status => { 200 => n }, token }.  Of
# logins: { 200 => n, '503 complete' => n, ... }: complete is with Retry-After
# and JSON.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

use Gate;

our @EXPORT_OK = qw(flood p95 refreshes);

use constant ADDRESSES => 64;


sub flood {
    my ($gate, $token, $seconds, %login) = @_;

    pipe my $out, my $in or die "pipe: $!\n";
    my @pid;
    for my $n (1 .. ADDRESSES) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $end = time + $seconds;
            while (time < $end) {
                my $said = login($gate, "127.0.1.$n", %login);
                syswrite $in, "$said\n";
                sleep 0.25 if $said ne '200';
            }
            POSIX::_exit(0);
        }
        push @pid, $pid;
    }
    close $in;

    sleep 0.5;
    my $busy = refreshes($gate, $token, $seconds - 1);
    my %logins;
    while (<$out>) {
        chomp;
        $logins{$_}++;
    }
    waitpid $_, 0 for @pid;
    return ($busy, \%logins);
}


sub login {
    my ($gate, $from, %login) = @_;

    my $answer = send_from($gate, $from, '/auth/login',
        { delivery => 'token', %login });
    my $status = $answer->{status} // 'none';
    return $status if $status eq '200';
    my $complete = Gate::header($answer, 'Retry-After') =~ /^\d+$/
        && ref $answer->{json} && $answer->{json}{error};
    return $complete ? "$status complete" : "$status bare";
}


# Fifty a second, as fast as they are answered else.

sub refreshes {
    my ($gate, $token, $seconds) = @_;

    my %result = (times => [], status => {}, token => $token);
    my $end = time + $seconds;
    while (time < $end) {
        my $begin = time;
        my $answer = send_from($gate, '127.0.0.1', '/auth/refresh',
            { refresh_token => $result{token} });
        my $took = time - $begin;
        push @{ $result{times} }, $took;
        $result{status}{ $answer->{status} // 'none' }++;
        $result{token} = $answer->{json}{refresh_token}
            if ($answer->{status} // 0) == 200;
        sleep 0.02 - $took if $took < 0.02;
    }
    return \%result;
}


sub send_from {
    my ($gate, $from, $path, $body) = @_;

    my $text = JSON::PP->new->encode($body);
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $gate->{port}, LocalAddr => $from) or return {};
    local $SIG{PIPE} = 'IGNORE';
    print {$socket} "POST $path HTTP/1.1\r\nHost: 127.0.0.1:$gate->{port}\r\n"
        . "Connection: close\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($text) . "\r\n\r\n$text";
    my $answer = do { local $/; <$socket> } // '';
    return Gate::parse($answer);
}


sub p95 {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[int 0.95 * $#sorted];
}


1;
