# A collection without what nobody reads: of what is not ours no field owners, and no content.
($own[0] // {}) as $own
| (.kind // "" | rtrimstr("List")) as $kind
| del(.metadata.continue)
| .items = ((.items // []) | map(
    if $own["\($kind)/\(.metadata.name)"]
      or any(.metadata.labels // {} | keys[]; startswith("aks-action/")) then .
    else
      del(.metadata.managedFields)
      | del(.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]?)
      | if $kind == "Secret" or $kind == "ConfigMap" then del(.data, .binaryData) else . end
    end))
