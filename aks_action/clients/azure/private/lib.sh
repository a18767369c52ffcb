# What the script of every run command can do. An answer is three files: NAME.out, .err and .code.
set -u
begun=$(date +%s)
failed=0
reached=0

ask() { # NAME COMMAND...
  name=$1
  shift
  "$@" >"$name.out" 2>"$name.err" </dev/null
  code=$?
  echo $code >"$name.code"
  return $code
}

get() { # NAME PATH
  ask "$1" kubectl get --raw "$2"
}

list() { # NAME PATH: a collection, without what nobody reads of objects that are not ours
  get "$1" "$2"
  is_fine "$1" && jq -c --slurpfile own own.json -f slim.jq "$1.out" >"$1.slim" &&
    mv "$1.slim" "$1.out"
}

one() { # NAME PATH: an object as a collection; a role may allow to get it and not to list any
  get "$1" "$2"
  if is_fine "$1"; then
    jq -c '{items: [.]}' "$1.out" >"$1.slim" && mv "$1.slim" "$1.out"
  elif grep -q '(NotFound)' "$1.err"; then
    echo '{"items":[]}' >"$1.out"
    echo 0 >"$1.code"
  fi
}

delete() { # NAME PATH: an object that is gone, or another by now, is as good as deleted
  ask "$1" kubectl delete --raw "$2" -f "$1.json"
  ! grep -Eq '\(NotFound\)|UID in the precondition' "$1.err" || echo 0 >"$1.code"
  is_fine "$1"
}

gone() { # NAME PATH UID: the object, asked for until it is gone or time is up
  while
    get "$1" "$2"
    is_fine "$1" && [ "$(jq -r .metadata.uid "$1.out")" = "$3" ]
  do
    is_time || { : >unfinished; return 1; }
    sleep 1
  done
}

patiently() { # NAME COMMAND...: discovery lags behind a definition by some seconds
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ask "$@" && return
    grep -Eq 'no matches for kind|could not find the requested resource' "$1.err" || return 1
    sleep 1
  done
  return 1
}

differs() { # BEFORE AFTER: whether a dry run would change the object, or make it
  is_fine "$1" || return 0
  jq -en --slurpfile before "$1.out" --slurpfile after "$2.out" '
    def content: del(.metadata.managedFields, .metadata.resourceVersion, .metadata.generation);
    ($before[0] | content) != ($after[0] | content)' >/dev/null
}

types() { # everything that is served: kubectl keeps it in a file for each API version
  kubectl api-resources --cache-dir=discovery >/dev/null 2>types.err
  find discovery -name serverresources.json -exec cat {} + |
    jq -c '.groupVersion as $version | .resources[]? | select(.name | contains("/") | not)
      | [$version, .kind, .name, .namespaced]' >types.out 2>>types.err
  echo $? >types.code
}

is_fine() { [ "$(cat "$1.code" 2>/dev/null)" = 0 ]; }

is_time() { [ "$(date +%s)" -lt "$end" ]; }

check() { # NAMES...: whether all of these writes succeeded
  for name in "$@"; do is_fine "$name" || [ -e "$name.skip" ] || failed=1; done
  [ ! -e unfinished ] || failed=1
}

look() { # STAGE: everything that it has to see, some at a time
  running=0
  while read -r how name path; do
    "$how" "$name" "$path" &
    running=$((running + 1))
    [ $running -lt 4 ] || { wait; running=0; }
  done <"$1.looks"
  wait
}

settle() { # STAGE: until all is as demanded, or looks as if it never will be, or time is up
  [ $failed = 0 ] || return
  echo '{}' >state.json
  while
    look "$1"
    jq -rn --slurpfile demands "$1.demands" --slurpfile state state.json --slurpfile run run.json \
      -f look.jq "$1"r*.out >verdict.out 2>verdict.err
    { read -r verdict && read -r state; } <verdict.out || verdict=
    [ "$verdict" = wait ] && is_time
  do
    echo "$state" >state.json
    sleep 1
  done
  [ "$verdict" = met ] && return
  failed=1
  echo "$state" >suspects.out
  : >suspects.err
  echo 0 >suspects.code
  logs "$1"
  echo /api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status >autoscaler.path
  get autoscaler "$(cat autoscaler.path)"
}

logs() { # STAGE: the ends of what the first containers wrote that are not ready
  jq -r '.items[]? | . as $pod | .status.containerStatuses[]? | select(.ready == false)
    | "\($pod.metadata.namespace) \($pod.metadata.name) \(.name) \(.restartCount)"' "$1"r*.out |
    head -n 5 | while read -r space pod container restarts; do
    for previous in false true; do
      [ "$previous" = false ] || [ "$restarts" -gt 0 ] || continue
      name="log-$pod-$container-$previous"
      path="/api/v1/namespaces/$space/pods/$pod/log?container=$container&previous=$previous"
      echo "$path&tailLines=25&limitBytes=262144" >"$name.path"
      get "$name" "$(cat "$name.path")"
    done
  done
}

pack() { # all answers as one line of JSON, compressed where the image can
  ask took echo $(($(date +%s) - begun))
  ask reached echo $reached
  set --
  for code in *.code; do
    name=${code%.code}
    [ -e "$name.path" ] || : >"$name.path"
    set -- "$@" --rawfile "c:$name" "$code" --rawfile "p:$name" "$name.path"
    set -- "$@" --rawfile "o:$name" "$name.out" --rawfile "e:$name" "$name.err"
  done
  jq -cn "$@" '$ARGS.named' >results
  echo "$mark begin"
  if command -v gzip >/dev/null && command -v base64 >/dev/null; then
    gzip -c results | base64
  else
    cat results
  fi
  echo "$mark end"
}
