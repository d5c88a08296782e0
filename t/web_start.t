# The start page in a browser: both forms, what they say, and where they lead.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Browser qw(drive not_sanitized);
use Gate;


not_sanitized();

my $gate = Gate->new;

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');

drive($gate, 'start.mjs', { close_registration => sub {
    $gate->write_config(REGISTRATION => 'off');
    kill HUP => $gate->pid('login');
    for (1 .. 200) {
        last if $gate->post('/auth/register', { username => 'carl',
            password => 'short' })->{status} == 403;
        sleep 0.05;
    }
} });

$gate->finish;
done_testing();
