# make install: programs, units, sample configuration.  DESTDIR= PREFIX=/usr/local
#
# The command is in bin, the daemons in lib/vereda, where `vereda up` finds them too.  Sandboxd is
# there for `vereda up --sandbox`; no unit starts it.

SYSCONFDIR  ?= /etc
BINDIR      := $(PREFIX)/bin
LIBDIR      := $(PREFIX)/lib/vereda
DOCDIR      := $(PREFIX)/share/doc/vereda
UNITDIR     := $(PREFIX)/lib/systemd/system
SYSUSERSDIR := $(PREFIX)/lib/sysusers.d
TMPFILESDIR := $(PREFIX)/lib/tmpfiles.d

UNITS_IN := $(wildcard conf/systemd/*.service.in)
UNITS    := $(UNITS_IN:conf/systemd/%.in=$(BUILD)/systemd/%) $(BUILD)/systemd/vereda.target

$(BUILD)/systemd/%.service: conf/systemd/%.service.in
	@mkdir -p $(@D)
	sed -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@DOCDIR@|$(DOCDIR)|g' $< > $@
$(BUILD)/systemd/%.target: conf/systemd/%.target
	@mkdir -p $(@D)
	cp $< $@

# Every setting with its default, from the table that the daemons read.
$(BUILD)/vereda.conf: $(BIN)/vereda
	$< config sample > $@.tmp && mv $@.tmp $@

.PHONY: install uninstall
install: all $(UNITS) $(BUILD)/vereda.conf
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBDIR) $(DOCDIR) $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR))
	install -d $(DESTDIR)$(SYSCONFDIR)/vereda $(DESTDIR)$(SYSCONFDIR)/logrotate.d
	install -m 755 $(BIN)/vereda $(DESTDIR)$(BINDIR)
	install -m 755 $(DAEMONS:%=$(BIN)/%) $(WORKERS:%=$(BIN)/%) $(DESTDIR)$(LIBDIR)
	install -m 644 $(UNITS) $(DESTDIR)$(UNITDIR)
	install -m 644 conf/sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/vereda.conf
	install -m 644 conf/tmpfiles.conf $(DESTDIR)$(TMPFILESDIR)/vereda.conf
	install -m 644 conf/logrotate.conf $(DESTDIR)$(SYSCONFDIR)/logrotate.d/vereda
	install -m 644 $(wildcard docs/*.md) $(DESTDIR)$(DOCDIR)
	install -m 644 $(BUILD)/vereda.conf $(DESTDIR)$(SYSCONFDIR)/vereda/vereda.conf.sample
	test -e $(DESTDIR)$(SYSCONFDIR)/vereda/vereda.conf || \
		install -m 640 $(BUILD)/vereda.conf $(DESTDIR)$(SYSCONFDIR)/vereda/vereda.conf

# Leaves the configuration and the state.
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/vereda $(addprefix $(DESTDIR)$(LIBDIR)/,$(DAEMONS) $(WORKERS))
	rm -f $(patsubst $(BUILD)/systemd/%,$(DESTDIR)$(UNITDIR)/%,$(UNITS))
	rm -f $(DESTDIR)$(SYSUSERSDIR)/vereda.conf $(DESTDIR)$(TMPFILESDIR)/vereda.conf
	rm -f $(DESTDIR)$(SYSCONFDIR)/logrotate.d/vereda $(DESTDIR)$(SYSCONFDIR)/vereda/vereda.conf.sample
	rm -rf $(DESTDIR)$(DOCDIR)
	rmdir $(DESTDIR)$(LIBDIR) $(DESTDIR)$(SYSCONFDIR)/vereda 2>/dev/null || true
