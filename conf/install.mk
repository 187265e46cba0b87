# make install: programs, units, sample configuration.
.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/vereda $(DESTDIR)/etc/vereda
