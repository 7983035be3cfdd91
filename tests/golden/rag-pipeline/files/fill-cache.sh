# Fills a model cache, once: what was downloaded completely is not downloaded again.
#
#   CACHE_MARKER  file in the cache that services wait for
#   CACHE_KEY     what the cache is to hold; another key than the marker's has the download run again
#   "$@"          the download
set -eu
if [ -e "$CACHE_MARKER" ] && [ "$(cat "$CACHE_MARKER")" = "$CACHE_KEY" ]; then
  echo "the cache is complete, nothing to download"
  exit 0
fi
rm -f "$CACHE_MARKER"
echo "running $*"
"$@"
echo "$CACHE_KEY" > "$CACHE_MARKER"
echo "the cache is complete"
