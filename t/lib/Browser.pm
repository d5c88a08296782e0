package Browser;

# Runs a script of t/web/, which drives a browser against a gate's pages, and
# makes its checks checks of the test.
#
#     drive($gate, 'dialog.mjs', { stop => sub { $gate->stop_part(@_) } });
#
# What the script calls by name (gate.stop('login')) is done here, where the
# parts were started: what drive() was given, and sql, value.

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use IPC::Open2;
use JSON::PP;
use Test::More;

use Examples qw(examples);

our @EXPORT_OK = qw(blocks drive not_sanitized short_warning);

use constant PATIENCE => 120;   # seconds a script may take in all

my $WEB = "$FindBin::Bin/web";
my $JSON = JSON::PP->new->utf8->allow_nonref;


sub drive {
    my ($gate, $script, $more, @args) = @_;

    my %can = (
        sql   => sub { $gate->sql(@_) },
        value => sub { $gate->value(@_) },
        %{ $more || {} },
    );

    system("$WEB/fetch") == 0 or die "$WEB/fetch: exit status ", $? >> 8, "\n";

    local %ENV = (%ENV, GATE_URL => $gate->url);
    my $pid = open2(my $out, my $in, 'setpriv', '--pdeathsig=TERM', '--',
        'node', "$WEB/$script", @args);
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub {
        kill TERM => $pid;
        die "$script takes more than ", PATIENCE, " seconds\n";
    };
    alarm PATIENCE;

    while (my $line = <$out>) {
        my $words = eval { $JSON->decode($line) } // [];
        my ($what, @rest) = @$words;

        if (!$what) {
            diag $line;
        } elsif ($what eq 'check') {
            my ($ok, $name, $seen) = @rest;
            local $Test::Builder::Level = $Test::Builder::Level + 1;
            ok($ok, $name) or diag("seen: $seen");
        } else {
            my ($id, $name, @with) = @rest;
            my $result = eval { $can{$name}->(@with) };
            print {$in} $JSON->encode([$id, $result, $@ || undef]), "\n";
            $in->flush;
        }
    }

    waitpid $pid, 0;
    my $status = $?;
    alarm 0;
    is($status, 0, "$script came to its end");
}


# What only a browser does is looked at with one of both builds.

sub not_sanitized {
    plan skip_all => 'the pages are the same in both builds'
        if ($ENV{PORTERO_BUILD} // '') =~ m{/sanitize$};
}


# The protected page warns that many seconds before the end.

sub short_warning {
    my ($gate, $seconds) = @_;

    my $page = $gate->path('web/app/index.html');
    open my $file, '<', $page or die "$page: $!\n";
    my $html = do { local $/; <$file> };
    $html =~ s{(<meta name="portero-warn-seconds" content=)"300"}
              {$1"$seconds"} or die "$page: no portero-warn-seconds\n";
    Stack::replace($page, $html);
}


# What stands indented in a page of docs/, each block by itself.

sub blocks {
    my ($name) = @_;

    my $path = "$FindBin::Bin/../docs/$name";
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $text = do { local $/; <$file> };

    return examples($text);
}


1;
