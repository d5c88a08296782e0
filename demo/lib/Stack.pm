package Stack;

# The parts of Portero as child processes on a private directory: PostgreSQL
# (unix socket only), the login service, nginx with the module, the demo's
# backend.  "make run" and the tests start them alike.
#
#     my $stack = Stack->new(data => $dir, build => 'build', port => 8080);
#     $stack->create;              # once: folders, cluster, roles, database
#     $stack->start_postgres;      # each start_ returns when the part answers,
#     $stack->migrate;             # or dies with one line that says why not
#     $stack->start_login;
#     $stack->stop;
#
# As root, PostgreSQL runs as postgres, everything else as www-data; else all
# of it as the user who calls.  A part that this process leaves behind (it was
# killed) gets SIGTERM from the kernel.

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(O_CREAT O_WRONLY O_TRUNC O_APPEND);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

use constant {
    PATIENCE => 60,         # seconds a part may take to answer
    GRACE    => 12,         # and to end
};

our $ROOT = abs_path(dirname(__FILE__) . '/../..');


sub new {
    my ($class, %self) = @_;

    my $self = bless { parts => {}, settings => {}, %self }, $class;

    $self->{build} = abs_path($self->{build} // "$ROOT/build")
        or die "there is nothing built in $self->{build}: run make\n";
    $self->{postgres_user} = $> ? undef : 'postgres';
    $self->{www_user} = $> ? undef : 'www-data';
    $self->{owner} = $$;

    return $self;
}


sub path        { my ($self, $name) = @_; return "$self->{data}/$name" }
sub pgdata      { $_[0]->path('pgdata') }
sub pgsocket    { $_[0]->path('pg') }
sub config      { $_[0]->path('portero.conf') }
sub login_log   { $_[0]->path('log/login.log') }
sub nginx_log   { $_[0]->path('log/nginx.log') }
sub pg_log      { $_[0]->path('log/postgres.log') }
sub backend_log { $_[0]->path('log/backend.log') }
sub url         { "http://127.0.0.1:$_[0]{port}" }


# Roles are told apart by who connects: peer authentication, no passwords.

sub database_url {
    my ($self, $role) = @_;
    return 'postgresql:///portero?host=' . $self->pgsocket . "&user=$role";
}


# --- folders and the cluster ------------------------------------------------

sub create_folders {
    my ($self) = @_;

    $self->folder('.', undef, 0711);
    $self->folder('log', undef, 0755);
    $self->folder('pg', 'postgres_user', 0755);
    $self->folder('pgdata', 'postgres_user', 0700);
    $self->folder('keys', 'www_user', 0700);
    $self->folder('run', 'www_user', 0750);
    $self->folder('nginx', 'www_user', 0755);
    $self->folder('bin', undef, 0755);
    $self->folder('web', undef, 0755);
    $self->copy_files;
}


# What www-data has to read or to run: a clone under /root is closed to it.

sub copy_files {
    my ($self) = @_;

    my %web = map { $_ => "$ROOT/web/$_" }
              map { s{^\Q$ROOT\E/web/}{}r } glob "$ROOT/web/* $ROOT/web/*/*";

    make_path(map { $self->path("web/$_") } grep { -d $web{$_} } keys %web);
    install($web{$_}, $self->path("web/$_"), 0644)
        for grep { -f $web{$_} } keys %web;
    install("$ROOT/demo/backend", $self->path('bin/backend'), 0755);
    install("$self->{build}/portero-login", $self->path('bin/portero-login'),
        0755) if -e "$self->{build}/portero-login";

    my $link = $self->path('nginx/portero');
    unlink $link;
    symlink "$ROOT/nginx-conf", $link or die "$link: $!\n";
}


# By rename: what still runs keeps its file.

sub install {
    my ($from, $to, $mode) = @_;

    copy($from, "$to.new") or die "$from: $!\n";
    chmod $mode, "$to.new" or die "$to.new: $!\n";
    rename "$to.new", $to or die "$to: $!\n";
}


sub folder {
    my ($self, $name, $owner, $mode) = @_;

    my $path = $self->path($name);
    return if -d $path && $name ne '.';

    make_path($path);
    chmod $mode, $path or die "$path: $!\n";
    chown uid_gid($self->{$owner}), $path if $owner && $self->{$owner};
}


sub uid_gid {
    my ($user) = @_;
    my @entry = getpwnam $user or die "there is no user $user\n";
    return @entry[2, 3];
}


sub create_cluster {
    my ($self) = @_;

    return if -e $self->pgdata . '/PG_VERSION';

    $self->run_as('postgres_user', pg('initdb'), '-D', $self->pgdata,
        '-U', 'postgres', '--auth=peer', '--encoding=UTF8', '--locale=C',
        '--no-instructions', $self->{no_sync} ? '--no-sync' : ());

    my $me = getpwuid $>;
    my @map = $> ? map { [$me, $_] }
                       qw(postgres portero_owner portero_service)
                 : (['postgres', 'postgres'], ['root', 'postgres'],
                    ['root', 'portero_owner'], ['root', 'portero_service'],
                    ['www-data', 'portero_service']);

    append($self->pgdata . '/pg_ident.conf',
        map { "portero $_->[0] $_->[1]\n" } @map);
    replace($self->pgdata . '/pg_hba.conf', "local all all peer map=portero\n");
    append($self->pgdata . '/postgresql.conf',
        "listen_addresses = ''\n",
        "unix_socket_directories = '" . $self->pgsocket . "'\n",
        "log_min_messages = warning\n",
        $self->{no_sync} ? ("fsync = off\n", "full_page_writes = off\n") : ());
}


sub create_database {
    my ($self) = @_;

    my $there = $self->psql('postgres', 'postgres',
        q{SELECT 1 FROM pg_database WHERE datname = 'portero'});

    $self->psql('postgres', 'postgres', 'CREATE DATABASE portero')
        unless $there;
    $self->psql_file('postgres', 'portero', "$ROOT/sql/roles.sql");
}


# The newest server that Debian has installed here.

sub pg {
    my ($program) = @_;

    my ($bin) = sort { version($b) <=> version($a) }
                glob '/usr/lib/postgresql/*/bin';
    die "PostgreSQL is not installed\n" unless $bin;
    return "$bin/$program";
}


sub version { my ($n) = $_[0] =~ m{/(\d+)/bin}; return $n }


sub psql {
    my ($self, $role, $database, $sql) = @_;
    return $self->run_as(undef, pg('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1',
        '-h', $self->pgsocket, '-U', $role, '-d', $database, '-c', $sql);
}


sub psql_file {
    my ($self, $role, $database, $file) = @_;
    return $self->run_as(undef, pg('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1',
        '-h', $self->pgsocket, '-U', $role, '-d', $database, '-f', $file);
}


# As the owner of the schema; what the tests ask.

sub sql {
    my ($self, $sql) = @_;
    return $self->psql('portero_owner', 'portero', $sql);
}


# --- the parts --------------------------------------------------------------

sub start_postgres {
    my ($self) = @_;

    $self->start('postgres', $self->pg_log, 'postgres_user',
        pg('postgres'), '-D', $self->pgdata);
    $self->wait_for('postgres', sub {
        eval { $self->psql('postgres', 'postgres', 'SELECT 1'); 1 };
    });
}


sub write_config {
    my ($self, %more) = @_;

    my %settings = (
        DATABASE_URL       => $self->database_url('portero_service'),
        ADMIN_DATABASE_URL => $self->database_url('portero_owner'),
        ISSUER             => $self->url,
        KEY_DIR            => $self->path('keys'),
        GATEWAY_KEYS_FILE  => $self->path('run/gateway-keys.json'),
        SOCKET_DIR         => $self->path('run'),
        SOCKET_GROUP       => scalar getgrgid($> ? $( + 0
                                              : (uid_gid('www-data'))[1]),
        %{ $self->{settings} },
        %more,
    );

    replace($self->config, map { "$_=$settings{$_}\n" } sort keys %settings);
    chmod 0640, $self->config;
    chown 0, (uid_gid($self->{www_user}))[1], $self->config
        if $self->{www_user};
}


sub portero {
    my ($self, @args) = @_;
    return $self->run_as(undef, "$self->{build}/portero", '--config',
        $self->config, @args);
}


# Like portero(), with a password on standard input.

sub portero_with_input {
    my ($self, $input, @args) = @_;
    return $self->run_as(\$input, "$self->{build}/portero", '--config',
        $self->config, @args);
}


sub start_login {
    my ($self) = @_;

    $self->start('login', $self->login_log, 'www_user',
        $self->path('bin/portero-login'), '--config', $self->config);
    for my $lane (qw(password token internal)) {
        $self->wait_for('login', sub { listening($self->path("run/$lane.sock")) });
    }
}


sub start_backend {
    my ($self) = @_;

    $self->start('backend', $self->backend_log, 'www_user',
        $self->path('bin/backend'), $self->path('run/backend.sock'));
    $self->wait_for('backend',
        sub { listening($self->path('run/backend.sock')) });
}


sub start_nginx {
    my ($self, $conf) = @_;

    # A restart in the same folder must not be taken for the old one's answer.
    replace($self->path('nginx/nginx.conf'), $conf);
    my @command = ('/usr/sbin/nginx', '-p', $self->path('nginx'),
        '-e', $self->nginx_log, '-c', $self->path('nginx/nginx.conf'));

    local %ENV = (%ENV, $self->sanitizer_environment);
    $self->start('nginx', $self->nginx_log, undef, @command,
        '-g', 'daemon off;');
    $self->wait_for('nginx', sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $self->{port}, Timeout => 1);
    });
}


# nginx itself is Debian's; a module built with the sanitizers needs their
# runtime loaded before it.

sub sanitizer_environment {
    my ($self) = @_;

    return unless $self->{build} =~ m{/sanitize$};

    my @libraries = map { chomp(my $path = `gcc -print-file-name=$_`); $path }
                    qw(libasan.so libubsan.so);
    return (LD_PRELOAD   => "@libraries",
            ASAN_OPTIONS => 'detect_leaks=0',
            UBSAN_OPTIONS => 'print_stacktrace=1');
}


# The demo's nginx.conf, and the site's file that nginx-conf/ asks for.

sub demo_conf {
    my ($self) = @_;

    my ($data, $url) = ($self->{data}, $self->url);
    my $cookie = $self->{cookie} // "access-$self->{port}";
    my %word = (
        PREAMBLE   => $self->nginx_preamble,
        TEMP       => $self->nginx_http_preamble,
        ACCESS_LOG => $self->path('log/access.log'),
        DATA       => $data,
        ROOT       => $ROOT,
        PORT       => $self->{port},
    );

    replace($self->path('nginx/portero-site.conf'),
        (map { "upstream portero_$_ {\n" .
               "    server unix:$data/run/$_.sock max_fails=0;\n}\n\n" }
             qw(password token internal)),
        "auth_jwt_key_file $data/run/gateway-keys.json;\n",
        "auth_jwt_issuer $url;\nauth_jwt_audience $url;\n",
        "auth_jwt_token_from header cookie=$cookie;\n");

    open my $file, '<', "$ROOT/demo/nginx.conf"
        or die "$ROOT/demo/nginx.conf: $!\n";
    my $text = join '', <$file>;
    $text =~ s{\@([A-Z_]+)\@}{$word{$1} // die "no such word: $1\n"}ge;
    return $text;
}


sub wait_until_ready {
    my ($self) = @_;

    $self->wait_for('login', sub {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $self->{port}, Timeout => 1) or return 0;
        print {$socket} "GET /readyz HTTP/1.0\r\n\r\n";
        my $line = <$socket> // '';
        return $line =~ m{^HTTP/1.1 200 };
    });
}


# What nginx.conf has to say before it includes nginx-conf/: where it may
# write, who the workers are, the module.

sub nginx_preamble {
    my ($self) = @_;

    my $user = $self->{www_user} ? "user $self->{www_user};\n" : '';
    return <<"CONF";
load_module $self->{build}/ngx_http_auth_jwt_module.so;
${user}worker_processes auto;
pid @{[ $self->path('nginx/nginx.pid') ]};
error_log @{[ $self->nginx_log ]} info;
CONF
}


sub nginx_http_preamble {
    my ($self) = @_;

    my $temp = $self->path('nginx');
    return join '', map { "    ${_}_temp_path $temp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
}


# --- processes --------------------------------------------------------------

# Each part leads a session of its own, so that Ctrl-C reaches this process
# alone, which then ends them in order.

sub start {
    my ($self, $name, $log, $user, @command) = @_;

    my $pid = fork // die "$name: fork: $!\n";

    if ($pid == 0) {
        POSIX::setsid();
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT PIPE CHLD);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log or die "$log: $!\n";
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        exec setpriv($user && $self->{$user}, 'TERM'), @command
            or POSIX::_exit(127);
    }

    $self->{parts}{$name} = { pid => $pid, log => $log, name => $name };
    push @{ $self->{order} }, $name;
    return $pid;
}


sub setpriv {
    my ($user, $signal) = @_;

    my @as = ();
    if ($user) {
        my ($uid, $gid) = uid_gid($user);
        @as = ("--reuid=$uid", "--regid=$gid", '--init-groups');
    }
    return ('setpriv', @as, "--pdeathsig=$signal", '--');
}


sub pid { my ($self, $name) = @_; return $self->{parts}{$name}{pid} }


sub alive {
    my ($self, $name) = @_;
    my $part = $self->{parts}{$name} or return 0;
    return 0 if defined $part->{status};
    if (waitpid($part->{pid}, POSIX::WNOHANG()) == $part->{pid}) {
        $part->{status} = $?;
        return 0;
    }
    return 1;
}


sub wait_for {
    my ($self, $name, $ready) = @_;

    my $end = time + PATIENCE;
    while (time < $end) {
        die "stopped\n" if $self->{interrupted} && ${ $self->{interrupted} };
        die "$name did not start: ", $self->last_words($name), "\n"
            unless $self->alive($name);
        return if $ready->();
        sleep 0.02;
    }
    die "$name does not answer after ", PATIENCE, " seconds: ",
        $self->last_words($name), "\n";
}


sub last_words {
    my ($self, $name) = @_;

    my $log = $self->{parts}{$name}{log};
    open my $file, '<', $log or return "$log: $!";
    seek $file, -s $file > 4096 ? -4096 : 0, 2 if -s $file > 4096;
    my @lines = grep { /\S/ } <$file>;
    my $last = @lines ? $lines[-1] : "nothing in $log\n";
    chomp $last;
    my $event = $last =~ /^\{/ && eval { JSON::PP->new->utf8->decode($last) };
    return $event ? join ': ', grep { defined } @$event{qw(event reason)}
                  : $last;
}


my %STOP = (postgres => 'INT');

sub stop_part {
    my ($self, $name, $signal) = @_;

    my $part = $self->{parts}{$name} or return;
    my $end = time + GRACE;

    $signal //= $STOP{$name} // 'TERM';
    kill $signal => $part->{pid} if $self->alive($name);
    while ($self->alive($name)) {
        if (time > $end) {
            kill KILL => -$part->{pid}, $part->{pid};
            $end = time + GRACE;
        }
        sleep 0.01;
    }

    delete $self->{parts}{$name};
    $self->{order} = [grep { $_ ne $name } @{ $self->{order} }];
    return $part->{status};
}


# Those that ask others end first; at most GRACE seconds for all together.

sub stop {
    my ($self) = @_;

    my @last = grep { $_ eq 'postgres' } @{ $self->{order} || [] };
    my @first = grep { $_ ne 'postgres' } reverse @{ $self->{order} || [] };

    kill $STOP{$_} // 'TERM' => $self->{parts}{$_}{pid}
        for grep { $self->alive($_) } @first;
    $self->stop_part($_) for @first, @last;
}


sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    $self->stop;
}


# Runs a command to its end; its output, or dies with what it said.  $as is the
# name of one of our users, a reference to its standard input, or undef.

sub run_as {
    my ($self, $as, @command) = @_;

    my $user = defined $as && !ref $as ? $self->{$as} : undef;
    pipe my $out, my $out_in or die "pipe: $!\n";
    pipe my $in_out, my $in or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        close $_ for $out, $in;
        open STDIN, '<&', $in_out;
        open STDOUT, '>&', $out_in;
        open STDERR, '>&', $out_in;
        chdir '/';
        exec setpriv($user, 'KILL'), @command or POSIX::_exit(127);
    }
    close $_ for $out_in, $in_out;

    local $SIG{PIPE} = 'IGNORE';
    print {$in} ${$as} if ref $as;
    close $in;
    my $output = do { local $/; <$out> } // '';
    waitpid $pid, 0;

    if ($?) {
        my ($last) = $output =~ /(\S[^\n]*)\n*\z/;
        my ($name) = $command[0] =~ m{([^/]+)$};
        $last //= 'exit status ' . ($? >> 8);
        die $last =~ /^\Q$name\E: / ? "$last\n" : "$name: $last\n";
    }
    return $output;
}


# --- small things -----------------------------------------------------------

sub listening {
    my ($path) = @_;
    return IO::Socket::UNIX->new(Peer => $path, Type => SOCK_STREAM);
}


sub append  { write_file($_[0], O_APPEND, @_[1 .. $#_]) }
sub replace { write_file($_[0], O_TRUNC, @_[1 .. $#_]) }


sub write_file {
    my ($path, $flags, @text) = @_;

    sysopen my $file, $path, O_WRONLY | O_CREAT | $flags, 0644
        or die "$path: $!\n";
    print {$file} @text;
    close $file or die "$path: $!\n";
}


1;
