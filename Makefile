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
mandir ?= $(datarootdir)/man
unitdir ?= $(prefix)/lib/systemd/system
bashcompletiondir ?= $(datarootdir)/bash-completion/completions
zshcompletiondir ?= $(datarootdir)/zsh/site-functions
fishcompletiondir ?= $(datarootdir)/fish/vendor_completions.d

# Where cargo puts what it builds. Where that is another place than usual, `make` notes it: under
# sudo, which `make install` needs, the environment that says so is gone.
target := $(shell CARGO='$(CARGO)' tests/target.sh)
usual := $(CURDIR)/target
noted ?= $(usual)/.built
built = $(or $(filter-out $(usual),$(target)),$(wildcard $(shell cat $(noted) 2>/dev/null)),$(usual))

# What is installed: the programs from here, and the pages from there.
programs ?= $(built)/release
pages ?= $(built)/pages

units := tcpechod.service tcpechod.socket tcpechod@.service
documents := $(shell cd docs && find . -path ./deploy/debian -prune -o -type f -printf '%P\n')
# Every directory that install puts something into.
places = $(bindir) $(sbindir) $(mandir)/man1 $(mandir)/man8 $(unitdir) $(bashcompletiondir) \
	$(zshcompletiondir) $(fishcompletiondir) $(docdir) \
	$(addprefix $(docdir)/,$(patsubst %/,%,$(sort $(filter-out ./,$(dir $(documents))))))
# The directories that install had to make are noted there, for uninstall.
note = $(DESTDIR)$(docdir)/.directories

# Those of kqueue, as rustup calls them.
systems ?= aarch64-apple-darwin x86_64-unknown-freebsd

# mio on poll(2).
poll := RUSTFLAGS='--cfg mio_unsupported_force_poll_poll'

# A package is made of what `make install` puts there; Cargo.toml names the same place.
package ?= target/package

.DEFAULT_GOAL := all

##@ Build and run

all: pages ## build the programs, their manual pages and completions
	$(CARGO) build --locked --release

pages: note-place ## write the manual pages and completions alone
	$(CARGO) run --locked --quiet --features pages --bin tcpecho-pages -- $(pages)

note-place:
	@if [ $(target) = $(usual) ]; then \
		rm -f $(noted); \
	else \
		mkdir -p $(dir $(noted)) && echo $(target) >$(noted); \
	fi

run: ## start the daemon on port 9877, ready to echo (ARGS='--service sum' for more)
	$(CARGO) run --locked --release --quiet --bin tcpechod -- $(ARGS)

clean: ## remove what was built
	$(CARGO) clean
	rm -f $(noted)

help: ## list these commands
	@sed -n 's/^\([a-z][a-z%-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

##@ Check

check: fmt-check lint doc test test-poll ## all that CI runs, and you before a commit

test: tools ## run every test: the code, the real programs under faults, the exact counts, the demonstrations
	$(CARGO) test --locked --features pages
	$(CARGO) test --locked --release --test counts -- --nocapture
	CARGO='$(CARGO)' tests/demos/run --check

test-poll: tools ## the same code and faults on poll(2) in place of epoll: what relies on one selector fails on another (ARGS='--test faults' for a part)
	$(poll) $(CARGO) test --locked --features pages --target-dir $(target)/poll $(ARGS)

tools: ## install the tools that tests need (Debian, as root); without them the tests say what they skip
	@tests/tools.sh

lint: clippy elsewhere tidy shellcheck deny ## all that can be seen without running the programs

clippy: ## clippy with every warning an error, also on what is only compiled for poll(2)
	$(CARGO) clippy --locked --all-targets --features pages -- -D warnings
	$(poll) $(CARGO) clippy --locked --lib --target-dir $(target)/poll -- -D warnings

# What rustup has no library for is said, and not passed over.
elsewhere: ## clippy for the systems of kqueue, which only shows that it compiles for them
	@for target in $(systems); do \
		if ! rustup target add $$target; then \
			echo "SKIPPED $$target: its library cannot be had from here" >&2; \
		else \
			$(CARGO) clippy --locked --all-targets --features pages --target $$target \
				--target-dir $(target)/elsewhere -- -D warnings || exit; \
		fi; \
	done

tidy: ## the rules of the house: floors, sizes, names, documents and their links, unused dependencies
	$(CARGO) test --locked --features pages --test tidy

