#!/usr/bin/perl

# nginx opens modules with RTLD_GLOBAL: a name that the module shows could bind
# to another module's function, or another's call to it.

use strict;
use warnings;

use Test::More;

my $build = $ENV{PORTERO_BUILD} || 'build';
my @shown = map { (split)[-1] }
    qx(nm -D --defined-only $build/ngx_http_auth_jwt_module.so);
my %nginx_asks = map { $_ => 1 } qw(ngx_modules ngx_module_names
    ngx_module_order ngx_http_auth_jwt_module);

is_deeply([sort @shown], [sort keys %nginx_asks],
    'the module shows what nginx looks up in it, and nothing else');

done_testing();
