# Asks the greeter for its greeting every few seconds, and stops at once when it is told to.
trap 'exit 0' TERM INT
while true; do
  echo "the greeter says: $(busybox wget -q -T 2 -O - "$GREETER/" || echo nothing yet)"
  busybox sleep 5 &
  wait $!
done
