package Count;

# Instructions of nginx for a request, counted by callgrind: the same every
# time, where times are not.
#
#     my %count = count($gate);           # "remembered ES256" => 12345, ...
#
# What OpenSSL does is left out: it takes other code on other processors, and is
# not ours.  The rest is nginx, the module and the C library, from the
# first byte read to the last one written.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use Gate;
use Token;

our @EXPORT_OK = qw(count rows);

use constant { WARM => 30, REQUESTS => 200 };

# name, cache or none, path, and what is in Authorization.

my @ROWS = (
    ['plain',                    1, '/plain', 'ES256'],
    ['remembered HS256',         1, '/jwt',   'HS256'],
    ['remembered ES256',         1, '/jwt',   'ES256'],
    ['remembered ES256, 2 KB',   1, '/jwt',   'large'],
    ['remembered, but expired',  1, '/jwt',   'expiring'],
    ['first sight HS256',        0, '/jwt',   'HS256'],
    ['first sight RS256',        0, '/jwt',   'RS256'],
    ['first sight ES256',        0, '/jwt',   'ES256'],
    ['refused: no token',        1, '/jwt',   undef],
    ['refused: garbage',         1, '/jwt',   'garbage'],
    ['refused: bad signature',   1, '/jwt',   'forged'],
);


sub rows { return map { $_->[0] } @ROWS }


sub count {
    my ($gate) = @_;

    my %token = tokens($gate);
    my %count;
    for my $cached (1, 0) {
        my $pid = start($gate, $cached);
        request($gate, '/jwt', $token{expiring}) if $cached;
        for my $row (grep { $_->[1] == $cached } @ROWS) {
            my ($name, undef, $path, $kind) = @$row;
            expire($gate, $token{expiring}) if ($kind // '') eq 'expiring';
            $count{$name} = measure($gate, $pid, $path,
                defined $kind ? $token{$kind} : undef);
        }
        $gate->stop_part('callgrind', 'QUIT');
    }
    return %count;
}


# The first claims are what the login service writes.

sub tokens {
    my ($gate) = @_;

    my $es = Token::key('ES256');
    my $rsa = Token::key('RS256');
    my $hs = 'k' x 32;
    Stack::replace($gate->path('run/count.json'), Token::jwks(
        Token::jwk($es, kid => 'e'), Token::jwk($rsa, kid => 'r'),
        Token::jwk($hs, kid => 'h')));

    my %claims = (iss => 'https://www.example.com', exp => 4_000_000_000,
        aud => 'https://www.example.com', iat => 1_700_000_000, ver => 1,
        sub => '7f3158a0-6a25-4f0e-9d55-0d1f3d3a6a0c', name => 'ana',
        sid => '0b6e5c1c-58b9-4f53-8f62-5cf0f2d5a0aa', roles => ['reader'],
        jti => 'Zb0l8gYQe0k7a2T6r3m1xw', client_id => 'portero');

    my $token = Token::mint('ES256', $es, 'e', %claims);
    return (
        ES256    => $token,
        HS256    => Token::mint('HS256', $hs, 'h', %claims),
        RS256    => Token::mint('RS256', $rsa, 'r', %claims),
        large    => Token::mint('ES256', $es, 'e', %claims,
            more => join ' ', ('permission:something') x 60),
        expiring => Token::mint('ES256', $es, 'e', %claims, exp => time + 12),
        forged   => $token =~ s/.{10}\z/AAAAAAAAAA/r,
        garbage  => 'x' x 400,
    );
}


sub start {
    my ($gate, $cached) = @_;

    my $cache = $cached ? '' : 'auth_jwt_token_cache off;';
    my $preamble = $gate->nginx_preamble;
    $preamble =~ s/^user .*\n//m;
    $preamble =~ s/info;/crit;/;
    Stack::replace($gate->path('nginx/count.conf'), <<"CONF");
$preamble
events {}
http {
    access_log off;
@{[ $gate->nginx_http_preamble ]}
    $cache
    auth_jwt_key_file $gate->{data}/run/count.json;
    auth_jwt_key_cache 1h;
    server {
        listen 127.0.0.1:$gate->{port};
        keepalive_requests 1000000;
        location = /plain { empty_gif; }
        location = /jwt {
            auth_jwt bench;
            auth_jwt_identity_header X-User sub;
            auth_jwt_identity_header X-User-Roles roles;
            empty_gif;
        }
    }
}
CONF
    my $out = $gate->path('run/callgrind');
    unlink glob "$out*";
    $gate->start('callgrind', $gate->path('log/callgrind.log'), undef,
        'valgrind', '--tool=callgrind', "--callgrind-out-file=$out",
        '/usr/sbin/nginx', '-p', $gate->path('nginx'), '-e',
        $gate->path('log/count.log'), '-c', $gate->path('nginx/count.conf'),
        '-g', 'daemon off; master_process off;');
    $gate->wait_for('callgrind', sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $gate->{port}, Timeout => 1);
    });
    return $gate->pid('callgrind');
}