# By its first line, or its name where it is only a part of others.
shellcheck: ## every shell script
	@tests/tools.sh lint
	@if ! command -v shellcheck >/dev/null; then \
		echo 'SKIPPED shellcheck: not found' >&2; \
		[ -z "$${CI+set}" ]; exit; \
	fi; \
	find .ci docs tests -type f -exec awk 'FNR == 1 && (/^#!.*sh$$/ || FILENAME ~ /\.sh$$/) { \
		print FILENAME } { nextfile }' {} + | sort | xargs shellcheck

deny: $(target)/tools/bin/cargo-deny ## licences, sources and duplicates of all dependencies, and advisories where they can be had
	$< --locked check licenses bans sources
	@if $< fetch db; then \
		$< --locked check advisories; \
	else \
		echo 'SKIPPED advisories: the RustSec database cannot be had from here' >&2; \
	fi

# Unoptimised it takes three seconds in place of one, and a third of the time to build.
$(target)/tools/bin/cargo-deny:
	CARGO_PROFILE_DEV_DEBUG=false $(CARGO) install --locked --debug --root $(target)/tools \
		--version '~0.20.2' cargo-deny

# The modules that a macro declares are not found by cargo fmt.
fmt: ## format the code
	$(CARGO) fmt
	rustfmt src/service/*.rs

fmt-check: ## check the format
	$(CARGO) fmt --check
	rustfmt --check src/service/*.rs

##@ Measure and stress

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

overload: ## what a hundred polite peers see beside floods, stalls, churn and storms, in a few minutes
	$(CARGO) bench --locked --bench overload -- $(ARGS)

soak: ## trouble in waves for half an hour, and nothing has grown or is lost (ARGS='--duration 8h')
	$(CARGO) bench --locked --bench soak -- $(ARGS)

simulate: ## the reactor on simulated sockets and time: a million seeds (ARGS='--seed 7': that one, told)
	$(CARGO) bench --locked --bench simulate -- $(ARGS)

sweep: ## every error of every system call, on the release build (ARGS='--only accept4' for fewer)
	@tests/tools.sh
	$(CARGO) bench --locked --bench sweep -- $(ARGS)

fuzz: $(target)/tools/bin/cargo-fuzz ## look for input that breaks something, a minute a target (ARGS='3600 http': that one, an hour)
	@CARGO='$(CARGO)' tests/fuzz/run.sh $(ARGS)

$(target)/tools/bin/cargo-fuzz:
	$(CARGO) install --locked --root $(target)/tools --version '~0.13.2' cargo-fuzz

##@ Demonstrate

demo: all ## run every demonstration, and tell in a table what was seen
	@CARGO='$(CARGO)' tests/demos/run

demo-%: all ## run one demonstration, and show it: demo-echo, demo-server-crash, ...
	@CARGO='$(CARGO)' tests/demos/run $*

demo-check: all ## run every demonstration, and compare it with its transcript
	@CARGO='$(CARGO)' tests/demos/run --check

demo-transcripts: all ## write docs/demonstrations/transcripts anew
	@CARGO='$(CARGO)' tests/demos/run --write

demo-watch: all ## a live view for a second terminal: phases beside the kernel's states
	@CARGO='$(CARGO)' tests/demos/watch.sh $(ARGS)

##@ Document

doc: ## build the library's documentation, with every warning an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items \
		--features pages

states: ## write the tables of docs/states.md anew from the code
	WRITE=1 $(CARGO) test --locked --test states

options: ## write the tables of options in the documents anew from the programs' own
	WRITE=1 $(CARGO) test --locked --test documents

##@ Install and package

install: ## install below $(DESTDIR)$(prefix), after `make`; builds nothing
	@missing=$$(for place in $(places); do \
		while [ -n "$$place" ] && [ ! -d "$(DESTDIR)$$place" ]; do \
			echo "$$place"; place=$${place%/*}; \
		done; \
	done | sort -u); \
	$(INSTALL) -d $(addprefix $(DESTDIR),$(places)); \
	[ -z "$$missing" ] || echo "$$missing" >>$(note)
	$(INSTALL_PROGRAM) $(programs)/tcpecho $(programs)/tcpecho-load $(DESTDIR)$(bindir)
	$(INSTALL_PROGRAM) $(programs)/tcpechod $(DESTDIR)$(sbindir)
	$(INSTALL_DATA) $(pages)/man/*.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL_DATA) $(pages)/man/*.8 $(DESTDIR)$(mandir)/man8
	@for name in tcpecho tcpecho-load tcpechod; do \
		$(INSTALL_DATA) $(pages)/bash/$$name.bash $(DESTDIR)$(bashcompletiondir)/$$name && \
		$(INSTALL_DATA) $(pages)/zsh/_$$name $(DESTDIR)$(zshcompletiondir)/_$$name && \
		$(INSTALL_DATA) $(pages)/fish/$$name.fish $(DESTDIR)$(fishcompletiondir)/$$name.fish || exit; \
	done
	$(INSTALL_DATA) CHANGELOG.md CONTRIBUTING.md LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(docdir)
	@for name in $(documents); do \
		$(INSTALL_DATA) docs/$$name $(DESTDIR)$(docdir)/$$name || exit; \
	done
	$(INSTALL_DATA) README.md $(DESTDIR)$(docdir)
	sed -i 's|](docs/|](|g' $(DESTDIR)$(docdir)/README.md
	$(INSTALL_DATA) $(addprefix docs/deploy/,$(units)) $(DESTDIR)$(unitdir)
	cd $(DESTDIR)$(unitdir) && sed -i \
		's|/usr/sbin/tcpechod|$(sbindir)/tcpechod|; s|/usr/share/doc/tcpecho|$(docdir)|' $(units)

uninstall: ## remove what install has put there, and the directories that it made, if they are empty
	rm -f $(addprefix $(DESTDIR)$(bindir)/,tcpecho tcpecho-load) $(DESTDIR)$(sbindir)/tcpechod
	rm -f $(addprefix $(DESTDIR)$(mandir)/,man1/tcpecho.1 man1/tcpecho-load.1 man8/tcpechod.8)
	rm -f $(addprefix $(DESTDIR)$(bashcompletiondir)/,tcpecho tcpecho-load tcpechod)
	rm -f $(addprefix $(DESTDIR)$(zshcompletiondir)/,_tcpecho _tcpecho-load _tcpechod)
	rm -f $(addprefix $(DESTDIR)$(fishcompletiondir)/,tcpecho.fish tcpecho-load.fish tcpechod.fish)
	rm -f $(addprefix $(DESTDIR)$(unitdir)/,$(units))
	@rm -f $(addprefix $(DESTDIR)$(docdir)/,$(documents) README.md CHANGELOG.md CONTRIBUTING.md \
		LICENSE-MIT LICENSE-APACHE)
	@if [ -f $(note) ]; then \
		made=$$(sort -ru $(note)); rm $(note); \
		for place in $$made; do rmdir $(DESTDIR)$$place 2>/dev/null || :; done; \
	fi

# The one list of files is that of `install`. Debian has its own place for completions of zsh, wants
# manual pages compressed, programs without symbols, and licences told in one file.
package: ## lay out the files of the Debian package in $(package), after `make`
	rm -rf $(package)
	@$(MAKE) --silent install DESTDIR=$(abspath $(package)) prefix=/usr INSTALL_PROGRAM='install -s' \
		zshcompletiondir=/usr/share/zsh/vendor-completions
	cd $(package)/usr/share/doc/tcpecho && rm .directories LICENSE-MIT LICENSE-APACHE
	$(INSTALL_DATA) docs/deploy/debian/copyright docs/deploy/debian/changelog \
		$(package)/usr/share/doc/tcpecho
	$(INSTALL) -D -m 644 docs/deploy/debian/overrides $(package)/usr/share/lintian/overrides/tcpecho
	gzip -9n $(package)/usr/share/doc/tcpecho/changelog $(package)/usr/share/man/man*/*

deb: all $(target)/tools/bin/cargo-deb ## make the Debian package in target/debian
	@$(MAKE) --silent package
	$(target)/tools/bin/cargo-deb --no-build --locked

deb-check: deb ## install that package for a moment (as root), use it, remove it, and compare
	rm -rf $(target)/overlay && mkdir $(target)/overlay
	unshare --mount sh tests/install/package.sh $(target)/debian/*.deb $(target)/overlay

$(target)/tools/bin/cargo-deb:
	$(CARGO) install --locked --root $(target)/tools --version '~3.8.0' cargo-deb

.PHONY: all run test test-poll check tools lint clippy elsewhere tidy shellcheck deny fmt fmt-check doc \
	counts count-system-calls count-instructions count-generator count-memory count-connections bench \
	million simulate overload soak fuzz sweep demo demo-transcripts demo-check demo-watch states options \
	pages note-place install uninstall package deb deb-check clean help
