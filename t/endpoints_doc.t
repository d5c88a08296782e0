# docs/endpoints.md: its examples, pasted into a shell one after the other, get
# the answers that stand there; and no endpoint is without one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use Command qw(portero);
use Gate;
use Secrets qw(note note_value);

my $ROOT = "$FindBin::Bin/..";
my $page = text("$ROOT/docs/endpoints.md");
my ($examples) = $page =~ /^## Examples\n(.*)/ms;
my @examples = map { s/^    //gmr } $examples =~ /^(    \$ .*?\n)(?=\n|\z)/msg;

my $gate = Gate->new(settings => { REFRESH_GRACE_SECONDS => 0 });
$gate->start_all;
$gate->add_user('ana', 'correct horse battery', 'reader');

my $client = JSON::PP->new->decode(portero($gate, ['--json', 'client', 'add',
    'till', '--scope', 'orders:read'])->{out});
note_value($client->{client_secret});

my %known = (URL => $gate->url,
    CLIENT => "till:$client->{client_secret}");
my $json = JSON::PP->new;

cmp_ok(scalar @examples, '>', 15, 'examples are found');
for my $example (@examples) {
    my ($command, $expected) = $example =~ /\A\$ (.*?)\n((?:\{|\d).*)\z/s;
    my ($name) = $command =~ m{\$URL(/[\w./-]+)};

    $known{LINK} = link_for('ana') if $command =~ /\$LINK/;
    local @ENV{keys %known} = values %known;
    my $said = run($command);
    note($said);

    if ($expected =~ /\A\d/) {
        is($said, $expected, "$name: " . $expected =~ s/\n//r);
        next;
    }

    my $got = eval { $json->decode($said) } // { not_json => $said };
    is(differs($json->decode($expected), $got, ''), '', "$name: as it says");

    $known{ACCESS} = $got->{access_token}
        if $got->{refresh_token} && $got->{access_token};
    $known{REFRESH} = $got->{refresh_token} if $got->{refresh_token};
    $known{ID} = $got->{session}{id} if $got->{refresh_token};
    $known{TOKEN} = $got->{access_token} if $name eq '/oauth/token'
        && $got->{access_token};
}

my %shown = map { $_ => 1 } map { m{\$URL(/[\w./-]+)} } @examples;
my @routes = text("$ROOT/login-service/routes.c")
    =~ /\{ LANE_\w+, HTTP_\w+, "([^"]+)",/g;
cmp_ok(scalar @routes, '>', 15, 'the routes are found');
is_deeply([grep { !$shown{$_} } @routes], ['/internal/revocations',
    '/metrics'], 'each endpoint that clients reach has an example');
like($page, qr/`[^`]*\Q$_\E/, "$_ is described")
    for grep { !m{^/(?:readyz|healthz|metrics)} } @routes;

$gate->finish;
done_testing();


# Asked for again while nginx says that there were too many.

sub run {
    my ($command) = @_;

    my $end = time + 20;
    while (1) {
        Stack::replace($gate->path('run/example'), $command);
        my $said = qx(/bin/bash @{[ $gate->path('run/example') ]});
        return $said if $said !~ /slow_down/ || time > $end;
        sleep 0.2;
    }
}


# '', or where an answer is not of this shape: "..." is any text with something
# in it, a number any number; all else is exact.

sub differs {
    my ($expected, $got, $at) = @_;

    if (ref $expected eq 'HASH') {
        return "$at is no object" if ref $got ne 'HASH';
        my @keys = (join(' ', sort keys %$expected),
                    join(' ', sort keys %$got));
        return "$at has $keys[1], not $keys[0]" if $keys[0] ne $keys[1];
        return join '', map { differs($expected->{$_}, $got->{$_}, "$at.$_") }
            sort keys %$expected;
    }
    if (ref $expected eq 'ARRAY') {
        return "$at has not so many elements"
            if ref $got ne 'ARRAY' || @$got != @$expected;
        return join '', map { differs($expected->[$_], $got->[$_], "$at\[$_]") }
            0 .. $#$expected;
    }
    return '' if !ref $got && $expected eq '...' && length $got;
    return '' if !ref $got && $expected =~ /\A[\d.]+\z/
        && $got =~ /\A[\d.]+\z/;
    return '' if defined $got && "$expected" eq "$got";
    return "$at is " . ($got // 'null') . ", not $expected; ";
}


sub link_for {
    my ($user) = @_;
    my ($token) = $gate->portero('user', 'reset-link', $user)
        =~ /([\w-]{30,})/;
    note_value($token);
    return $token;
}


sub text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}
