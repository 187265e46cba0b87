#!/bin/sh
# Installs what the build and the tests need, and does nothing when it is all there.
set -e
PACKAGES="gcc make pkg-config protobuf-c-compiler libprotobuf-c-dev libevent-dev libnng-dev libsqlite3-dev
libwebsockets-dev libmbedtls-dev libsodium-dev libsignal-protocol-c-dev libjansson-dev libcurl4-openssl-dev libjwt-dev
libqrencode-dev libinih-dev libavformat-dev libavcodec-dev libavutil-dev libswresample-dev
libswscale-dev libwebp-dev libqpdf-dev libseccomp-dev libmagic-dev libcsv-dev libzip-dev libexpat1-dev libfreexl-dev
zlib1g-dev libssl-dev libcmocka-dev clang clang-format libclang-rt-14-dev cppcheck"
missing=""
for p in $PACKAGES; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
command -v node >/dev/null 2>&1 || missing="$missing nodejs npm"
if [ -n "$missing" ]; then
	SUDO=""
	[ "$(id -u)" -eq 0 ] || SUDO=sudo
	echo "installing:$missing"
	$SUDO apt-get update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive $SUDO apt-get install -y -qq --no-install-recommends $missing
fi
