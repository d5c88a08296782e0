package Record;

# Backends that answer with what they got (t/backends/), one a protocol.
#
#     Record::start($gate, qw(http grpc));
#     my $conf = Record::pass($gate, 'grpc');       # "grpc_pass ...;"
#     my @users = Record::got($answer, 'X-User');
#     my @records = Record::log_of($gate, 'X-Probe' => 7);
#
# The log has what a subrequest got, too.  A name is asked for by its letters
# and digits, as backends may understand it: so any spelling of it that came
# through is among the values.

use strict;
use warnings;

use FindBin;
use JSON::PP;

use Gate;

our @PROTOCOLS = qw(http fastcgi uwsgi scgi grpc);


sub start {
    my ($gate, @protocols) = @_;

    for my $protocol (@protocols) {
        my $socket = $gate->path("run/$protocol.sock");
        my @command = $protocol eq 'grpc'
            ? ('/usr/bin/python3', "$FindBin::Bin/backends/record_h2")
            : ($^X, "$FindBin::Bin/backends/record", $protocol);

        $gate->start("record-$protocol", $gate->backend_log, undef, @command,
            $socket);
        $gate->wait_for("record-$protocol",
            sub { Stack::listening($socket) });
    }
}


# With headers of nginx's own for the backend.

sub pass {
    my ($gate, $protocol, %header) = @_;

    my $socket = 'unix:' . $gate->path("run/$protocol.sock");
    my $cgi = $protocol !~ /^(?:http|grpc)$/;
    my $set = $protocol eq 'http' ? 'proxy_set_header'
        : $cgi ? "${protocol}_param" : 'grpc_set_header';
    my $more = join '', map {
        my $name = $cgi ? 'HTTP_' . uc tr/-/_/r : $_;
        " $set $name $header{$_};"
    } sort keys %header;

    return "proxy_pass http://backend_http;$more" if $protocol eq 'http';
    return "grpc_pass grpc://$socket;$more" if $protocol eq 'grpc';
    return "${protocol}_pass $socket; " .
           "${protocol}_param REQUEST_URI \$request_uri;$more";
}


# For the http level.

sub upstream {
    my ($gate) = @_;
    return 'upstream backend_http { server unix:' .
        $gate->path('run/http.sock') . '; }';
}


sub got {
    my ($answer, $name) = @_;

    my $json = $answer->{json} or return 'no record';
    return map { $_->[1] } grep { letters($_->[0]) eq letters($name) } @$json;
}


# What backends got since the last call, as answers of theirs are, and only
# where a header has this value.  Each is there before it is answered.

sub log_of {
    my ($gate, $name, $value) = @_;

    open my $file, '<', $gate->backend_log or die "backend.log: $!\n";
    seek $file, $gate->{read}{records} // 0, 0;
    my @lines = grep { /^\[\[/ } <$file>;
    $gate->{read}{records} = tell $file;
    return grep { join(',', got($_, $name)) eq $value }
        map { { raw => $_, json => JSON::PP->new->decode($_) } } @lines;
}


sub letters { return lc($_[0]) =~ s/^http_//r =~ s/[^a-z0-9]//gr }


1;
