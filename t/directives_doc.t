#!/usr/bin/perl

# docs/directives.md against the code: every directive with its contexts,
# every variable, every word of $jwt_status, nothing else; and nginx takes
# each example of the page without a word.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Examples qw(check_examples examples text);
use Gate;
use Site;

my $ROOT = "$FindBin::Bin/..";

# In nginx's order; an unknown flag is a context that the page has no word for.

my @CONTEXTS = (
    [NGX_HTTP_MAIN_CONF => 'http'],
    [NGX_HTTP_SRV_CONF  => 'server'],
    [NGX_HTTP_LOC_CONF  => 'location'],
    [NGX_HTTP_LIF_CONF  => 'if in location'],
    [NGX_HTTP_LMT_CONF  => 'limit_except'],
);

my $code = join '', map { text($_) } sort glob "$ROOT/module/*.[ch]";
my $doc = text("$ROOT/docs/directives.md");
my %section = sections($doc);


# --- directives -------------------------------------------------------------

my %of_code = contexts($code);
my %of_doc = map { $_ => row($section{$_}, 'Context') }
    grep { /^[a-z_]+$/ } keys %section;

cmp_ok(scalar keys %of_code, '>', 10, 'the table of directives is found');
is_deeply(\%of_doc, \%of_code, 'each directive, with its contexts');

my ($others) = grep { $_ !~ /^NGX_HTTP_(?:MAIN|SRV|LOC|LIF|LMT)_CONF(?:_\w+)?$/ }
    $code =~ /\b(NGX_(?:HTTP|MAIN|MAIL|STREAM)_\w*CONF(?:_\w+)?)\b/g;
is($others, undef, 'no context that this test does not know');

for my $name (sort keys %of_doc) {
    my $own = qr/`$name [^`]*;`/;
    like(row($section{$name}, 'Syntax'), qr/^$own$/, "$name: its syntax");
    like(row($section{$name}, 'Default'), qr/^(?:—|$own)$/,
        "$name: its default");
    like($section{$name}, qr/^    (?:    )?$name\s[^\n]*;$/m,
        "$name: an example");
}

my %known = (%of_code, map { $_ => 1 } $code =~ /"(auth_jwt\w*)[: "\\]/g);
is(join(' ', grep { !$known{$_} } $doc =~ /\b(auth_jwt\w*)\b/g), '',
    'the text names no other');


# --- variables --------------------------------------------------------------

my ($table) = $code =~ /ngx_http_variable_t +\w+\[\] = \{(.*?)\n\};/s;
my @variables = map { $_->[0] . ($_->[1] =~ /_VAR_PREFIX/ ? 'NAME' : '') }
    map { /ngx_string\("(\w+)"\)(.*)/s ? [$1, $2] : () }
    split /\n\n/, $table // '';

cmp_ok(scalar @variables, '>', 4, 'the table of variables is found');
is(join(' ', rows('variable', qr/`\$(\w+)`/)), join(' ', @variables),
    'each variable');
is(() = $code =~ /ngx_http_variable_t +\w+\[\] =/g, 1,
    'there is no other table');


# --- words ------------------------------------------------------------------

my $core = text("$ROOT/jot/jot_status.c");
my ($enum) = text("$ROOT/jot/jot.h") =~ /\{([^}]*)\} jot_status_t;/;
my @words = $core =~ /^ +\[JOT_\w+\] += "(\w+)"/mg;

cmp_ok(scalar @words, '>', 10, 'the list of words is found');
is(join(' ', rows('word', qr/`(\w+)`/)), join(' ', @words),
    'each word of $jwt_status');
is_deeply([$core =~ /^ +\[(JOT_\w+)\]/mg],
    [grep { !/^JOT_STATUS_/ } ($enum // '') =~ /\b(JOT_\w+)\b/g],
    'each status has a word');


# --- examples ---------------------------------------------------------------

my $site = Site->new;

# The line of the error log is no configuration.

my @examples = grep { !/^auth_jwt: / } examples($doc);
cmp_ok(scalar @examples, '>', keys %of_code, 'examples are found');
check_examples($site, @examples);

$site->finish;
done_testing();


# --- helpers ----------------------------------------------------------------

# name => text of each "## name".

sub sections {
    my ($text) = @_;
    my (undef, @parts) = split /^## (.*)\n/m, $text;
    return @parts;
}


sub row {
    my ($section, $name) = @_;
    return $section =~ /^\| $name \| (.*) \|$/m ? $1 : '';
}


# The first column of the table with that heading.

sub rows {
    my ($heading, $cell) = @_;
    my ($lines) = $doc =~ /^\| $heading \|.*\n\|[ -|]*\n((?:\|.*\n)+)/m;
    return map { /^\| $cell \| \S/ ? $1 : "no: $_" } split /\n/, $lines // '';
}


# name => "http, server" of all tables of commands; macros are written out.

sub contexts {
    my ($text) = @_;

    my %macro = $text =~ /^#define (\w+)\s*\\\n\s*(\((?:[^\n]*\\\n)*[^\n]*\))$/mg;
    my %found;
    for my $table ($text =~ /ngx_command_t +\w+\[\] = \{(.*?)\n\};/sg) {
        while ($table =~ /ngx_string\("(\w+)"\),\s*([\w|\s]+),/g) {
            my ($name, $flags) = ($1, $2);
            $flags =~ s/\b(\w+)\b/$macro{$1} \/\/ $1/ge;
            $found{$name} = join ', ', map { $_->[1] }
                grep { $flags =~ /\b$_->[0]\b/ } @CONTEXTS;
        }
    }
    return %found;
}
