# make          the module, the login service and the command line, in build/
# make run      all of it, running, with a private PostgreSQL (demo/run)
# make test     every test; SANITIZE=1 does it with ASan and UBSan
# make fuzz     each fuzz target with clang for FUZZ_SECONDS (60)
# make bench    ratios within one run (bench/README.md)
# make lint     cppcheck
#
# CC=clang builds with clang.  WERROR= lets warnings pass.

SHELL     = /bin/bash
.DELETE_ON_ERROR:

NGINX_SRC = /usr/share/nginx/src
prefix    = /usr/local
WERROR    = -Werror

ifdef SANITIZE
BUILD     = build/sanitize
SANFLAGS  = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer
else
BUILD     = build
SANFLAGS  =
endif

OPT       = -O2 -g
HARDEN    = -fstack-protector-strong -fPIE
ifndef SANITIZE
HARDEN   += -D_FORTIFY_SOURCE=2
endif
CPPFLAGS  = -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 -Ijot -Ilogin-service
CFLAGS    = -std=c11 $(OPT) $(HARDEN) -Wall -Wextra $(WERROR) $(SANFLAGS)
LDFLAGS   = -pie -Wl,-z,relro,-z,now $(SANFLAGS)
LOGINLIBS = -ljwt -ljansson -lpq -lcrypt -lcrypto
PGINCLUDE = $(shell pg_config --includedir 2>/dev/null)

MODULE    = $(BUILD)/ngx_http_auth_jwt_module.so
LOGIN     = $(BUILD)/portero-login
PORTERO   = $(BUILD)/portero

