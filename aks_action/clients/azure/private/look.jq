# Whether what a stage waits for is there (met), may still come (wait), or looks as if it never
# will (hopeless). This only decides when to look: what was seen is judged by `model.health`.
#
# Inputs: the collections of a stage, each in a file NAME.out. $demands: what is waited for.
# $run: since, the time at which the run began, and suspects that were judged already.
# $state: of the last look. Output: the verdict, and the state for the next look.

def num: . // 0;
def wanted: if .spec.replicas == null then 1 else .spec.replicas end;
def condition($type): any(.status.conditions[]?; .type == $type and .status == "True");
def is_current: (.status.observedGeneration | num) >= (.metadata.generation | num);
def is_staying: .metadata.deletionTimestamp == null;
def is_ready: is_staying and condition("Ready");
def is_labelled($labels): (.metadata.labels // {}) as $own
  | all($labels | to_entries[]; $own[.key] == .value);
def is_owned_by($uids): any(.metadata.ownerReferences[]?; .controller and (.uid | IN($uids[])));

def is_settled($kind):
  if $kind == "Deployment.apps" then
    .spec.paused or (is_current
      and (.status.updatedReplicas | num) >= wanted
      and (.status.replicas | num) <= (.status.updatedReplicas | num)
      and (.status.availableReplicas | num) >= wanted)
  elif $kind == "StatefulSet.apps" then
    (.spec.updateStrategy.rollingUpdate.partition | num) as $partition
    | .spec.updateStrategy.type == "OnDelete" or (is_current
      and (.status.replicas | num) <= wanted
      and (.status.readyReplicas | num) >= wanted
      and (.status.availableReplicas // .status.readyReplicas | num) >= wanted
      and (.status.updatedReplicas | num) >= wanted - $partition
      and ($partition > 0 or .status.currentRevision == .status.updateRevision))
  elif $kind == "DaemonSet.apps" then
    (.status.desiredNumberScheduled | num) as $desired
    | .spec.updateStrategy.type == "OnDelete" or (is_current
      and (.status.updatedNumberScheduled | num) >= $desired
      and (.status.numberAvailable | num) >= $desired)
  elif $kind == "ReplicaSet.apps" then is_current and (.status.availableReplicas | num) >= wanted
  elif $kind == "Job.batch" then condition("Complete")
  elif $kind == "Pod" then is_ready or .status.phase == "Succeeded"
  elif $kind == "Namespace" then .status.phase == "Active"
  elif $kind == "PersistentVolumeClaim" then .status.phase == "Bound"
  elif $kind == "CustomResourceDefinition.apiextensions.k8s.io" then condition("Established")
  elif $kind == "APIService.apiregistration.k8s.io" then condition("Available")
  elif $kind == "Service" then
    .spec.type != "LoadBalancer" or (.status.loadBalancer.ingress // [] | length > 0)
  elif $kind | startswith("HTTPRoute.") or startswith("GRPCRoute.") then
    .metadata.generation as $generation
    | (.status.parents // []) as $parents
    | ($parents | length > 0)
      and all($parents[].conditions[]? | select(.type | IN("Accepted", "ResolvedRefs"));
        .status == "True" and (.observedGeneration | num) >= $generation)
  else true end;

# The pods by which an object is judged: those of its newest template.
def pods_of($demand; $files):
  . as $it
  | ($files[$demand.pods].items // []) as $pods
  | if $demand.kind == "Pod" then [$it]
    elif $demand.kind == "Deployment.apps" then
      "deployment.kubernetes.io/revision" as $revision
      | [$files[$demand.sets].items[]? | select(is_owned_by([$it.metadata.uid])
          and .metadata.annotations[$revision] == $it.metadata.annotations[$revision])
          | .metadata.uid] as $sets
      | [$pods[] | select(is_owned_by($sets))]
    elif $demand.kind == "StatefulSet.apps" then
      [$pods[] | select(is_owned_by([$it.metadata.uid])
        and .metadata.labels["controller-revision-hash"] == $it.status.updateRevision)]
    else [$pods[] | select(is_owned_by([$it.metadata.uid]))] end;

# What may keep a pod from ever being ready, as {key, patience}: seconds until it is believed.
def suspicions_of_pod:
  .metadata.uid as $uid
  | (select(.status.phase == "Failed") | {key: "\($uid) failed", patience: 2}),
    (.status.conditions[]? | select(.type == "PodScheduled" and .reason == "Unschedulable")
      | {key: "\($uid) unschedulable", patience: 16}),
    ((.status.initContainerStatuses[]?, .status.containerStatuses[]?)
      | select(.ready != true)
      | (.state.waiting.reason // "") as $reason
      | if $reason | IN("ErrImagePull", "ImagePullBackOff") then
          # A registry that refuses may let in whoever comes again with a new pull secret.
          {key: "\($uid) \(.name) image", patience: (if .state.waiting.message // ""
            | test("unauthorized|401|403|denied|authorization|authentication|credentials") then 16
            else 2 end)}
        elif $reason | IN("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
            "CreateContainerError", "RunContainerError") then
          {key: "\($uid) \(.name) \($reason)", patience: 2}
        elif $reason == "CrashLoopBackOff" or (.lastState.terminated.exitCode | num) != 0
            or (.state.terminated.exitCode | num) != 0 then
          {key: "\($uid) \(.name) crash \(.restartCount)", patience: 2}
        else empty end);

def suspicions_of_events($uids; $since; $files; $events):
  $files[$events].items[]?
  | select(.reason | IN("FailedCreate", "FailedMount", "FailedAttachVolume", "BackoffLimitExceeded"))
  | select(.involvedObject.uid | IN($uids[]))
  | select((.lastTimestamp // .eventTime // .metadata.creationTimestamp | sub("\\.[0-9]+"; "")
      | fromdate) >= $since)
  | {key: "\(.involvedObject.uid) \(.reason)", patience: 4};

def suspicions($demand; $files; $since):
  . as $it
  | pods_of($demand; $files) as $pods
  | [$files[$demand.sets].items[]? | select(is_owned_by([$it.metadata.uid]))] as $sets
  | ($pods[] | suspicions_of_pod),
    (select(condition("Failed") or condition("FailureTarget"))
      | {key: "\(.metadata.uid) failed", patience: 0}),
    (.status.conditions[]? | select(.reason == "ProgressDeadlineExceeded")
      | {key: "\($it.metadata.uid) \(.lastUpdateTime)", patience: 0}),
    ($sets[] | select(condition("ReplicaFailure")) | {key: "\(.metadata.uid) creation", patience: 4}),
    suspicions_of_events([$it, $sets[], $pods[] | .metadata.uid]; $since; $files; $demand.events);

# As `model.endpoints`.
def endpoints_are_met($demand; $files):
  ([$files[$demand.pods].items[]? | {(.metadata.name): .metadata.labels}] | add) as $labels
  | [$files[$demand.slices].items[]?
      | select(.metadata.labels["kubernetes.io/service-name"] == $demand.service) | .endpoints[]?
      | {ready: (.conditions.ready != false),
         metadata: {labels: ($labels[.targetRef.name // ""] // {})}}] as $found
  | ($demand.ready == {} or any($found[]; .ready and is_labelled($demand.ready)))
    and all($found[]; is_labelled($demand.only))
    and ($demand.none == {} or all($found[]; is_labelled($demand.none) | not));

def steadiness($pods):
  [$pods[] | select(is_staying)]
  | if length == 0 or any(.[]; is_ready | not) then null
    else [.[] | [.metadata.uid, ([.status.containerStatuses[]?.restartCount] | add)]] | sort end;

# One demand: {met, suspects}, and what is to be remembered of it as {steady}.
def judged($demand; $before; $files; $since):
  if $demand.rule == "healthy" then
    [$files[$demand.file].items[]?
      | select(if $demand.name != "" then .metadata.name == $demand.name
          else .metadata.generateName == $demand.prefix
            and (.metadata.creationTimestamp | fromdate) >= $since end)] as $found
    | [$found[] | pods_of($demand; $files)[]] as $pods
    | (if $demand.steady == 0 then null else steadiness($pods) end) as $steadiness
    | (if $steadiness == $before.steady.of then $before.steady.since else null end // now) as $from
    | {met: (($found | length > 0) and all($found[]; is_settled($demand.kind))
         and ($demand.steady == 0 or all($found[]; wanted == 0)
           or ($steadiness != null and now - $from >= $demand.steady))),
       steady: {of: $steadiness, since: $from},
       suspects: [$found[] | select($demand.steady > 0 or (is_settled($demand.kind) | not))
         | suspicions($demand; $files; $since)]}
  elif $demand.rule == "pods" then
    [$files[$demand.pods].items[]? | select(is_labelled($demand.labels))] as $pods
    | {met: any($pods[]; is_ready), suspects: [$pods[] | suspicions_of_pod]}
  elif $demand.rule == "going" then
    {met: all($files[$demand.pods].items[]? | select(is_labelled($demand.labels));
      is_staying | not), suspects: []}
  else {met: endpoints_are_met($demand; $files), suspects: []} end;

(reduce inputs as $file ({}; .[input_filename | rtrimstr(".out")] = $file)) as $files
| $state[0] as $before
| $run[0] as $run
| [range($demands[0] | length) as $i
    | judged($demands[0][$i]; $before.judged[$i] // {}; $files; $run.since)] as $judged
| ([$judged[] | select(.met | not) | .suspects[]]
    | map(select(.key | IN($run.known[]) | not))) as $suspects
| ($suspects | map({(.key): ($before.seen[.key] // now)}) | add // {}) as $seen
| (if all($judged[]; .met) then "met"
   elif any($suspects[]; now - $seen[.key] >= .patience) then "hopeless"
   else "wait" end),
  ({judged: [$judged[] | {steady}], seen: $seen, known: [$suspects[].key]} | tojson)
