#!/usr/bin/perl

# Other modules change a request's lines as well, here headers-more of Debian's
# package: what one puts under an identity header's name is taken out where
# auth_jwt is on, a token it gives is judged, and what it adds to a subrequest
# stays there.  In either order of loading.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Record;
use Site;

use constant SIZE => 20;    # of the list that nginx makes for a request's lines

my $more = '/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so';

for my $order ('after', 'before') {
    subtest "loaded $order it" => sub { try($order) };
}
done_testing();


sub try {
    my ($order) = @_;

    my $site = Site->new('mirrored');
    my $token = $site->token(sub => 'alice');
    my $other = $site->token(sub => 'bob');
    Record::start($site, 'http');
    my $pass = Record::pass($site, 'http');
    my $load = "load_module $more;\n";
    my @part = (http => Record::upstream($site), server => <<"SERVER");
        set \$given $token;
        proxy_http_version 1.1;
        location = /set/user {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            more_set_input_headers "X-User: mallory" "X_User: mallory";
            $pass
        }
        location = /set/token {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            more_set_input_headers "Authorization: Bearer $other";
            $pass
        }
        location = /set/bad {
            auth_jwt a;
            more_set_input_headers "Authorization: Bearer ${other}x";
            $pass
        }
        location = /open {
            auth_jwt_identity_header X-User sub;
            more_set_input_headers "X-User: service";
            $pass
        }
        location = /clear {
            auth_jwt a;
            more_clear_input_headers Authorization;
            $pass
        }
        location = /asks {
            auth_request /asked;
            auth_jwt a token=\$given;
            auth_jwt_identity_header X-User sub;
            $pass
        }
        location = /asked { more_set_input_headers "X-Added: 1"; $pass }
        location = /mirrored/ { mirror /mirror; index file.html; }
        location = /mirrored/file.html {
            auth_jwt a token=\$given;
            auth_jwt_identity_header X-User sub;
            auth_jwt_identity_header X-Local;
            $pass
        }
        location = /mirror {
            more_set_input_headers "X-Added: 1" "X-Added-2: 2" "X-Added-3: 3";
            $pass
        }
SERVER
    $site->start_nginx($order eq 'after' ? $site->conf(@part, main => $load)
        : $load . $site->conf(@part));

    my @users = map { [Record::got($site->ask($_, $token), 'X-User')] }
        '/set/user', '/set/token';
    is_deeply($users[0], ['alice'], 'a name that is set is taken back');
    is_deeply($users[1], ['bob'], 'a token that is set is judged');
    is($site->ask('/set/bad', $token)->{status}, 401, 'a bad one too');
    is($site->ask('/clear', $token)->{status}, 401, 'one that is gone is gone');
    is($site->get('/set/user')->{status}, 401,
        'a name that is set is no token');

    is_deeply([Record::got($site->ask('/open', $token, 'X-User' => 'mallory',
        x_user => 'mallory'), 'X-User')], ['service'],
        'what the configuration says in an open location stays');

    my $answer = $site->ask('/asks', $token);
    is_deeply([Record::got($answer, 'X-User')], ['alice'], 'a user');
    is_deeply([Record::got($answer, 'X-Added')], [],
        "a subrequest's header is not its parent's");
    Record::log_of($site, 'X-Added', 1);

    # Its list is a copy of what its parent's was, before lines of that went.

    for my $n (0, 1, 2, SIZE - 1, SIZE, SIZE + 1) {
        my @lines = map { $_ == 1 ? 'X-Local: mallory' : "X-Line: $_" } 1 .. $n;
        my $got = Gate::parse($site->raw(join "\r\n",
            'GET /mirrored/ HTTP/1.0', @lines, '', ''));
        my @mirrored;
        $site->wait_for('record-http', sub {
            push @mirrored, Record::log_of($site, 'X-Added', 1);
            return @mirrored;
        });

        is_deeply([Record::got($got, 'X-User')], ['alice'],
            "$n lines: a user");
        is_deeply([map { Record::got($got, $_) } qw(X-Local X-Added)], [],
            'nothing that was taken out, nor of the mirror');
        is(scalar(Record::got($got, 'X-Line')), $n ? $n - 1 : 0, 'all others');
        is_deeply([map { Record::got($mirrored[0], $_) } qw(X-User X-Added-3)],
            [3], 'the mirror has its own, and no user');
    }
    $site->finish;
    return;
}
