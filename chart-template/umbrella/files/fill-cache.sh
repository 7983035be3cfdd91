# Fills a model cache, once: what was downloaded completely is not downloaded again.
#
#   CACHE_MARKER  file in the cache that services wait for
#   CACHE_KEY     what the cache is to hold; where the marker has no line with it, the download runs again
#   CACHE_IMAGE   a second key for the marker: that of the pods which fill a cache themselves
#   CACHE_FILLED  not empty: the NIM Operator has filled it; what is there is complete
#   CACHE_SELECT  not empty: the profiles are selected first (select-profiles.sh)
#   "$@"          the download; nothing when that was done before, by another container
set -eu
lock=$CACHE_MARKER.lock

is_complete() {
  if [ ! -e "$CACHE_MARKER" ]; then return 1; fi
  while IFS= read -r key; do
    if [ "$key" = "$CACHE_KEY" ]; then return 0; fi
  done < "$CACHE_MARKER"
  return 1
}
mark_complete() { printf '%s\n' "$CACHE_KEY" ${CACHE_IMAGE:+"$CACHE_IMAGE"} > "$CACHE_MARKER"; }
has_content() {
  for entry in "${CACHE_MARKER%/*}"/*; do
    case $entry in */lost+found) ;; *) [ -e "$entry" ] && return 0 ;; esac
  done
  return 1
}

# Several pods may share a cache. The folder is the lock; the pod that has it writes the time into it, until it ends.
beat() { date +%s > "$lock/beat" 2> /dev/null; }
is_dead() {
  last=$(cat "$lock/beat" 2> /dev/null || echo 0)
  [ $(($(date +%s) - ${last:-0})) -gt 120 ]
}
leave() {
  kill "$heart" 2> /dev/null || true
  rm -rf "$lock"
}
take_turn() {
  until mkdir "$lock" 2> /dev/null; do
    if [ -z "${waiting:-}" ]; then echo "another pod fills the cache, waiting for it" && waiting=1; fi
    sleep 5
    if is_complete; then return; fi
    if is_dead; then
      # A lock without a time may be a moment old.
      if [ ! -e "$lock/beat" ] && [ "$waiting" -lt 24 ]; then waiting=$((waiting + 1)) && continue; fi
      echo "the pod that filled the cache is gone, going on in its place"
      rm -rf "$lock"
    fi
  done
  beat
  parent=$$
  # Its output is closed, so that a reader of the log does not wait for the last sleep.
  (while kill -0 "$parent" 2> /dev/null && beat; do sleep 20; done) > /dev/null 2>&1 &
  heart=$!
  trap leave EXIT
  trap 'exit 143' TERM INT
}

if [ "$#" = 0 ]; then
  mark_complete
  echo "the cache is complete"
  exit 0
fi
is_complete || take_turn
if is_complete; then
  echo "the cache is complete, nothing to download"
  exit 0
fi
if [ -n "${CACHE_FILLED:-}" ] && has_content; then
  mark_complete
  echo "the NIM Operator has filled the cache, nothing to download"
  exit 0
fi
rm -f "$CACHE_MARKER"
if [ -n "${CACHE_SELECT:-}" ]; then
  . "${0%/*}/select-profiles.sh"
  select_profiles
  # Profile names contain no spaces.
  # shellcheck disable=SC2086
  set -- "$@" --profiles $selected
fi
echo "running $*"
"$@" &
download=$!
trap 'kill "$download" 2> /dev/null; exit 143' TERM INT
wait "$download"
mark_complete
echo "the cache is complete"
