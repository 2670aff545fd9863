# libgreen: everything a person or a CI does with the project.
#
#   make            build target/release/libgreen.so
#   make demo       the main job on real input, beside native, and the strace comparison
#   make check      quick tests (under 2 minutes)      make test      all but the long ones
#   make test-all   all, with more seeds               make bench     measurements, native beside green
#   make install PREFIX=/usr/local DESTDIR=            make lint      fmt and clippy
#   make deb        target/libgreen_VERSION_amd64.deb
#
# What a target needs from Debian is installed by name when it is missing (as root or by sudo).

PREFIX  ?= /usr/local
DESTDIR ?=
CARGO   ?= cargo
CC      ?= gcc
JOBS    ?= 2

LIB     := target/release/libgreen.so
LEGACY  := target/c-tests/legacy/legacy_server
RUST    := $(shell find scheduler shim -name '*.rs') Cargo.toml scheduler/Cargo.toml shim/Cargo.toml

# What green reads, beside the library.
PARTS   := scripts/green.d/check.sh scripts/green.d/calls.awk scripts/green.d/features.sh \
           scripts/lib/coverage.txt scripts/lib/coverage_waits.txt
TRACE_PARTS := $(addprefix scripts/lib/,trace_file.py trace_states.py trace_json.py trace_table.py trace_symbols.py)

LIBDIR  := /usr/lib/x86_64-linux-gnu

# command:package pairs, or file:package, that the tests and the demo use.
DEMO_NEEDS := gcc:gcc python3:python3 curl:curl strace:strace taskset:util-linux
TEST_NEEDS := $(DEMO_NEEDS) g++:g++ gdb:gdb nm:binutils microsocks:microsocks tinyproxy:tinyproxy \
              stunnel4:stunnel4 openssl:openssl /usr/bin/python3:python3 \
              /usr/lib/python3.11/test/test_array.py:libpython3.11-testsuite perf:linux-perf valgrind:valgrind \
              man:man-db groff:groff-base musl-gcc:musl-tools /usr/sbin/setcap:libcap2-bin \
              $(LIBDIR)/libjemalloc.so.2:libjemalloc2 $(LIBDIR)/libmimalloc.so.2:libmimalloc2.0 \
              $(LIBDIR)/libtcmalloc_minimal.so.4:libtcmalloc-minimal4 $(LIBDIR)/libeatmydata.so:libeatmydata1 \
              $(LIBDIR)/faketime/libfaketime.so.1:libfaketime $(LIBDIR)/libdw.so.1:libdw1

# What the bench measures beside; an anchor that cannot be had is left out.
BENCH_NEEDS := go:golang /usr/include/st.h:libst-dev g++:g++ pkg-config:pkg-config wrk:wrk perf:linux-perf valgrind:valgrind \
               /usr/include/boost/fiber/all.hpp:libboost-fiber-dev \
               /usr/include/boost/context/fiber.hpp:libboost-context-dev

.PHONY: deb needs-bench all demo check test test-all bench install uninstall lint clean needs-demo needs-test programs

all: $(LIB)

$(LIB): $(RUST)
	$(CARGO) build --release
	@touch $@

$(LEGACY): c-tests/legacy/legacy_server.c
	@mkdir -p $(@D)
	$(CC) -O2 -g -Wall -Wextra -pthread $< -o $@

programs: $(LEGACY)

needs-demo:
	@scripts/needs $(DEMO_NEEDS)

needs-test:
	@scripts/needs $(TEST_NEEDS)

demo: needs-demo $(LIB) programs
	scripts/demo

check: needs-test $(LIB) programs
	scripts/run-tests --quick --jobs $(JOBS) --cargo

test: needs-test $(LIB) programs
	scripts/run-tests --jobs $(JOBS) --cargo

test-all: needs-test $(LIB) programs
	scripts/run-tests --all --seeds 20 --jobs $(JOBS) --cargo

needs-bench: needs-demo
	-@scripts/needs $(BENCH_NEEDS)

bench: needs-bench $(LIB)
	scripts/bench $(BENCH)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings

install:
	@test -f $(LIB) || $(MAKE) $(LIB)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/green $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 scripts/green $(DESTDIR)$(PREFIX)/bin/green
	install -m 755 $(LIB) $(DESTDIR)$(PREFIX)/lib/green/libgreen.so
	install -d $(DESTDIR)$(PREFIX)/lib/green/gdb
	install -m 755 scripts/green-dump $(DESTDIR)$(PREFIX)/bin/green-dump
	install -m 755 scripts/green-top $(DESTDIR)$(PREFIX)/bin/green-top
	install -m 755 scripts/green-trace $(DESTDIR)$(PREFIX)/bin/green-trace
	install -m 755 scripts/green-where $(DESTDIR)$(PREFIX)/bin/green-where
	install -m 644 $(TRACE_PARTS) $(DESTDIR)$(PREFIX)/lib/green
	install -m 644 scripts/lib/counters.py scripts/lib/exposition.py scripts/lib/call_sites.py scripts/lib/source_lines.py \
		$(DESTDIR)$(PREFIX)/lib/green
	install -m 644 scripts/lib/threads.py scripts/lib/memory.py scripts/lib/snapshot.py scripts/lib/unwinding.py \
		$(DESTDIR)$(PREFIX)/lib/green
	install -m 644 scripts/gdb/green.py $(DESTDIR)$(PREFIX)/lib/green/gdb/green.py
	install -m 644 $(PARTS) $(DESTDIR)$(PREFIX)/lib/green
	install -m 644 docs/green.1 $(DESTDIR)$(PREFIX)/share/man/man1/green.1
	install -m 644 scripts/completion/green.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/green

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/green $(DESTDIR)$(PREFIX)/lib/green/libgreen.so \
		$(addprefix $(DESTDIR)$(PREFIX)/lib/green/,$(notdir $(PARTS))) \
		$(DESTDIR)$(PREFIX)/share/man/man1/green.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/green
	rm -f $(DESTDIR)$(PREFIX)/bin/green-trace $(addprefix $(DESTDIR)$(PREFIX)/lib/green/,$(notdir $(TRACE_PARTS)))
	rm -f $(DESTDIR)$(PREFIX)/bin/green-top $(DESTDIR)$(PREFIX)/bin/green-where \
		$(addprefix $(DESTDIR)$(PREFIX)/lib/green/,counters.py exposition.py call_sites.py source_lines.py)
	rm -f $(DESTDIR)$(PREFIX)/bin/green-dump $(DESTDIR)$(PREFIX)/lib/green/gdb/green.py \
		$(addprefix $(DESTDIR)$(PREFIX)/lib/green/,threads.py memory.py snapshot.py unwinding.py)
	-rmdir $(DESTDIR)$(PREFIX)/lib/green/gdb
	-rmdir $(DESTDIR)$(PREFIX)/lib/green

deb: $(LIB)
	scripts/needs dpkg-deb:dpkg readelf:binutils strip:binutils
	scripts/deb

clean:
	$(CARGO) clean
