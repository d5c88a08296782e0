#!/usr/bin/perl

# Nothing of one request reaches another: 10,000 requests of random users, or
# of nobody, over kept connections and several workers, through redirects and
# error pages; each answer carries its own user, in headers, in variables and
# in what the backend got.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Gate;
use Record;
use Site;
use Token;

use constant { REQUESTS => 10_000, CLIENTS => 8, USERS => 100 };

my $site = Site->new(qw(file page));
my $pass = Record::pass($site, 'http');
my %user = map { $_ => $site->token(sub => $_, role => $_ =~ /[02468]$/
    ? 'admin' : 'none') } map { "user$_" } 1 .. USERS;
my $expired = $site->token(sub => 'old', exp => time - 60);
my $other = Token::key('ES256');

Record::start($site, 'http');
my $conf = $site->conf(http => Record::upstream($site) . <<'HTTP',
    auth_jwt_identity_header X-User sub;
    auth_jwt_token_cache 50;
    map $jwt_claim_role $is_admin { volatile; default 0; admin 1; }
    log_format who '$request_uri $status "$jwt_claim_sub" $jwt_status';
HTTP
    server => <<"CONF");
        access_log @{[ $site->path('log/access.log') ]} who;
        keepalive_requests 100000;
        add_header X-Sub "\$jwt_claim_sub" always;
        add_header X-Status "\$jwt_status" always;
        location /file/ { auth_jwt a; }
        location /pass { auth_jwt a; $pass }
        location /optional { auth_jwt a; auth_jwt_optional on; $pass }
        location /open { $pass }
        location /admin {
            auth_jwt a;
            auth_jwt_require \$is_admin error=403;
            error_page 403 = /open;
            $pass
        }
        location /again { auth_jwt a; rewrite ^ /pass last; }
        location /named { auth_jwt a; try_files /none \@named; }
        location \@named { auth_jwt a; $pass }
        location /login { auth_jwt a; error_page 401 /page/file.html; $pass }
        location /page/ { }
CONF
$conf =~ s/worker_processes auto/worker_processes 2/;
$site->start_nginx($conf);

my $begin = time;
my @wrong = run();
is(join("\n", @wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]), '',
    REQUESTS . ' answers carry their own user, or none');
note(sprintf '%.1f s', time - $begin);

my (%seen, $lines);
open my $log, '<', $site->path('log/access.log') or die $!;
while (<$log>) {
    $lines++;
    my ($asked, $status, $sub) = m{\?u=(\w+)\S* (\d+) "(-|\w*)"} or next;
    $seen{$sub =~ /^-?$/ ? 'nobody' : $sub eq $asked ? 'own' : "$asked: $sub"}++;
}
is($lines, REQUESTS, 'each has a line in the access log');
is(join(' ', sort keys %seen), 'nobody own', 'with its own user, or none');
cmp_ok($seen{own}, '>', REQUESTS / 3, 'many with a user');

$site->finish;
done_testing();


# Clients of their own process; what was wrong comes back on a pipe.

sub run {
    pipe my $out, my $in or die "pipe: $!\n";
    my @pid;
    for my $client (1 .. CLIENTS) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            srand $client;
            my $socket;
            for (1 .. REQUESTS / CLIENTS) {
                undef $socket if rand() < 0.02;
                $socket //= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                    PeerPort => $site->{port}) or die "connect: $!\n";
                my $wrong = request(\$socket);
                syswrite $in, "$wrong\n" if defined $wrong;
            }
            POSIX::_exit(0);
        }
        push @pid, $pid;
    }
    close $in;
    chomp(my @wrong = <$out>);
    waitpid $_, 0 for @pid;
    return @wrong;
}


sub request {
    my ($socket) = @_;

    my $name = 'user' . (1 + int rand USERS);
    my $path = (qw(/file/file.html /pass /optional /open /admin /again /named
                   /login))[rand 8];
    my $kind = rand() < 0.6 ? 'good' : (qw(none expired forged))[rand 3];
    my $token = { good => $user{$name}, none => undef, expired => $expired,
                  forged => $user{$name} =~ s/.{8}\z/AAAAAAAA/r }->{$kind};
    my $lines = defined $token ? "Authorization: Bearer $token\r\n" : '';

    # Those who are nobody try to be somebody else.
    syswrite $$socket, "GET $path?u=$name HTTP/1.1\r\nHost: x\r\n"
        . "X-User: mallory\r\n$lines\r\n";
    my ($answer, $left) = read_answer($$socket);
    undef $$socket if $left;

    my $good = $kind eq 'good';
    my $admin = $name =~ /[02468]$/;
    my $status = $path eq '/open' || ($path eq '/optional' && $kind eq 'none')
        || $good ? 200 : 401;
    my $who = $good && $path ne '/open' ? $name : '';
    my $got = $path eq '/open' || $path =~ /file/
        || ($path eq '/admin' && !$admin) ? '' : $who;
    my $sub = Gate::header($answer, 'X-Sub');
    my $passed = join ',', $answer->{status} == 200 && $path !~ /file/
        ? Record::got($answer, 'X-User') : '';

    return "$path $kind $name: $answer->{status}, not $status"
        if ($answer->{status} // 0) != $status;
    return "$path $kind $name: X-Sub is \"$sub\", not \"$who\""
        if $sub ne $who;
    return "$path $kind $name: the backend got \"$passed\", not \"$got\""
        if $passed ne $got;
    return;
}


sub read_answer {
    my ($socket) = @_;

    my $text = '';
    while (1) {
        sysread($socket, $text, 65536, length $text) or return ({}, 1);
        my ($head, $body) = $text =~ /\A(.*?\r\n)\r\n(.*)\z/s or next;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        last if defined $length ? length $body >= $length
                                : $body =~ /(?:^|\n)0\r\n\r\n\z/;
    }
    my $answer = Gate::parse($text);
    return ($answer, Gate::header($answer, 'Connection') eq 'close');
}
