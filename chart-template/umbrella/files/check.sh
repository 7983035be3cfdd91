# Asks the endpoint of every service once, or until CHECK_TIMEOUT seconds have passed.
#
#   CHECKS   one check a line: NAME http://HOST:PORT/PATH, or NAME tcp://HOST:PORT
set -f
newline='
'
busybox=/bin/busybox

ask() {
  case $1 in
    tcp://*)
      address=${1#tcp://}
      answer=$("$busybox" timeout 5 "$busybox" nc -w 4 "${address%:*}" "${address##*:}" -e "$busybox" true 2>&1)
      ;;
    *)
      answer=$("$busybox" timeout 5 "$busybox" wget -q -Y off -O /dev/null "$1" 2>&1)
      ;;
  esac
}

check() {
  until ask "$2"; do
    if [ "$("$busybox" date +%s)" -ge "$deadline" ]; then
      answer=${answer:-no answer within 5s}
      printf 'FAIL %s  %s  %s\n' "$1" "$2" "${answer##*"$newline"}"
      return 1
    fi
    "$busybox" sleep 5 &
    wait $!
  done
  printf 'ok   %s  %s\n' "$1" "$2"
}

trap 'exit 143' TERM INT

deadline=$(($("$busybox" date +%s) + CHECK_TIMEOUT))
failed=0
IFS=$newline
for line in $CHECKS; do
  check "${line%% *}" "${line#* }" || failed=1
done
exit $failed
