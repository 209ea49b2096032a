# The commands of the project, for CI and people. `make help` lists them, under the `##@` headings.

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

# Cargo's target directory. If it is not target/, `make` records it in a file, because sudo, which
# `make install` needs, clears the environment that names it.
target := $(shell CARGO='$(CARGO)' tests/target.sh)
usual := $(CURDIR)/target
noted ?= $(usual)/.built
built = $(or $(filter-out $(usual),$(target)),$(wildcard $(shell cat $(noted) 2>/dev/null)),$(usual))

# `make install` takes the programs and the pages from these directories.
programs ?= $(built)/release
pages ?= $(built)/pages

# The programs but the daemon, for everyone.
user_programs := tcpecho tcpecho-load tcpecho-exam tcpecho-probe
units := tcpechod.service tcpechod.socket tcpechod@.service
top_documents := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md
documents := $(shell cd docs && find . -path ./deploy/debian -prune -o -type f -printf '%P\n')
# Every directory that receives files from install.
places = $(bindir) $(sbindir) $(mandir)/man1 $(mandir)/man8 $(unitdir) $(bashcompletiondir) \
	$(zshcompletiondir) $(fishcompletiondir) $(docdir) \
	$(addprefix $(docdir)/,$(patsubst %/,%,$(sort $(filter-out ./,$(dir $(documents))))))
# The list of directories that install created, for uninstall.
note = $(DESTDIR)$(docdir)/.directories

# Systems with kqueue, by rustup's names.
systems ?= aarch64-apple-darwin x86_64-unknown-freebsd

# `make static`: the architectures, by Rust's names, and the place of the programs. A test builds
# less, with static_profile=dev and static_options=.
architectures ?= x86_64 aarch64
static ?= $(target)/static
static_profile ?= static
static_options ?=

# `make image`: the builder, or the first of three that works (docker may be a client without a
# daemon), and the architecture.
image_builder ?= $(shell for one in podman buildah docker; do \
	$$one info >/dev/null 2>&1 && echo $$one && break; done)
image_architecture ?= $(shell uname -m)
image_name ?= localhost/tcpecho:$(version)

# `make tarballs` and `make release`: the place of the files of a release, and the time in them, so
# that one commit always gives the same bytes.
dist ?= $(target)/dist
version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# Builds mio on poll(2).
poll := RUSTFLAGS='--cfg mio_unsupported_force_poll_poll'

# `make install` puts the files of the package here; Cargo.toml names the same directory.
package ?= target/package

.DEFAULT_GOAL := all

##@ Build and run

all: pages ## build the programs, their manual pages and completions
	$(CARGO) build --locked --release

pages: note-place ## build only the manual pages and completions
	$(CARGO) run --locked --quiet --features pages --bin tcpecho-pages -- $(pages)

note-place:
	@if [ $(target) = $(usual) ]; then \
		rm -f $(noted); \
	else \
		mkdir -p $(dir $(noted)) && echo $(target) >$(noted); \
	fi

# Names each system whose library rustup cannot download. .cargo/config.toml names the linker.
static: ## build static programs for x86-64 and arm64 in target/static/<architecture>
	@for architecture in $(architectures); do \
		system=$$architecture-unknown-linux-musl; \
		rm -rf $(static)/$$architecture; \
		if ! rustup target add $$system; then \
			echo "SKIPPED static programs for $$architecture: rustup cannot download $$system" >&2; \
			[ -z "$${CI+set}" ] || exit; \
			continue; \
		fi; \
		$(CARGO) build --locked --bins --profile $(static_profile) $(static_options) \
			--target $$system --target-dir $(target)/musl || exit; \
		place=$(target)/musl/$$system/$(subst dev,debug,$(static_profile)); \
		$(INSTALL) -d $(static)/$$architecture || exit; \
		for program in tcpechod $(user_programs); do \
			[ ! -f $$place/$$program ] || \
				$(INSTALL) $$place/$$program $(static)/$$architecture || exit; \
		done; \
	done

