#!/usr/bin/perl

# auth_jwt_token_cache: what is remembered of a token, and that nothing passes
# by it that would not have passed without.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Gate;
use Token;

my $es = Token::key('ES256');
my $rsa = Token::key('RS256');
my $secret = Token::key('HS256');
my $gate = Gate->new;

$gate->create_folders;
write_keys('a', Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r'));
write_keys('same', Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r'));
write_keys('other', Token::jwk(Token::key('ES256'), kid => 'k'));
write_keys('more', Token::jwk($es), Token::jwk(Token::key('ES256'), kid => 'x'));
write_keys('secret', Token::jwk($secret, kid => 'h'));
Stack::replace($gate->path('web/file.html'), "inside\n");
my ($read, @asked) = (0);


subtest 'a token is verified once' => sub {
    start();
    for my $token (mint(), Token::mint('RS256', $rsa, 'r', sub => 'ann')) {
        is(ask($token), '200 ok verified', 'at first sight');
        my $first = $asked[-1];
        for (1, 2) {
            is(ask($token), '200 ok remembered', 'then it is remembered');
            is_deeply($asked[-1], $first, 'with the same answer');
        }
        is(ask($token, '/inherits/'), '200 ok remembered',
            'in other places with the same keys as well');
    }
    is(ask(Token::mint('HS256', $secret, 'h'), '/secret/'), '200 ok verified',
        'HS256');
};


subtest 'what is not exactly that token' => sub {
    my $token = mint();
    ask($token);
    is(ask($token), '200 ok remembered', 'a token is remembered');

    my $known = 0;
    for my $i (0 .. length($token) - 1) {
        my $copy = $token;
        my $c = substr $copy, $i, 1;
        substr $copy, $i, 1, $c eq 'A' ? 'B' : $c eq '.' ? 'A' : 'A';
        my $how = ask($copy);
        $known++ if $how !~ /^401 (?:malformed|algorithm|key|signature) /
            || $how =~ /remembered/;
    }
    is($known, 0, 'with any one letter changed it is refused, and not known');
    is(ask("$token="), '401 malformed verified', 'nor with one more');
    is(ask(substr $token, 1), '401 malformed verified', 'nor with one less');
    is(ask($token), '200 ok remembered', 'it is still remembered');
};


subtest 'times are judged each time' => sub {
    my $token = mint(exp => time + 3);
    is(ask($token), '200 ok verified', 'a token that ends soon');
    is(ask($token), '200 ok remembered', 'is remembered');
    wait_for(sub { ask($token) !~ /^200/ });
    is(ask($token), '401 expired remembered', 'until it ends');
    is(ask($token, '/leeway/'), '200 ok remembered',
        'a leeway counts where it is set');
    is(ask($token), '401 expired remembered', 'and there only');

    $token = mint(nbf => time + 100);
    is(ask($token), '401 not_yet verified', 'a token of the future');
    is(ask($token), '401 not_yet verified', 'is not remembered');
    is(ask($token, '/leeway/'), '200 ok verified', 'but where it passed');
    is(ask($token), '401 not_yet remembered', 'and passes nowhere else');

    $token = mint(exp => undef);
    is(ask($token, '/endless/'), '200 ok verified', 'one without an end');
    is(ask($token, '/endless/'), '200 ok remembered', 'is remembered');
    is(ask($token), '401 expired remembered', 'and passes nowhere else');
};


subtest 'each place decides for itself' => sub {
    my %place = (
        '/issuer/' => 'issuer', '/audience/' => 'audience', '/typ/' => 'typ',
        '/require/' => 'claim',
    );

    for my $path (sort keys %place) {
        my $token = mint();
        like(ask($token, $path), qr/^401 $place{$path} verified/,
            "$path refuses it");
        like(ask($token), qr/^200 ok /, 'another place does not');
        is(ask($token, $path), "401 $place{$path} remembered",
            "$path refuses it, though remembered");
        is(ask($token), '200 ok remembered', 'and the other passes it');
    }
    my $token = mint(iss => 'https://a.test', aud => ['x', 'api'], role => 1,
        _typ => 'at+jwt');
    ask($token);
    is(ask($token, $_), '200 ok remembered', "what $_ asks for passes")
        for sort keys %place;
};


subtest 'other keys and algorithms do not meet an entry' => sub {
    my $token = mint();
    ask($token);
    is(ask($token), '200 ok remembered', 'remembered');
    is(ask($token, '/other/'), '401 signature verified',
        'another key with the same kid');
    is(ask($token, '/rsa/'), '401 algorithm verified', 'another algorithm');
    is(ask($token, '/same/'), '200 ok verified', 'the same key elsewhere');
    is(ask($token, '/more/'), '200 ok verified', 'a key without a kid');
    is(ask($token, '/shadowed/'), '401 signature verified',
        'behind keys that have this kid');
    is(ask($token, $_->[0]), $_->[1], "and again: $_->[0]")
        for ['/other/', '401 signature verified'],
            ['/rsa/', '401 algorithm verified'],
            ['/same/', '200 ok remembered'], ['/more/', '200 ok remembered'],
            ['/shadowed/', '401 signature verified'], ['/', '200 ok remembered'];
};


subtest 'new keys are new at once, wherever they were seen' => sub {
    my $token = mint();
    ask($token, '/looks/');
    is(ask($token), '200 ok remembered', 'remembered') for 1, 2;

    write_keys('a', Token::jwk(Token::key('ES256'), kid => 'k'));
    is(ask($token, '/looks/'), '401 signature verified',
        'a place that looks for each request: the old key is gone');
    is(ask($token), '401 signature verified',
        'another one, whose keys are kept for ten minutes, knows as well');

    write_keys('a', Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r'));
    is(ask($token, '/looks/'), '200 ok verified', 'the key is back');
    is(ask($token), '200 ok remembered', 'in both');
};


subtest 'a reload brings new keys' => sub {
    my $token = mint();
    ask($token);
    is(ask($token), '200 ok remembered', 'remembered');
    write_keys('a', Token::jwk(Token::key('ES256'), kid => 'k'),
        Token::jwk($rsa, kid => 'r'));
    kill HUP => $gate->pid('nginx');
    like($gate->nginx_says('worker process \d+ exited'), qr/code 0/, 'reload');
    is(ask($token), '401 signature verified', 'the old key is gone');
    write_keys('a', Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r'));
    $gate->stop_part('nginx');
};


subtest 'no more tokens than the number' => sub {
    start(cache => 'auth_jwt_token_cache 3;');
    my @token = map { mint(n => $_) } 0 .. 4;

    is(ask($token[$_]), '200 ok verified', "token $_") for 0 .. 2;
    is(ask($token[0]), '200 ok remembered', 'the first is used again');
    is(ask($token[3]), '200 ok verified', 'a fourth comes');
    is(ask($token[1]), '200 ok verified', 'the one unused for longest left');
    is(ask($token[0]), '200 ok remembered', 'and no other');
    is(most('tokens'), 3, 'never more than three');

    my $evil = Token::key('ES256');
    ask($token[0]);
    for my $n (1 .. 20) {
        ask(Token::mint('ES256', $evil, 'k', n => $n));
        ask(mint(exp => time - $n));
        ask(mint(nbf => time + 100 * $n));
        ask(mint(n => $n), '/issuer/');
        ask("garbage$n" x 20);
        ask(Token::mint('ES256', $es, 'unknown', n => $n));
    }
    is(ask($token[0]), '200 ok remembered',
        'what is refused pushes nothing out');
    $gate->stop_part('nginx');
};


subtest 'a request goes on with what is remembered no longer' => sub {
    start(cache => 'auth_jwt_token_cache 1;');
    my $token = mint(sub => 'ann');
    for my $n (1 .. 3) {
        is(ask($token), '200 ok verified', "token, time $n");
        is(ask($token), '200 ok remembered', 'it is the one remembered');
        is(ask($token, '/asks/', 'X-Second' => mint(sub => 'bob')),
            '200 ok remembered', 'a subrequest with another takes its place');
        like($asked[-1], qr/^\{.*"ann".*\}\|ann\|ES256\|k\z/,
            'the request has its own claims');
    }
    $gate->stop_part('nginx');
};


subtest 'no more bytes than the size' => sub {
    start(cache => 'auth_jwt_token_cache 1000 size=64k;');
    my @token = map { mint(n => $_, long => 'x' x (500 * ($_ % 10))) } 1 .. 40;
    for (1, 2) {
        like(ask($_), qr/^200 ok /, 'passes') for @token;
    }
    cmp_ok(most('bytes'), '<=', 65536, 'never more than 64k');
    cmp_ok(most('bytes'), '>', 48 * 1024, 'nearly all of it');
    is(ask($token[-1]), '200 ok remembered', 'the last one is remembered');
    is(ask($token[0]), '200 ok verified', 'the first one no longer');
    $gate->stop_part('nginx');
};


subtest 'off' => sub {
    start(cache => 'auth_jwt_token_cache off;');
    my $token = mint();
    is(ask($token), '200 ok verified', 'nothing is remembered') for 1 .. 3;
    $gate->stop_part('nginx');
};


subtest 'what is no setting' => sub {
    my $number = '1 to 1048576 or "off" would be right';
    my $size = '"size=4m", from 64k, would be right';

    for (['0', $number], ['-1', $number], ['many', $number],
         ['1048577', $number], ['off size=1m', $number], ['10 1m', $size],
         ['10 size=', $size], ['10 size=32k', $size], ['10 size=-1', $size],
         ['10 size=1x', $size]) {
        like(tested("auth_jwt_token_cache $_->[0];"),
            qr/\[emerg\].*\Q$_->[1]\E in .*:\d+/, "refused: $_->[0]");
    }
    like(tested("auth_jwt_token_cache 1;\nauth_jwt_token_cache 2;"),
        qr/\[emerg\].*"auth_jwt_token_cache" directive is duplicate/, 'twice');
    like(tested('server { auth_jwt_token_cache 1; }'),
        qr/\[emerg\].*is not allowed here/, 'in a server');
    unlike(tested("auth_jwt_token_cache $_;"), qr/emerg/, "$_ is fine")
        for 'off', '1', '1048576 size=1024m', '1 size=64k';
};


$gate->finish;
done_testing();


sub write_keys {
    my ($name, @keys) = @_;
    Stack::replace($gate->path("run/$name.json"), Token::jwks(@keys));
}


sub mint { return Token::mint('ES256', $es, 'k', n => rand, @_) }


sub start {
    my (%o) = @_;

    my $preamble = $gate->nginx_preamble;
    $preamble =~ s/worker_processes auto/worker_processes 1/;
    $preamble .= 'error_log ' . debug_log() . " debug;\n";
    my $place = sub {
        "location $_[0] { alias $gate->{data}/web/; auth_jwt a; $_[1] }\n"
    };
    my $keys = sub {
        join ' ', map { "auth_jwt_key_file $gate->{data}/run/$_.json;" } @_
    };

    $gate->start_nginx(<<"CONF");
$preamble
events {}
http {
    access_log off;
@{[ $gate->nginx_http_preamble ]}
    @{[ $o{cache} // '' ]}
    @{[ $keys->('a') ]}
    server {
        listen 127.0.0.1:$gate->{port};
        add_header X-Status \$jwt_status always;
        add_header X-Claims "\$jwt_payload|\$jwt_claim_sub|\$jwt_header_alg|\$jwt_kid";
        @{[ $place->('/', '') ]}
        @{[ $place->('/inherits/', '') ]}
        @{[ $place->('/leeway/', 'auth_jwt_leeway 1h;') ]}
        @{[ $place->('/endless/', 'auth_jwt_exp optional;') ]}
        @{[ $place->('/issuer/', 'auth_jwt_issuer https://a.test;') ]}
        @{[ $place->('/audience/', 'auth_jwt_audience api;') ]}
        @{[ $place->('/typ/', 'auth_jwt_typ at+jwt;') ]}
        @{[ $place->('/require/', 'auth_jwt_require $jwt_claim_role;') ]}
        @{[ $place->('/rsa/', 'auth_jwt_algorithms RS256;') ]}
        @{[ $place->('/looks/', 'auth_jwt_key_cache 0;') ]}
        @{[ $place->('/other/', $keys->('other')) ]}
        @{[ $place->('/same/', $keys->('same')) ]}
        @{[ $place->('/more/', $keys->('more')) ]}
        @{[ $place->('/shadowed/', $keys->('more', 'other')) ]}
        @{[ $place->('/secret/', $keys->('secret')) ]}
        @{[ $place->('/asks/', 'auth_request /second/file.html;') ]}
        location /second/ {
            alias $gate->{data}/web/;
            auth_jwt a token=\$http_x_second;
            auth_jwt_identity_header X-User sub;
        }
    }
}
CONF
    new_log();
}


# On that level nginx itself writes down what clients sent, tokens too.

sub debug_log { return $gate->path('nginx/debug.log') }


# What nginx wrote into it since it was asked last.

sub new_log {
    open my $file, '<', debug_log() or die "log: $!\n";
    seek $file, $read, 0;
    my $text = do { local $/; <$file> } // '';
    $read += length $text;
    return $text;
}


# "status, \$jwt_status, whether the signature was verified or remembered".

sub ask {
    my ($token, $path, @more) = @_;

    my $answer = $gate->get(($path // '/') . 'file.html',
        Authorization => "Bearer $token", @more);
    push @asked, Gate::header($answer, 'X-Claims');

    my ($how) = new_log() =~ /auth_jwt: signature is (?:to be )?(\w+)/;
    return join ' ', $answer->{status}, Gate::header($answer, 'X-Status'),
        $how // 'not looked at';
}


sub wait_for {
    my ($condition) = @_;

    my $end = time + 20;
    while (!$condition->()) {
        die "it does not come\n" if time > $end;
        sleep 0.05;
    }
}


# The largest number that the log tells of the cache since nginx started.

sub most {
    my ($unit) = @_;

    my @lines = do { local @ARGV = debug_log(); <> };
    my ($start) = grep { $lines[$_] =~ /start worker processes/ }
        reverse 0 .. $#lines;
    my ($most) = sort { $b <=> $a }
        map { /cache has .*?(\d+) $unit/ ? $1 : () } @lines[$start .. $#lines];
    return $most;
}


sub tested {
    my ($directive) = @_;

    my $conf = $gate->path('nginx/test.conf');
    Stack::replace($conf, $gate->nginx_preamble, "events {}\nhttp {\n",
        $gate->nginx_http_preamble, "$directive\n}\n");
    local %ENV = (%ENV, $gate->sanitizer_environment);
    return scalar qx(/usr/sbin/nginx -t -p $gate->{data}/nginx \\
        -e $gate->{data}/log/test.log -c $conf 2>&1);
}
