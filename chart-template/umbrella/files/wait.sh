# Holds a pod back until what it depends on is ready. The ConfigMap that carries this script also carries a
# settings file for each gate, so a changed setting reaches a gate without a new pod template.
#
#   $1       the settings file: lines of KEY=VALUE, the value up to the end of the line
#   BUSYBOX  a static busybox, because the image may hold nothing but the service
#
#   target   what to ask. http(s)://HOST:PORT/PATH opens on any 2xx status, tcp://HOST:PORT on a connection,
#            cache://NAME when the model cache mounted at /cache is complete
#   asleep   a dependency that is off or may scale to zero: the gate opens at once
#   any      what to ask instead when pods of an older revision will do; see ask_any
#   peer     tcp:// address of the ready pods of this pod's own revision
#   patience seconds after which pods of an older revision will do
#   timeout  seconds until the gate gives up
#   period   seconds from one question to the next; a long wait asks less often
#   ontimeout  fail (default), or start: go on without the dependency
#   text     text that the answer must hold
#   header   a request header; may occur several times
set -f
newline='
'
LONGEST_PERIOD=10

settings() {
  target='' asleep='' any='' peer='' patience=0 timeout=1800 period=1 ontimeout=fail text='' headers=''
  while IFS= read -r line; do
    value=${line#*=}
    case $line in
      target=*) target=$value ;;
      asleep=*) asleep=$value ;;
      any=*) any=$value ;;
      peer=*) peer=$value ;;
      patience=*) patience=$value ;;
      timeout=*) timeout=$value ;;
      period=*) period=$value ;;
      ontimeout=*) ontimeout=$value ;;
      text=*) text=$value ;;
      header=*) headers=$headers${headers:+$newline}$value ;;
    esac
  done < "$1"
}

# busybox wget uses an openssl on the PATH, which would verify the certificate. The kubelet's probes do not verify
# either.
ask_http() {
  url=$1
  IFS=$newline
  set --
  for header in $headers; do set -- "$@" --header "$header"; done
  unset IFS
  # The shell reports a wget that the timeout ends. The report belongs to the answer, not to the log.
  answer=$(exec 2>&1; "$BUSYBOX" timeout 5 "$BUSYBOX" wget -q -S -Y off --no-check-certificate -O /dev/null "$@" "$url"; exit $?)
  status=$(echo "$answer" | "$BUSYBOX" sed -n 's/^ *HTTP\/[0-9.]* \([0-9]*\).*/\1/p' | "$BUSYBOX" tail -n 1)
  case $status in
    2??)
      [ -n "$text" ] || return 0
      page=$(exec 2>/dev/null; "$BUSYBOX" timeout 5 "$BUSYBOX" wget -q -Y off --no-check-certificate -O - "$@" "$url" | "$BUSYBOX" head -c 65536)
      case $page in *"$text"*) return 0 ;; esac
      answer="status $status, without the text $text"
      ;;
    3??) answer="status $status, a redirect" ;;
    "")
      case $answer in *wget:*) answer="wget:${answer##*wget:}" ;; *) answer="no answer within 5s" ;; esac
      case $url$answer in
        *within* | *connect\ to* | *bad\ address*) ;;
        https:*) answer="$answer. If TLS is the reason, leave out wait.path" ;;
      esac
      ;;
    *) answer="status $status" ;;
  esac
  return 1
}

ask_tcp() {
  address=${1#tcp://}
  host=${address%:*}
  host=${host#[}
  host=${host%]}
  answer=$("$BUSYBOX" timeout 5 "$BUSYBOX" nc -w 4 "$host" "${address##*:}" -e "$BUSYBOX" true 2>&1) && return 0
  answer=${answer:-no connection}
  return 1
}

ask_cache() {
  answer="the caching job has not finished"
  [ -e "/cache/.nimhelm-complete-${1#cache://}" ]
}

ask_one() {
  case $1 in
    tcp://*) ask_tcp "$1" ;;
    cache://*) ask_cache "$1" ;;
    *) ask_http "$1" ;;
  esac
}

# Asks for a ready peer in the background. A Service without ready pods refuses a connection after a second only, and
# the target, which is asked meanwhile, takes as long.
begin_ask_peer() {
  peer_ask=
  [ -n "$any" ] && [ -n "$peer" ] || return 0
  ask_tcp "$peer" &
  peer_ask=$!
}

# An older revision of the dependency will do for a pod that an upgrade did not make: a peer of this pod's revision is
# ready already, or the new revision has had its whole start-up budget and has not come.
ask_any() {
  [ -n "$any" ] || return 1
  if [ "$1" -ge "$patience" ]; then
    reason="the new revision of the dependency is not ready after ${1}s, an older one is"
  elif [ -n "$peer_ask" ] && wait "$peer_ask"; then
    reason="another pod of this service runs already"
  else
    return 1
  fi
  strict=$answer
  ask_one "$any" && return 0
  answer=$strict
  return 1
}

elapsed() { echo $(($("$BUSYBOX" date +%s) - start)); }

opened() {
  echo "ready after $(elapsed)s${1:+: $1}"
  exit 0
}

# The time between two questions grows with the wait, to a sixtieth of it, so that a short wait ends promptly and a long
# one asks rarely. It runs from question to question, because a question may take a second itself.
begin_pause() {
  seconds_between=$(($1 / 60))
  [ "$seconds_between" -le "$LONGEST_PERIOD" ] || seconds_between=$LONGEST_PERIOD
  [ "$seconds_between" -ge "$period" ] || seconds_between=$period
  "$BUSYBOX" sleep "$seconds_between" &
  pausing=$!
}

# The shell handles a signal only between commands. While it waits for a background command, it handles one at once.
end_pause() { wait "$pausing"; }

give_up() {
  echo "timed out after ${1}s waiting for $target: $answer"
  [ "$ontimeout" = start ] || exit 1
  echo "starting without it"
  exit 0
}

leave_asleep() {
  [ -n "$asleep" ] || return 0
  echo "$asleep is off or may scale to zero: starting without waiting for it"
  exit 0
}

trap 'exit 143' TERM INT

start=$("$BUSYBOX" date +%s)
logged=
logged_at=0
settings "$1"
leave_asleep
echo "waiting for $target (timeout ${timeout}s)"
seconds=0
while :; do
  begin_pause "$seconds"
  begin_ask_peer
  ask_one "$target" && opened ''
  seconds=$(elapsed)
  ask_any "$seconds" && opened "$reason"
  answer=${answer##*"$newline"}
  [ "$seconds" -lt "$timeout" ] || give_up "$timeout"
  if [ "$answer" != "$logged" ] || [ $((seconds - logged_at)) -ge 60 ]; then
    echo "not ready after ${seconds}s: $answer"
    logged=$answer
    logged_at=$seconds
  fi
  end_pause
  settings "$1"
  leave_asleep
done
