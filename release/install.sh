#!/bin/sh
# Installs the binary of a release: `sh install.sh ADDRESS [FOLDER]`, where ADDRESS is the folder of the release's files (a web address or a
# local path) and FOLDER is where the binary goes, ~/.local/bin without one. The checksum is verified before anything is installed.
set -eu
address="${1:?give the address of the release, the folder that SHA256SUMS lies in}"
folder="${2:-$HOME/.local/bin}"

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-gnu ;;
    *)
        echo "There is no binary for $(uname -s) on $(uname -m). Build it: cargo install --path crates/cli" >&2
        exit 1
        ;;
esac

work="$(mktemp -d)"
trap 'rm -r "$work"' EXIT
fetch() {
    case "$address" in
        http://* | https://*) curl --fail --location --silent --show-error --output "$work/$1" "$address/$1" ;;
        *) cp "$address/$1" "$work/$1" ;;
    esac
}
archive="tidemill-$target.tar.gz"
fetch "$archive"
fetch SHA256SUMS
# A line of SHA256SUMS is the checksum, two spaces and the name.
(cd "$work" && grep "  $archive\$" SHA256SUMS >one && sha256sum --check --quiet one) || {
    echo "The checksum of $archive does not match: nothing was installed." >&2
    exit 1
}
mkdir -p "$folder"
tar --extract --gzip --file "$work/$archive" --directory "$work" tidemill
mv "$work/tidemill" "$folder/tidemill"
echo "Installed $("$folder/tidemill" --version) as $folder/tidemill"
case ":$PATH:" in
    *":$folder:"*) ;;
    *) echo "Add $folder to PATH to call it by name." ;;
esac
