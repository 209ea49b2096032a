# The commands of the project; CI and people use the same ones. `make help` lists them.

CARGO ?= cargo
INSTALL ?= install
INSTALL_PROGRAM ?= $(INSTALL)
INSTALL_DATA ?= $(INSTALL) -m 644

prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
sbindir ?= $(exec_prefix)/sbin
datarootdir ?= $(prefix)/share
docdir ?= $(datarootdir)/doc/tcpecho

.DEFAULT_GOAL := all

all: ## build the programs
	$(CARGO) build --locked --release

run: ## start the daemon on port 9877, ready to echo (ARGS='--service sum' for more)
	$(CARGO) run --locked --release --quiet --bin tcpechod -- $(ARGS)

test: tools ## run every test: the code, the real programs under faults, the exact counts, the demonstrations
	$(CARGO) test --locked
	$(CARGO) test --locked --release --test counts -- --nocapture
	tests/demos/run --check

check: fmt-check lint doc test ## what CI runs, and you before a commit

tools: ## install the tools that tests need (Debian, as root); without them the tests say what they skip
	@tests/tools.sh

lint: ## clippy, with every warning an error
	$(CARGO) clippy --locked --all-targets -- -D warnings

# The modules that a macro declares are not found by cargo fmt.
fmt: ## format the code
	$(CARGO) fmt
	rustfmt src/service/*.rs

fmt-check: ## check the format
	$(CARGO) fmt --check
	rustfmt --check src/service/*.rs

doc: ## build the library's documentation, with every warning an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

counts: ## print every exact count of docs/performance.md
	$(CARGO) test --locked --release --test counts -- --nocapture --include-ignored

count-system-calls: ## system calls an echoed line, and in a connection's life
	$(CARGO) test --locked --release --test counts -- --nocapture system_calls

count-instructions: ## user-space instructions an echoed line, alone and beside 15,000 idle connections
	$(CARGO) test --locked --release --test counts -- --nocapture --include-ignored instructions

count-generator: ## instructions and system calls a line that the load generator verifies
	$(CARGO) test --locked --release --test counts -- --nocapture verified

count-memory: ## private memory an idle connection
	$(CARGO) test --locked --release --test counts -- --nocapture bytes

count-connections: ## connections that one process holds
	$(CARGO) test --locked --release --test counts -- --nocapture connections_in

bench: ## compare the daemon with other servers, for half an hour (ARGS='--rounds 1 --case churn' for less)
	@tests/tools.sh bench
	CARGO='$(CARGO)' tests/bench/build.sh
	$(CARGO) bench --locked --bench compare -- $(ARGS)

million: ## open, echo and hold a million connections on this machine (ARGS='--connections 200000' for fewer)
	@tests/tools.sh
	$(CARGO) bench --locked --bench million -- $(ARGS)

demo: all ## run every demonstration, and tell in a table what was seen
	@tests/demos/run

demo-transcripts: all ## write docs/demonstrations/transcripts anew
	@tests/demos/run --write

demo-check: all ## run every demonstration, and compare it with its transcript
	@tests/demos/run --check

demo-watch: all ## a live view for a second terminal: phases beside the kernel's states
	@tests/demos/watch.sh $(ARGS)

demo-%: all ## run one demonstration, and show it: demo-echo, demo-server-crash, ...
	@tests/demos/run $*

states: ## write the tables of docs/states.md anew from the code
	WRITE=1 $(CARGO) test --locked --test states

install: ## install below $(DESTDIR)$(prefix), after `make`
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(docdir)
	$(INSTALL_PROGRAM) target/release/tcpecho $(DESTDIR)$(bindir)/tcpecho
	$(INSTALL_PROGRAM) target/release/tcpecho-load $(DESTDIR)$(bindir)/tcpecho-load
	$(INSTALL_PROGRAM) target/release/tcpechod $(DESTDIR)$(sbindir)/tcpechod
	$(INSTALL_DATA) README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE docs/*.md docs/*.json $(DESTDIR)$(docdir)

uninstall: ## remove what install has put there
	rm -f $(DESTDIR)$(bindir)/tcpecho $(DESTDIR)$(bindir)/tcpecho-load $(DESTDIR)$(sbindir)/tcpechod
	rm -rf $(DESTDIR)$(docdir)

clean: ## remove what was built
	$(CARGO) clean

help: ## list these commands
	@sed -n 's/^\([a-z][a-z%-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: all run test check tools lint fmt fmt-check doc counts count-system-calls \
	count-instructions count-generator count-memory count-connections bench million demo \
	demo-transcripts demo-check demo-watch \
	states install uninstall clean help