# Only Docker's format has health checks.
image: architectures = $(image_architecture)
image: static ## build the container image with podman, buildah or docker
	@if [ -z "$(image_builder)" ]; then \
		echo 'SKIPPED image: neither podman nor buildah nor docker works here' >&2; \
		[ -z "$${CI+set}" ]; exit; \
	fi; \
	rm -rf $(target)/image && $(INSTALL) -d $(target)/image || exit; \
	$(INSTALL) $(static)/$(image_architecture)/tcpechod $(target)/image || exit; \
	$(INSTALL_DATA) LICENSE-MIT LICENSE-APACHE $(target)/image || exit; \
	platform=linux/$(subst x86_64,amd64,$(subst aarch64,arm64,$(image_architecture))); \
	BUILDAH_FORMAT=docker $(image_builder) build --platform $$platform --file Containerfile \
		--tag $(image_name) $(target)/image

run: ## start the daemon on port 9877 (ARGS='--service sum' passes options)
	$(CARGO) run --locked --release --quiet --bin tcpechod -- $(ARGS)

clean: ## remove all build products
	$(CARGO) clean
	rm -f $(noted)

help: ## list these commands
	@awk -F ':.*## ' '/^##@ / { printf "\n%s:\n", substr($$0, 5) } \
		/^[a-z][a-z%-]*:.*## / { printf "  %-18s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Check

check: fmt-check lint minimum-rust doc test test-poll ## run everything that CI runs; run it before a commit

test: tools ## test the code, the real programs under faults, the exact counts, the demonstrations
	$(CARGO) test --locked --features pages
	$(CARGO) test --locked --release --test counts -- --nocapture
	CARGO='$(CARGO)' tests/demos/run --check

test-poll: tools ## test the code and the programs on poll(2), not epoll (ARGS='--test faults' for a part)
	$(poll) $(CARGO) test --locked --features pages --target-dir $(target)/poll $(ARGS)

tools: ## install the tools that tests need (Debian, as root); elsewhere name the missing ones
	@tests/tools.sh

lint: clippy elsewhere tidy shellcheck deny ## run clippy, elsewhere, tidy, shellcheck and deny

clippy: ## run clippy with warnings as errors, also on the build for poll(2)
	$(CARGO) clippy --locked --all-targets --features pages -- -D warnings
	$(CARGO) clippy --locked --no-default-features --lib --bins -- -D warnings
	$(poll) $(CARGO) clippy --locked --lib --target-dir $(target)/poll -- -D warnings

# Names each system whose library rustup cannot download.
elsewhere: ## run clippy for the systems with kqueue: shows only that the code compiles there
	@for target in $(systems); do \
		if ! rustup target add $$target; then \
			echo "SKIPPED $$target: its library cannot be downloaded" >&2; \
		else \
			$(CARGO) clippy --locked --all-targets --features pages --target $$target \
				--target-dir $(target)/elsewhere -- -D warnings || exit; \
		fi; \
	done

minimum-rust: ## compile with the oldest Rust that Cargo.toml promises
	@version=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); \
	if rustup toolchain install "$$version" --profile minimal --no-self-update; then \
		rustup run "$$version" cargo check --locked --all-targets --features pages \
			--target-dir $(target)/minimum-rust; \
	else \
		echo "SKIPPED Rust $$version: it cannot be downloaded" >&2; \
		[ -z "$${CI+set}" ]; \
	fi

tidy: ## check floors, file sizes, names, documents, links and unused dependencies
	$(CARGO) test --locked --features pages --test tidy

# A script is known by its first line, or, if other scripts source it, by its name.
shellcheck: ## check every shell script
	@tests/tools.sh lint
	@if ! command -v shellcheck >/dev/null; then \
		echo 'SKIPPED shellcheck: not found' >&2; \
		[ -z "$${CI+set}" ]; exit; \
	fi; \
	find .ci docs tests -type f -exec awk 'FNR == 1 && (/^#!.*sh$$/ || FILENAME ~ /\.sh$$/) { \
		print FILENAME } { nextfile }' {} + | sort | xargs shellcheck

deny: $(target)/tools/bin/cargo-deny ## check licences, sources, duplicates and advisories of all dependencies
	$< --locked check licenses bans sources
	@if $< fetch db; then \
		$< --locked check advisories; \
	else \
		echo 'SKIPPED advisories: the RustSec database cannot be downloaded' >&2; \
	fi

