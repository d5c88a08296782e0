package FastCGI;

# The web server's side of FastCGI 1.0, one request a connection, as small as
# tests need it: with bytes that no web server would send.

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

use Secrets qw(note);

our @EXPORT_OK = qw(begin params stdin fcgi fcgi_connect fcgi_read);

use constant {
    TYPE_BEGIN  => 1,
    TYPE_PARAMS => 4,
    TYPE_STDIN  => 5,
    TYPE_STDOUT => 6,
};


sub record {
    my ($type, $content) = @_;

    return pack('CCnnCC', 1, $type, 1, length $content, 0, 0) . $content;
}


sub begin {
    my (%o) = @_;

    return record(TYPE_BEGIN, pack('nCx5', 1, $o{keep} ? 1 : 0));
}


# A list of names and values, so that one may come twice.
sub params {
    my @pairs = @_;

    my $text = '';

    while (my ($name, $value) = splice(@pairs, 0, 2)) {
        note($name =~ s/^HTTP_(\w)(.*)/$1\L$2/r . ": $value");
        $text .= size($name) . size($value) . $name . $value;
    }

    return stream(TYPE_PARAMS, $text);
}


sub stdin {
    my ($body) = @_;

    note($body);
    return stream(TYPE_STDIN, $body);
}


sub stream {
    my ($type, $text) = @_;

    return join('', map { record($type, $_) } $text =~ /(.{1,32768})/gs)
        . record($type, '');
}


sub size {
    my ($text) = @_;

    return length $text < 128 ? chr length $text
        : pack('N', length($text) | 0x80000000);
}


# The connection, or undef with $! set.
sub fcgi_connect {
    my ($path) = @_;

    return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path);
}


# What the application answers until it closes, undef if that takes longer.
sub fcgi_read {
    my ($sock, $seconds) = @_;

    my ($raw, $out) = ('', '');
    my $select = IO::Select->new($sock);

    while (1) {
        return undef unless $select->can_read($seconds // 20);
        last unless sysread($sock, $raw, 65536, length $raw);
    }

    while (length $raw >= 8) {
        my (undef, $type, undef, $len, $pad) = unpack('CCnnCC', $raw);
        $out .= substr($raw, 8, $len) if $type == TYPE_STDOUT;
        substr($raw, 0, 8 + $len + $pad) = '';
    }

    note($out);
    return $out;
}


# One request: fcgi($socket, POST => '/auth/login', body => '{}',
# headers => [HTTP_HOST => 'a']).  The answer as text, "Status: 200 OK" first.
sub fcgi {
    my ($path, $method, $uri, %o) = @_;

    my $body = $o{body} // '';

    my $sock = fcgi_connect($path) or return "connect: $!";
    local $SIG{PIPE} = 'IGNORE';

    my $request = begin(keep => $o{keep})
        . params(REQUEST_METHOD => $method, DOCUMENT_URI => $uri,
            QUERY_STRING => $o{query} // '', REMOTE_ADDR => '192.0.2.7',
            CONTENT_TYPE => $o{type} // (length $body ? 'application/json' : ''),
            CONTENT_LENGTH => $o{length} // (length $body || ''),
            @{$o{headers} // []})
        . stdin($body);

    while (length $request) {
        my $n = syswrite($sock, $request, 65536);
        last unless defined $n;
        substr($request, 0, $n) = '';
    }

    return fcgi_read($sock) // 'no answer';
}

1;
