package Command;

# build/portero as a process: what it says, where, and how it ends.
#
#     my $run = portero($gate, [qw(user add ann)], input => "$password\n");
#     $run->{status}, $run->{out}, $run->{err}
#
# prompted() gives it a terminal in place of standard input, and answers each
# prompt when it has appeared.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(O_NOCTTY O_RDWR);
use File::Temp qw(tempfile);
use IO::Select;
use POSIX ();

use Secrets qw(note note_value);

our @EXPORT_OK = qw(portero portero_start portero_end prompted refused);

use constant { TIOCGPTN => 0x80045430, TIOCSPTLCK => 0x40045431 };


# Options: input (text), env (hash), config (a path; undef for none).

sub portero {
    my ($gate, $words, %option) = @_;

    return portero_end(portero_start($gate, $words, %option));
}


sub portero_start {
    my ($gate, $words, %option) = @_;

    my %run = map { $_ => scalar tempfile() } qw(in out err);
    note_value($option{input} =~ /^([^\n]*)\n?\z/)
        if defined $option{input};

    $run{in}->autoflush(1);
    print { $run{in} } $option{input} // '';
    seek $run{in}, 0, 0;
    $run{pid} = fork_portero($gate, $words, \%run, %option);
    return \%run;
}


sub fork_portero {
    my ($gate, $words, $run, %option) = @_;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $ENV{$_} = $option{env}{$_} for keys %{ $option{env} || {} };
    open STDIN, '<&', $run->{in};
    open STDOUT, '>&', $run->{out};
    open STDERR, '>&', $run->{err};
    my $config = exists $option{config} ? $option{config} : $gate->config;
    exec "$gate->{build}/portero", (defined $config ? ('--config', $config)
                                                    : ()), @$words
        or POSIX::_exit(127);
}


sub portero_end {
    my ($run) = @_;

    waitpid $run->{pid}, 0;
    my %end = (status => $? >> 8, signal => $? & 127);
    for my $name (qw(out err)) {
        seek $run->{$name}, 0, 0;
        $end{$name} = do { local $/; readline $run->{$name} } // '';
        note($end{$name});
    }
    return \%end;
}


sub prompted {
    my ($gate, $words, @answers) = @_;

    sysopen my $terminal, '/dev/ptmx', O_RDWR | O_NOCTTY
        or die "/dev/ptmx: $!\n";
    my ($unlock, $number) = (pack('i', 0)) x 2;
    ioctl $terminal, TIOCSPTLCK, $unlock or die "unlock: $!\n";
    ioctl $terminal, TIOCGPTN, $number or die "number: $!\n";
    sysopen my $slave, '/dev/pts/' . unpack('i', $number), O_RDWR | O_NOCTTY
        or die "pts: $!\n";

    pipe my $err, my $err_in or die "pipe: $!\n";
    my $out = tempfile();
    my $pid = fork_portero($gate, $words,
        { in => $slave, out => $out, err => $err_in });
    close $err_in;

    my $said = '';
    for my $answer (@answers) {
        $said .= read_until($err, qr/: \z/);
        ref $answer ? kill $$answer, $pid : syswrite $terminal, "$answer\n";
    }
    $said .= do { local $/; readline $err } // '';
    waitpid $pid, 0;
    my ($status, $signal) = ($? >> 8, $? & 127);

    my $echo = '';
    while (IO::Select->new($terminal)->can_read(0)) {
        sysread $terminal, $echo, 4096, length $echo or last;
    }
    my $flags = POSIX::Termios->new;
    $flags->getattr(fileno $slave);
    return { status => $status, signal => $signal, err => $said,
             echo => $echo, echoes => !!($flags->getlflag & POSIX::ECHO()) };
}


sub read_until {
    my ($from, $pattern) = @_;

    my $text = '';
    local $SIG{ALRM} = sub { die "no prompt within 30 seconds: $text\n" };
    alarm 30;
    while ($text !~ $pattern) {
        sysread $from, $text, 1, length $text or last;
    }
    alarm 0;
    return $text;
}


# Ended with this status and one line on standard error that matches.

sub refused {
    my ($run, $pattern, $name, $status) = @_;

    my $right = $run->{status} == ($status // 1) && !$run->{signal}
        && $run->{err} =~ $pattern && $run->{err} =~ /\A[^\n]+\n\z/;
    Test::More::ok($right, $name)
        or Test::More::diag("status $run->{status}, $run->{out}$run->{err}");
    return $right;
}


1;
