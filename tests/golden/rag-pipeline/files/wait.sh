# Holds a pod back until what it depends on is ready.
#
#   WAIT_TARGET   http(s)://HOST:PORT/PATH  opens when it answers 200
#                 tcp://HOST:PORT           opens when it accepts a connection
#                 cache://NAME              opens when the NIM cache mounted at /cache is complete
#   WAIT_TEXT     what the body of an http(s) answer has to contain as well
#   WAIT_SETTINGS file with the seconds until it gives up, and those between two questions; it may change meanwhile
#   WAIT_HEADERS  request headers, one "Name: value" a line
#   BUSYBOX       a static busybox: this may run in an image that holds nothing but the service
set -f
newline='
'

ask_http() {
  IFS=$newline
  set --
  for header in ${WAIT_HEADERS:-}; do set -- "$@" --header "$header"; done
  unset IFS
  answer=$("$BUSYBOX" timeout 5 "$BUSYBOX" wget -q -S -Y off -O /dev/null "$@" "$WAIT_TARGET" 2>&1)
  status=$(echo "$answer" | "$BUSYBOX" sed -n 's/^ *HTTP\/[0-9.]* \([0-9]*\).*/\1/p' | "$BUSYBOX" tail -n 1)
  case $status in
    200)
      if [ -z "${WAIT_TEXT:-}" ]; then return 0; fi
      body=$("$BUSYBOX" timeout 5 "$BUSYBOX" wget -q -Y off -O - "$@" "$WAIT_TARGET" 2> /dev/null)
      case $body in *"$WAIT_TEXT"*) return 0 ;; esac
      answer="status 200 without the text $WAIT_TEXT"
      ;;
    2??|3??) answer="status $status, not 200" ;;
    "") case $answer in *wget:*) ;; *) answer="no answer within 5s" ;; esac ;;
  esac
  return 1
}

ask_tcp() {
  address=${WAIT_TARGET#tcp://}
  host=${address%:*}
  host=${host#[}
  host=${host%]}
  answer=$("$BUSYBOX" timeout 5 "$BUSYBOX" nc -w 4 "$host" "${address##*:}" -e "$BUSYBOX" true 2>&1) && return 0
  answer=${answer:-no connection}
  return 1
}

ask_cache() {
  answer="the caching job has not finished"
  [ -e "/cache/.nimhelm-complete-${WAIT_TARGET#cache://}" ]
}

ask() {
  case $WAIT_TARGET in
    tcp://*) ask_tcp ;;
    cache://*) ask_cache ;;
    *) ask_http ;;
  esac
}

settings() { read -r timeout period < "$WAIT_SETTINGS"; }

elapsed() { echo $(($("$BUSYBOX" date +%s) - start)); }

# The shell handles a signal only between commands, and at once while it waits for a background one.
trap 'exit 143' TERM INT

start=$("$BUSYBOX" date +%s)
logged=
logged_at=0
settings
echo "waiting for $WAIT_TARGET (timeout ${timeout}s)"
until ask; do
  answer=${answer##*"$newline"}
  seconds=$(elapsed)
  settings
  if [ "$seconds" -ge "$timeout" ]; then
    echo "timed out after ${timeout}s waiting for $WAIT_TARGET: $answer"
    exit 1
  fi
  if [ "$answer" != "$logged" ] || [ $((seconds - logged_at)) -ge 60 ]; then
    echo "not ready after ${seconds}s: $answer"
    logged=$answer
    logged_at=$seconds
  fi
  "$BUSYBOX" sleep "$period" &
  wait $!
done
echo "ready after $(elapsed)s"