sub measure {
    my ($gate, $pid, $path, $token) = @_;

    my $socket = connection($gate);
    ask($socket, $path, $token) for 1 .. WARM;
    control('-z', $pid);
    ask($socket, $path, $token) for 1 .. REQUESTS;

    # A dump has the next number behind the name.

    my $out = $gate->path('run/callgrind');
    my $before = () = glob "$out.*";
    control('-d', $pid);
    my $end = time + 20;
    my @dumps;
    while (time < $end) {
        @dumps = sort { number($a) <=> number($b) } glob "$out.*";
        last if @dumps > $before && whole($dumps[-1]);
        sleep 0.02;
    }
    return int instructions($dumps[-1]) / REQUESTS;
}


sub number { return $_[0] =~ /\.(\d+)\z/ ? $1 : 0 }


sub whole {
    my ($path) = @_;
    open my $file, '<', $path or return 0;
    return scalar grep { /^totals:/ } <$file>;
}


sub control {
    my ($what, $pid) = @_;
    my $said = qx(callgrind_control $what $pid 2>&1);
    die "callgrind_control: $said" if $?;
}


# Costs by object, without what is below a call: it stands where it was spent.

sub instructions {
    my ($path) = @_;

    open my $file, '<', $path or die "$path: $!\n";
    my (%object, $current, $called, $sum);
    $sum = 0;
    while (<$file>) {
        if (/^ob=\((\d+)\)(?: (.*))?/) {
            $object{$1} = $2 if defined $2;
            $current = $object{$1} // '';
        } elsif (/^c?ob=\((\d+)\) (.*)/) {
            $object{$1} = $2;
        } elsif (/^calls=/) {
            $called = 1;
        } elsif (/^[+\-*\d]\S* (\d+)/) {
            $sum += $1 if !$called && ($current // '') !~ /libcrypto/;
            $called = 0;
        }
    }
    return $sum;
}


# Until a token that was remembered has ended.

sub expire {
    my ($gate, $token) = @_;
    my $end = time + 40;
    while (time < $end) {
        return if request($gate, '/jwt', $token) == 401;
        sleep 0.2;
    }
    die "the token did not end\n";
}


sub request {
    my ($gate, $path, $token) = @_;
    return ask(connection($gate), $path, $token);
}


sub connection {
    my ($gate) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $gate->{port}) || die "connect: $!\n";
}


sub ask {
    my ($socket, $path, $token) = @_;

    my $header = defined $token ? "Authorization: Bearer $token\r\n" : '';
    syswrite $socket, "GET $path HTTP/1.1\r\nHost: bench\r\n$header\r\n";
    my $text = '';
    while (1) {
        sysread($socket, $text, 4096, length $text) or die "closed: $text\n";
        my ($length) = $text =~ /^Content-Length: (\d+)/mi or next;
        last if $text =~ /\r\n\r\n(.*)\z/s && length $1 >= $length;
    }
    return $text =~ m{\AHTTP/1.1 (\d+)} ? $1 : 0;
}


1;