# The debug build takes a third of the time to build, and runs for three seconds instead of one.
$(target)/tools/bin/cargo-deny:
	CARGO_PROFILE_DEV_DEBUG=false $(CARGO) install --locked --debug --root $(target)/tools \
		--version '~0.20.2' cargo-deny

# cargo fmt does not find modules that a macro declares.
fmt: ## format the code
	$(CARGO) fmt
	rustfmt src/service/*.rs

fmt-check: ## check the format of the code
	$(CARGO) fmt --check
	rustfmt --check src/service/*.rs

##@ Measure and stress

counts: ## print every exact count of docs/performance.md
	$(CARGO) test --locked --release --test counts -- --nocapture --include-ignored

count-system-calls: ## count system calls per echoed line, and per connection
	$(CARGO) test --locked --release --test counts -- --nocapture system_calls

count-instructions: ## count user-space instructions per echoed line, alone and beside 15,000 idle connections
	$(CARGO) test --locked --release --test counts -- --nocapture --include-ignored instructions

count-generator: ## count instructions and system calls per line that the load generator verifies
	$(CARGO) test --locked --release --test counts -- --nocapture verified

count-memory: ## measure private memory per idle connection
	$(CARGO) test --locked --release --test counts -- --nocapture bytes

count-connections: ## count the connections that one process holds
	$(CARGO) test --locked --release --test counts -- --nocapture connections_in

bench: ## compare the daemon with other servers: half an hour (ARGS='--rounds 1 --case churn' for less)
	@tests/tools.sh bench
	CARGO='$(CARGO)' tests/bench/build.sh
	$(CARGO) bench --locked --bench compare -- $(ARGS)

million: ## open, echo and hold a million connections (ARGS='--connections 200000' for fewer)
	@tests/tools.sh
	$(CARGO) bench --locked --bench million -- $(ARGS)

overload: ## measure a hundred polite peers beside floods, stalls, churn and storms: some minutes
	$(CARGO) bench --locked --bench overload -- $(ARGS)

soak: ## make trouble in waves for half an hour, and look for leaks and losses (ARGS='--duration 8h')
	$(CARGO) bench --locked --bench soak -- $(ARGS)

restarts: ## drain daemons under 100,000 connections that their peers close first (RESTART_CONNECTIONS=N)
	@tests/tools.sh
	RESTART_CONNECTIONS=$${RESTART_CONNECTIONS:-100000} $(CARGO) test --locked --release --test faults \
		no_peer_that_closes_first -- --nocapture --test-threads 1

simulate: ## run the reactor on simulated sockets and time: a million seeds (ARGS='--seed 7' for one)
	$(CARGO) bench --locked --bench simulate -- $(ARGS)

exam-check: ## examine every program with a known bug 20 times beside a load: hours (ROUNDS=1 for less)
	@tests/tools.sh
	$(CARGO) test --locked --test exam -- --ignored --nocapture every_round

sweep: ## inject every error into every system call (ARGS='--only accept4' for fewer)
	@tests/tools.sh
	$(CARGO) bench --locked --bench sweep -- $(ARGS)

fuzz: $(target)/tools/bin/cargo-fuzz ## feed random input to every parser, a minute each (ARGS='3600 http' for one, an hour)
	@CARGO='$(CARGO)' tests/fuzz/run.sh $(ARGS)

$(target)/tools/bin/cargo-fuzz:
	$(CARGO) install --locked --root $(target)/tools --version '~0.13.2' cargo-fuzz

##@ Demonstrate

# The programs in $(TCPECHO_BIN), if it is set, need no build.
demonstrated := $(if $(TCPECHO_BIN),,all)

demo: $(demonstrated) ## run all demonstrations, and print a table of the results
	@CARGO='$(CARGO)' tests/demos/run

demo-%: $(demonstrated) ## run one and show it: demo-echo, demo-zombies, ... (STEP=1: with questions; WRONG=wait: the course's)
	@CARGO='$(CARGO)' tests/demos/run $*

demo-check: all ## run all demonstrations, and compare them with their transcripts
	@CARGO='$(CARGO)' tests/demos/run --check

demo-transcripts: all ## rewrite docs/demonstrations/transcripts
	@CARGO='$(CARGO)' tests/demos/run --write

demo-watch: all ## show connection phases beside the kernel's states, live, in a second terminal
	@CARGO='$(CARGO)' tests/demos/watch.sh $(ARGS)

# The release build logs no phases, and the debug build is too slow for a flood.
wall: ## record all demonstrations, and build docs/wall.html of them
	$(CARGO) build --locked --release --target-dir $(target)/wall/build --bin tcpecho --bin tcpechod \
		--config profile.release.debug-assertions=true --config profile.release.lto=false
	@mkdir -p $(target)/wall
	@rm -f $(target)/wall/*.jsonl
	@TCPECHO_BIN=$(target)/wall/build/release tests/wall/record $(target)/wall
	@node tests/wall/build.mjs docs $(target)/wall >$(target)/wall/wall.html
	@mv $(target)/wall/wall.html docs/wall.html

wall-page: ## build docs/wall.html anew of the recordings that it has
	@mkdir -p $(target)/wall
	@node tests/wall/build.mjs docs docs/wall.html >$(target)/wall/wall.html
	@mv $(target)/wall/wall.html docs/wall.html

##@ Document

doc: ## build the library's documentation, with warnings as errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items \
		--features pages

states: ## rewrite the tables of docs/states.md from the code
	WRITE=1 $(CARGO) test --locked --test states

exam-table: ## rewrite the tables of tasks and results in docs/exam.md
	WRITE=1 $(CARGO) test --locked --test exam -- page::

paths: ## measure the table of docs/paths.md anew
	WRITE=1 $(CARGO) test --locked --test probe real_programs

options: ## rewrite the tables of options in the documents from the programs
	WRITE=1 $(CARGO) test --locked --test documents

##@ Install and package

install: ## install below $(DESTDIR)$(prefix); builds nothing, so run `make` first
	@missing=$$(for place in $(places); do \
		while [ -n "$$place" ] && [ ! -d "$(DESTDIR)$$place" ]; do \
			echo "$$place"; place=$${place%/*}; \
		done; \
	done | sort -u); \
	$(INSTALL) -d $(addprefix $(DESTDIR),$(places)); \
	[ -z "$$missing" ] || echo "$$missing" >>$(note)
	$(INSTALL_PROGRAM) $(addprefix $(programs)/,$(user_programs)) $(DESTDIR)$(bindir)
	$(INSTALL_PROGRAM) $(programs)/tcpechod $(DESTDIR)$(sbindir)
	$(INSTALL_DATA) $(pages)/man/*.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL_DATA) $(pages)/man/*.8 $(DESTDIR)$(mandir)/man8
	@for name in $(user_programs) tcpechod; do \
		$(INSTALL_DATA) $(pages)/bash/$$name.bash $(DESTDIR)$(bashcompletiondir)/$$name && \
		$(INSTALL_DATA) $(pages)/zsh/_$$name $(DESTDIR)$(zshcompletiondir)/_$$name && \
		$(INSTALL_DATA) $(pages)/fish/$$name.fish $(DESTDIR)$(fishcompletiondir)/$$name.fish || exit; \
	done
	$(INSTALL_DATA) $(top_documents) LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(docdir)
	cd $(DESTDIR)$(docdir) && sed -i 's|](docs/|](|g' $(top_documents)
	@for name in $(documents); do \
		$(INSTALL_DATA) docs/$$name $(DESTDIR)$(docdir)/$$name || exit; \
	done
	$(INSTALL_DATA) $(addprefix docs/deploy/,$(units)) $(DESTDIR)$(unitdir)
	cd $(DESTDIR)$(unitdir) && sed -i \
		's|/usr/sbin/tcpechod|$(sbindir)/tcpechod|; s|/usr/share/doc/tcpecho|$(docdir)|' $(units)

uninstall: ## remove the installed files, and the directories that install created, if empty
	rm -f $(addprefix $(DESTDIR)$(bindir)/,$(user_programs)) $(DESTDIR)$(sbindir)/tcpechod
	rm -f $(addprefix $(DESTDIR)$(mandir)/man1/,$(addsuffix .1,$(user_programs)))
	rm -f $(DESTDIR)$(mandir)/man8/tcpechod.8
	rm -f $(addprefix $(DESTDIR)$(bashcompletiondir)/,$(user_programs) tcpechod)
	rm -f $(addprefix $(DESTDIR)$(zshcompletiondir)/_,$(user_programs) tcpechod)
	rm -f $(addprefix $(DESTDIR)$(fishcompletiondir)/,$(addsuffix .fish,$(user_programs) tcpechod))
	rm -f $(addprefix $(DESTDIR)$(unitdir)/,$(units))
	@rm -f $(addprefix $(DESTDIR)$(docdir)/,$(documents) $(top_documents) LICENSE-MIT LICENSE-APACHE)
	@if [ -f $(note) ]; then \
		made=$$(sort -ru $(note)); rm $(note); \
		for place in $$made; do rmdir $(DESTDIR)$$place 2>/dev/null || :; done; \
	fi

# `install` has the only list of files. Debian has its own directory for zsh completions, and requires
# compressed manual pages, stripped programs, and all licences in one file.
package: ## lay out the files of the Debian package in $(package), after `make`
	rm -rf $(package)
	@$(MAKE) --silent install DESTDIR=$(abspath $(package)) prefix=/usr INSTALL_PROGRAM='install -s' \
		zshcompletiondir=/usr/share/zsh/vendor-completions
	cd $(package)/usr/share/doc/tcpecho && rm .directories LICENSE-MIT LICENSE-APACHE
	$(INSTALL_DATA) docs/deploy/debian/copyright docs/deploy/debian/changelog \
		$(package)/usr/share/doc/tcpecho
	$(INSTALL) -D -m 644 docs/deploy/logrotate $(package)/etc/logrotate.d/tcpechod
	$(INSTALL) -D -m 644 docs/deploy/debian/overrides $(package)/usr/share/lintian/overrides/tcpecho
	gzip -9n $(package)/usr/share/doc/tcpecho/changelog $(package)/usr/share/man/man*/*