JOT_SRC   = $(wildcard jot/*.c)
CLI_SRC   = $(wildcard login-service/portero.c login-service/cmd_*.c)
LOGIN_SRC = $(filter-out login-service/main.c $(CLI_SRC), \
              $(wildcard login-service/*.c))
UNIT_SRC  = $(wildcard t/unit/*.c)
TOOL_SRC  = $(wildcard t/tools/*.c)
FUZZ_SRC  = $(wildcard t/fuzz/*_fuzz.c)

JOT_OBJ   = $(JOT_SRC:%.c=$(BUILD)/%.o)
LOGIN_OBJ = $(LOGIN_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ   = $(CLI_SRC:%.c=$(BUILD)/%.o)
UNIT      = $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)
TOOLS     = $(TOOL_SRC:t/tools/%.c=$(BUILD)/tools/%)
REPLAY    = $(FUZZ_SRC:t/fuzz/%.c=$(BUILD)/replay/%)
FUZZ      = $(FUZZ_SRC:t/fuzz/%.c=%)

FUZZ_SECONDS = 60

MIGRATIONS = $(sort $(wildcard sql/[0-9]*.sql))
TESTS     = $(wildcard t/*.t)


.PHONY: all run bench test unit fuzz $(FUZZ) lint install clean packages FORCE

all: $(MODULE) $(LOGIN) $(PORTERO)

# nginx's own build knows how to compile a module for the nginx it belongs to.
# It tracks the sources that module/config finds, so it is asked every time; a
# source that comes or goes has it configured anew.

$(BUILD)/module.list: FORCE
	@mkdir -p $(BUILD)
	@echo $(wildcard module/*.c) $(JOT_SRC) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/nginx/Makefile: module/config module/exports Makefile \
                         $(BUILD)/module.list
	mkdir -p $(BUILD)
	cd $(NGINX_SRC) && . ./conf_flags && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" --with-cc=$(CC) \
	    --with-cc-opt="-O2 -g -Wextra -Wno-unused-parameter $(SANFLAGS)" \
	    --with-ld-opt="$(SANFLAGS)" \
	    --add-dynamic-module=$(CURDIR)/module \
	    --builddir=$(abspath $(BUILD))/nginx > $(abspath $(BUILD))/nginx.log \
	    || { cat $(abspath $(BUILD))/nginx.log; exit 1; }

$(MODULE): $(BUILD)/nginx/Makefile FORCE
	@cd $(NGINX_SRC) && $(MAKE) -s -f $(abspath $(BUILD))/nginx/Makefile \
	    modules
	@# Not cp: an nginx that runs has the file mapped, and gets a new one.
	@cmp -s $(BUILD)/nginx/$(@F) $@ || install $(BUILD)/nginx/$(@F) $@

$(BUILD)/libjot.a: $(JOT_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libportero.a: $(LOGIN_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(LOGIN): $(BUILD)/login-service/main.o $(BUILD)/libportero.a \
          $(BUILD)/libjot.a
	$(CC) $(LDFLAGS) -o $@ $^ -lfcgi $(LOGINLIBS)

$(PORTERO): $(CLI_OBJ) $(BUILD)/sql_data.o $(BUILD)/libportero.a \
            $(BUILD)/libjot.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LOGINLIBS)

$(BUILD)/unit/%: t/unit/%.c $(BUILD)/libportero.a $(BUILD)/libjot.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$(PGINCLUDE) -It/unit $(CFLAGS) $(LDFLAGS) -o $@ $< \
	    $(BUILD)/libportero.a $(BUILD)/libjot.a -lfcgi $(LOGINLIBS)

# Tokens and keys stand on their own, and are tested so.

$(BUILD)/unit/jot_%: t/unit/jot_%.c t/unit/tap.h $(BUILD)/libjot.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
	    $(BUILD)/libjot.a -ljansson -lcrypto

$(BUILD)/tools/%: t/tools/%.c $(BUILD)/libjot.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson -lcrypto

# A fuzz target twice: with a main() that runs its corpus as a test, and with
# clang's fuzzer, which puts what it finds interesting into build/fuzz/.

$(BUILD)/replay/%: t/fuzz/%.c t/fuzz/replay.c $(BUILD)/libjot.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -It/unit $(CFLAGS) $(LDFLAGS) -o $@ $^ \
	    -ljansson -lcrypto

build/fuzz/%: t/fuzz/%.c $(JOT_SRC)
	@mkdir -p $@.found
	clang $(CPPFLAGS) -It/unit -std=c11 -O1 -g -Wall -Wextra \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	    -o $@ $^ -ljansson -lcrypto

$(FUZZ): %: build/fuzz/%
	build/fuzz/$@ -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=20000 \
	    -artifact_prefix=build/fuzz/ build/fuzz/$@.found t/fuzz/corpus/$@

fuzz: $(FUZZ)

# The migrations, as migrations.h declares them.

$(BUILD)/sql_data.c: sql/embed $(MIGRATIONS)
	@mkdir -p $(@D)
	sql/embed $(MIGRATIONS) > $@

$(BUILD)/sql_data.o: $(BUILD)/sql_data.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-overlength-strings -c -o $@ $<

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$(PGINCLUDE) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(JOT_OBJ:.o=.d) $(LOGIN_OBJ:.o=.d) $(CLI_OBJ:.o=.d) \
         $(BUILD)/login-service/main.d


unit: $(UNIT) $(TOOLS) $(REPLAY)

packages:
	demo/packages build run

run: packages
	@$(MAKE) -s all
	@BUILD=$(abspath $(BUILD)) exec demo/run

test:
	demo/packages build run test
	@$(MAKE) -s all unit
	PORTERO_BUILD=$(abspath $(BUILD)) prove --timer $(TESTS) $(UNIT) \
	    $(REPLAY)

bench:
	demo/packages build run test bench
	@$(MAKE) -s all
	PORTERO_BUILD=$(abspath $(BUILD)) bench/run

lint:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem --suppress=varFuncNullUB -Ijot -Ilogin-service \
	    jot login-service t/unit

install: all
	install -d $(DESTDIR)$(prefix)/sbin $(DESTDIR)$(prefix)/bin \
	    $(DESTDIR)$(prefix)/lib/nginx/modules \
	    $(DESTDIR)$(prefix)/share/portero/{sql,nginx-conf,web/app,web/portero}
	install -m 755 $(LOGIN) $(DESTDIR)$(prefix)/sbin/
	install -m 755 $(PORTERO) $(DESTDIR)$(prefix)/bin/
	install -m 644 $(MODULE) $(DESTDIR)$(prefix)/lib/nginx/modules/
	install -m 644 sql/*.sql $(DESTDIR)$(prefix)/share/portero/sql/
	install -m 644 nginx-conf/* $(DESTDIR)$(prefix)/share/portero/nginx-conf/
	install -m 644 web/index.html $(DESTDIR)$(prefix)/share/portero/web/
	install -m 644 web/app/* $(DESTDIR)$(prefix)/share/portero/web/app/
	install -m 644 web/portero/* $(DESTDIR)$(prefix)/share/portero/web/portero/
	install -d $(DESTDIR)$(prefix)/share/man/man{1,5,8} \
	    $(DESTDIR)$(prefix)/lib/{systemd/system,sysusers.d,tmpfiles.d}
	install -m 644 docs/man/portero.1 $(DESTDIR)$(prefix)/share/man/man1/
	install -m 644 docs/man/portero.conf.5 $(DESTDIR)$(prefix)/share/man/man5/
	install -m 644 docs/man/portero-login.8 $(DESTDIR)$(prefix)/share/man/man8/
	sed 's|@prefix@|$(prefix)|' systemd/portero-login.service \
	    > $(DESTDIR)$(prefix)/lib/systemd/system/portero-login.service
	install -m 644 systemd/sysusers.conf \
	    $(DESTDIR)$(prefix)/lib/sysusers.d/portero.conf
	install -m 644 systemd/tmpfiles.conf \
	    $(DESTDIR)$(prefix)/lib/tmpfiles.d/portero.conf

clean:
	rm -rf build
