package Secrets;

# Every password, token and secret that a test sends, gets or types, and where
# in a log one of them stands.  Gate, FastCGI and Command note what passes
# through them; Gate's finish() asks for leaks in all logs.
#
#     note($text);              # a request, an answer, a command's input
#     my @found = leaks($log);  # lines of the log with one of them in it

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use MIME::Base64 qw(decode_base64);

our @EXPORT_OK = qw(note note_value leaks);

my $MEMBER = qr/(?:\w+_)?password|\w+_token|client_secret|token|invite|secret/;

# A shorter one, or one of few letters, may stand anywhere by chance.
my $SHORT = 10;

my %seen;


sub note {
    my ($text) = @_;

    return unless defined $text;

    note_value(eval { JSON::PP->new->utf8->allow_nonref->decode($1) })
        while $text =~ /"(?:$MEMBER)"\s*:\s*("(?:[^"\\\x00-\x1f]|\\["\\\/n])*")/g;
    note_value(decoded($1))
        while $text =~ /(?:^|[&\n])(?:$MEMBER)=([^&\s]+)/g;
    note_value($1)
        while $text =~ /\b(?:access|refresh|device)(?:-\d+)?=([^;,\s]+)/g;
    note_value($1) while $text =~ /Authorization: *Bearer +(\S+)/gi;
    note_value((split /:/, decode_base64($1), 2)[1])
        while $text =~ /Authorization: *Basic +(\S+)/gi;
    note_value($1) while $text =~ /(\beyJ[\w-]+\.[\w-]+\.[\w-]+)/g;
}


# Of a token also its parts, each the beginning, for a log that cuts.  The head
# of a JWT is no secret, and the same for all.

sub note_value {
    my ($value) = @_;

    return unless defined $value && length $value >= $SHORT;
    my %letters = map { $_ => 1 } split //, $value;
    return if keys %letters < 6;

    $seen{$value} = 1;
    my @parts = split /\./, $value;
    shift @parts if @parts > 1;
    $seen{substr $_, 0, 32} = 1 for grep { length >= 32 } @parts;
}


sub decoded {
    my ($text) = @_;
    return $text =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}


# nginx itself writes down the arguments of each request, and at level info an
# Authorization header that came twice; docs/security.md says so.

sub leaks {
    my ($log) = @_;

    return unless %seen;
    open my $file, '<:raw', $log or die "$log: $!\n";
    my $text = do { local $/; <$file> } // '';
    $text =~ s/\?[^ "]*//g if $log =~ /(?:nginx|access)\.log/;
    $text =~ s/^.* client sent duplicate header line: .*$//mg
        if $log =~ /nginx\.log/;

    my $any = join '|', map { quotemeta } sort keys %seen;
    return $text =~ /^(.*(?:$any).*)$/mg;
}


1;