deb: all $(target)/tools/bin/cargo-deb ## build the Debian package in target/debian
	@$(MAKE) --silent package
	$(target)/tools/bin/cargo-deb --no-build --locked

deb-check: deb ## install the package, use it, remove it, and compare (as root)
	rm -rf $(target)/overlay && mkdir $(target)/overlay
	unshare --mount sh tests/install/package.sh $(target)/debian/*.deb $(target)/overlay
	! command -v lintian || lintian --allow-root --fail-on error,warning $(target)/debian/*.deb

tarballs: static pages ## pack the static programs with pages, completions and units in target/dist
	rm -rf $(dist) && $(INSTALL) -d $(dist)
	@for architecture in $(architectures); do \
		[ -d $(static)/$$architecture ] || continue; \
		name=tcpecho-$(version)-$$architecture-linux; \
		$(MAKE) --silent install DESTDIR=$(abspath $(dist))/tree prefix=/usr/local \
			programs=$(static)/$$architecture || exit; \
		rm $(dist)/tree/usr/local/share/doc/tcpecho/.directories; \
		mv $(dist)/tree/usr/local $(dist)/$$name && rm -r $(dist)/tree || exit; \
		tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) \
			--directory=$(dist) $$name | gzip -9n >$(dist)/$$name.tar.gz || exit; \
		rm -r $(dist)/$$name; \
	done

release: tarballs deb $(target)/tools/bin/cargo-cyclonedx ## make every file of a release in target/dist
	cp $(target)/debian/*.deb $(dist)
	$(target)/tools/bin/cargo-cyclonedx cyclonedx --format json --override-filename tcpecho.cdx
	mv tcpecho.cdx.json $(dist)/tcpecho-$(version).cdx.json
	cd $(dist) && sha256sum tcpecho* >SHA256SUMS

$(target)/tools/bin/cargo-cyclonedx:
	$(CARGO) install --locked --root $(target)/tools --version '~0.5.7' cargo-cyclonedx

$(target)/tools/bin/cargo-deb:
	$(CARGO) install --locked --root $(target)/tools --version '~3.8.0' cargo-deb

.PHONY: all pages note-place static image run clean help check test test-poll tools lint clippy elsewhere minimum-rust \
	tidy shellcheck deny fmt fmt-check counts count-system-calls count-instructions count-generator \
	count-memory count-connections bench million overload soak restarts simulate exam-check sweep fuzz demo demo-check \
	demo-transcripts demo-watch wall wall-page doc states exam-table paths options install uninstall package deb deb-check \
	tarballs release
