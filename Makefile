# Vereda.  `make run` starts the suite with the sandbox network, `make test` runs every test.
#
#   make deps      installs what the build and the tests need (Debian packages, npm modules)
#   make [all]     builds build/bin/*            SAN=1: with ASan and UBSan, into build/san
#   make test      everything; CI runs this     make unit | e2e | interop | fault: parts of it
#   make bench     figures as JSON
#   make fuzz      FUZZ_SECONDS=60 a target      make lint | format
#   make install   DESTDIR= PREFIX=/usr/local

ifeq ($(origin CC),default)
CC      := gcc
endif
V       ?= 0
ifeq ($(V),0)
Q       := @
say      = @printf '  %-5s %s\n' $(1) $(2)
else
say      = @:
endif
SAN     ?= 0
DEBUG   ?= 0
WERROR  ?= $(if $(CI),1,0)

ifeq ($(SAN),1)
BUILD   ?= build/san
else
BUILD   ?= build
endif
BIN     := $(BUILD)/bin
GEN     := $(BUILD)/gen
OBJ     := $(BUILD)/obj

PREFIX  ?= /usr/local
DAEMONS := apid senderd schedulerd webhookd sandboxd
# Started by daemons for one job each: mediaconv decodes hostile files locked up, mediaxfer moves them.
WORKERS := mediaconv mediaxfer
PROGRAMS := $(DAEMONS) $(WORKERS) vereda

PKGS    := libevent libevent_pthreads libwebsockets libssl libcrypto libsodium libprotobuf-c sqlite3 \
           jansson libcurl libjwt libqrencode inih zlib
# The Signal library carries an old protobuf-c of its own: the system's must come first.
LIBS    := $(shell pkg-config --libs libprotobuf-c) -lsignal-protocol-c \
           $(shell pkg-config --libs $(PKGS)) -lnng -lmbedtls -lmbedx509 -lmbedcrypto -lpthread -lm

# Decoders, for mediaconv alone.
CONV_PKGS := libavformat libavcodec libavutil libswresample libswscale libwebp libwebpdemux libqpdf libseccomp \
             libzip expat freexl
CONV_LIBS := $(shell pkg-config --libs $(CONV_PKGS)) -lmagic -lcsv

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla
ifeq ($(WERROR),1)
WARN    += -Werror
endif
HARDEN  := -fPIE -fstack-protector-strong -fstack-clash-protection
LHARDEN := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
VERSION := 0.1.0
CPPFLAGS += -D_GNU_SOURCE -DVEREDA_VERSION='"$(VERSION)"' -I. -I$(GEN) $(shell pkg-config --cflags $(PKGS))
ifeq ($(SAN),1)
OPT     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
else
OPT     := -O2 -g
CPPFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
CFLAGS  += -std=gnu17 $(OPT) $(WARN) $(HARDEN)
LDFLAGS += $(LHARDEN)

.PHONY: all
all: $(PROGRAMS:%=$(BIN)/%)

# ---- generated code ----
PROTOS   := vereda whatsapp
PB_C     := $(PROTOS:%=$(GEN)/%.pb-c.c)
PB_H     := $(PROTOS:%=$(GEN)/%.pb-c.h)
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto
	@mkdir -p $(GEN)
	$(call say,GEN,$@)
	$(Q)protoc-c --c_out=$(GEN) --proto_path=proto $<

# The token tables of the node codec, from their data file.
$(GEN)/tokens.inc: common/wa/tokens.json tools/gen_tokens.c common/wa/token_hash.h
	@mkdir -p $(GEN)
	$(call say,GEN,$@)
	$(Q)$(CC) -std=gnu17 -O1 -o $(GEN)/gen_tokens tools/gen_tokens.c $(shell pkg-config --cflags --libs jansson)
	$(Q)$(GEN)/gen_tokens common/wa/tokens.json > $@.tmp && mv $@.tmp $@

# The documentation page, to be served by apid without files beside it.
DOC_FILES := $(addprefix apid/docs/,index.html app.css app.js snippets.js)
$(GEN)/docs_files.inc: $(DOC_FILES) tools/embed.c
	@mkdir -p $(GEN)
	$(call say,GEN,$@)
	$(Q)$(CC) -std=gnu17 -O1 -o $(GEN)/embed tools/embed.c
	$(Q)$(GEN)/embed $(DOC_FILES) > $@.tmp && mv $@.tmp $@

GENERATED := $(PB_C) $(PB_H) $(GEN)/tokens.inc $(GEN)/docs_files.inc
# Objects stay: two makes that run side by side would each make them again.
.SECONDARY:

# ---- objects and archives: one library a folder, main.c stays outside ----
srcs      = $(filter-out %/main.c,$(wildcard $(foreach d,$(1),$(d)/*.c)))
objs      = $(patsubst %.c,$(OBJ)/%.o,$(1))
SRC_common     := $(call srcs,common common/store common/wa common/media)
SRC_apid       := $(call srcs,apid)
SRC_senderd    := $(call srcs,senderd senderd/whatsapp)
SRC_schedulerd := $(call srcs,schedulerd)
SRC_webhookd   := $(call srcs,webhookd)
SRC_sandboxd   := $(call srcs,sandboxd)
SRC_mediaconv  := $(call srcs,mediaconv)
SRC_mediaxfer  := $(call srcs,mediaxfer)
SRC_vereda     := $(call srcs,cli)

LIBCOMMON := $(BUILD)/libcommon.a
$(LIBCOMMON): $(call objs,$(SRC_common)) $(patsubst $(GEN)/%.c,$(OBJ)/gen/%.o,$(PB_C))
	@rm -f $@; $(AR) rcs $@ $^

define program
$(BUILD)/lib$(1).a: $(call objs,$(SRC_$(1)))
	@rm -f $$@; $(AR) rcs $$@ $$^
$(BIN)/$(1): $(OBJ)/$(2)/main.o $(BUILD)/lib$(1).a $(LIBCOMMON)
	@mkdir -p $(BIN)
	$(call say,LD,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS) $(3)
endef
$(foreach d,$(DAEMONS) mediaxfer,$(eval $(call program,$(d),$(d))))
$(eval $(call program,mediaconv,mediaconv,$(CONV_LIBS)))
$(eval $(call program,vereda,cli))

$(OBJ)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(OBJ)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 $(OPT) -fPIE -w -c -o $@ $<

# ---- unit tests: tests/unit/test_*.c against libcommon, tests/unit/<daemon>/test_*.c also against it ----
UNIT_SRC := $(wildcard tests/unit/test_*.c) $(foreach d,$(DAEMONS) $(WORKERS),$(wildcard tests/unit/$(d)/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
$(BUILD)/unit/test_%: $(OBJ)/tests/unit/test_%.o $(LIBCOMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
define unit_daemon
$(BUILD)/unit/$(1)/test_%: $(OBJ)/tests/unit/$(1)/test_%.o $(BUILD)/lib$(1).a $(LIBCOMMON)
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS) $(2) -lcmocka
endef
$(foreach d,$(DAEMONS) mediaxfer,$(eval $(call unit_daemon,$(d))))
$(eval $(call unit_daemon,mediaconv,$(CONV_LIBS)))

# Small programs that tests and benches drive: tests/tools/<name>.c
TOOL_BIN := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
$(BUILD)/tools/%: $(OBJ)/tests/tools/%.o $(LIBCOMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
.PHONY: tools
tools: $(TOOL_BIN)

include tests/tests.mk
include conf/install.mk

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
