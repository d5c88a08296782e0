# An operator's list of passwords that nobody may choose: found wherever in it
# they stand, in a file that is not loaded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use Test::More;

use Command qw(portero refused);
use Gate;


my $gate = Gate->new;
my $list = $gate->path('list');

# 2000 passwords; the order of their digests is a shuffle of them.
my @words = map { "leaked password number $_" } 1 .. 2000;
my @digests = sort map { sha1_hex($_) } @words;
my %word = map { sha1_hex($_) => $_ } @words;

write_list(map { uc . ':' . int rand 100000 } @digests);
$gate->{settings}{PASSWORD_LIST} = $list;
$gate->start_all;


# --- helpers ----------------------------------------------------------------

sub write_list {
    my ($first, @lines) = @_;
    my $end = ref $first ? $$first : "\r\n";
    unshift @lines, $first unless ref $first;
    open my $file, '>:raw', "$list.new" or die "$list: $!\n";
    print {$file} join($end, @lines), $end eq 'none' ? '' : $end;
    close $file;
    chmod 0644, "$list.new";
    rename "$list.new", $list or die "$list: $!\n";
}

my $users = 0;

sub register {
    my ($password) = @_;
    return $gate->register({ username => 'user' . $users++,
        password => $password });
}

# That it is refused as a common one by the command line, which is quick.
sub is_common {
    my ($password) = @_;
    my $run = portero($gate, [qw(user password nobody)],
        input => "$password\n");
    return $run->{err} =~ /one of the most common ones/ ? 1
        : $run->{err} =~ /no user "nobody"/ ? 0 : $run->{err};
}

sub fails_to_start {
    my ($pattern, $name) = @_;
    my $text = eval { $gate->start_login; '' } // $@;
    like($text, $pattern, $name);
    $gate->stop_part('login');
}


# --- found or not -----------------------------------------------------------

my $answer = register($words[7]);
is($answer->{status}, 422, 'a password of the list: 422');
is_deeply($answer->{json}{reasons}, ['common'], 'it is common');
is(register('no leaked password at all')->{status}, 201, 'another one is taken');
is(register('leaked password number 7 ')->{status}, 201,
    'it has to be the same to the byte');
is(register('correct horse battery')->{status}, 201, 'nobody is asked for more');

my @places = (0, 1, 2, 3, 999, 1000, 1997, 1998, 1999);
is(is_common($word{ $digests[$_] }), 1, "line $_ is found") for @places;
is(is_common('password1234'), 1, 'our own list holds as well');
is(is_common("not leaked $_ at all"), 0, 'others are not found') for 1 .. 8;

my ($token) = map { $_->{json}{access_token} }
    $gate->login({ username => 'user3', password => 'correct horse battery' });
$answer = $gate->post('/auth/password', { current_password =>
    'correct horse battery', new_password => $words[9] },
    Authorization => "Bearer $token");
is($answer->{status}, 422, 'changing a password asks it, too');


# --- other forms of it, put in its place ------------------------------------

my $lf = "\n";
for my $form (['without numbers', \$lf, @digests],
              ['of one line', \$lf, $digests[0]],
              ['of two lines', \$lf, @digests[0, 1]],
              ['without an end of line', \'none', $digests[0]],
              ['of mixed lengths', \$lf,
               map { $digests[$_] . ':' . '9' x ($_ % 7 + 1) } 0 .. 999])
{
    my ($name, $end, @lines) = @$form;
    write_list($end, @lines);
    for my $i (0, $#lines) {
        my $word = $word{ substr $lines[$i], 0, 40 };
        is(is_common($word), 1, "a list $name: line $i is found");
    }
    is(is_common("leaked password $_"), 0, 'others are not') for 1 .. 3;
}
write_list(\$lf, sha1_hex($words[5]));
is(register($words[5])->{status}, 422,
    'a new list is used without a signal');


# --- a list that is none ----------------------------------------------------

unlink $list;
$answer = register('no leaked password at all');
is($answer->{status}, 503, 'no list: no password is set');
is(Gate::header($answer, 'Retry-After') > 0, 1, 'for now');
like($gate->login_says(qr/PASSWORD_LIST/), qr/"level":"error"/,
    'and the log says why');
refused(portero($gate, [qw(user password nobody)],
    input => "no leaked password\n"), qr/PASSWORD_LIST, cannot be read/,
    'nor by the command line');
is($gate->login({ username => 'user3', password => 'correct horse battery' })
    ->{status}, 200, 'who has one logs in');

$gate->stop_part('login');
fails_to_start(qr/PASSWORD_LIST: \S+list: No such file.*right would be/,
    'the service does not start without it');
for my $bad (['empty', qr/empty/], ['words', qr/other lines/, 'password'],
    ['reversed', qr/not in order/, reverse @digests],
    ['SHA-256', qr/other lines/, map { $_ . 'a' x 24 } @digests],
    ['NTLM', qr/other lines/, map { substr $_, 0, 32 } @digests])
{
    my ($name, $pattern, @lines) = @$bad;
    write_list(@lines ? (\$lf, @lines) : (\''));
    fails_to_start(qr/PASSWORD_LIST: $list: .*$pattern/, "$name: none");
}
like(portero($gate, ['check'])->{out} . portero($gate, ['check'])->{err},
    qr/PASSWORD_LIST/, 'check says so, too');

$gate->finish;
done_testing();
