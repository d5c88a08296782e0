package Examples;

# The parts of nginx.conf in a page of docs/, held against nginx itself.
#
#     check_examples($site, examples(text("$ROOT/docs/keys.md")));
#
# asks nginx -t of each, which has to take it without a word.  Locations go
# into the server, all else into http.  What an example takes for granted on its
# host is made for it: keys, certificates, names of servers.
#
#     $site->run(placed($site, $example, 'idp.example.com' => "unix:$socket"));
#
# has it in force.

use strict;
use warnings;

use Exporter 'import';
use File::Path qw(make_path);
use Test::More;

use Gate;
use Token;

our @EXPORT_OK = qw(check_example check_examples examples placed text);


sub text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}


# What is indented by four; one blank line is within a block.

sub examples {
    my ($text) = @_;

    my @blocks = ('');
    for my $line (split /^/, $text) {
        if ($line =~ s/^    //) {
            $blocks[-1] .= $line;
        } elsif ($line =~ /\S/ && $blocks[-1]) {
            push @blocks, '';
        }
    }
    return grep { length } @blocks;
}


sub check_examples {
    my ($site, @examples) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $example (@examples) {
        my ($status, $said) = check_example($site, $example);
        my ($first) = $example =~ /^(.*)/;
        is("$status $said", '0 ', "nginx -t of: $first");
    }
}


# The exit status of nginx -t, and what it says.

sub check_example {
    my ($site, $example) = @_;
    return $site->check(placed($site, $example));
}


# Parts for $site->run() and the like; %server has the addresses of those names
# in https:// that somebody is to answer for.

sub placed {
    my ($site, $example, %server) = @_;

    prepare($site) unless $site->{examples}++;

    my $ca = $site->path('nginx/ca.pem');
    my $cache = $site->path('nginx/cache');
    $example =~ s{/etc/ssl/certs/ca-certificates\.crt}{$ca}g;
    $example =~ s{/var/cache/nginx/}{$cache/}g;

    my @locations = $example =~ /^(location .*?^\}\n)/msg;
    $example =~ s/^location .*?^\}\n//msg;

    # Known to no resolver, perhaps.
    my %host = map { $_ => '127.0.0.1:1' }
        join('', @locations) =~ m{https://([\w.-]+)/}g;
    %host = (%host, %server);
    my $hosts = join '', map { "upstream $_ { server $host{$_}; }\n" }
        sort keys %host;

    return (http => $hosts . $example, server => join '', @locations);
}


sub prepare {
    my ($site) = @_;

    make_path(map { $site->path("nginx/$_") } 'conf', 'logs', 'cache');
    Stack::replace($site->path("nginx/conf/$_->[0]"), Token::jwks(Token::jwk(
        $site->{key}, kid => $_->[1]))) for ['keys.json', 'k'],
        ['partner.json', 'p'];
    my $pem = $site->path('nginx/ca.pem');
    my $said = qx(openssl req -x509 -newkey ec -nodes -batch -subj /CN=ca \\
        -pkeyopt ec_paramgen_curve:P-256 -keyout /dev/null -out $pem 2>&1);
    die $said if $?;
}


1;
