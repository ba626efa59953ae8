{{/* The namespace of every object. */}}
{{- define "inference.namespace" -}}
{{ .Values.namespace.name }}
{{- end }}

{{/* The label that everything selects by. */}}
{{- define "inference.labels" -}}
app: inference-service
{{- end }}

{{/* The most pods at once: the autoscaler's, one of a rollout, one that still ends. */}}
{{- define "inference.peak" -}}
{{ add (ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled | int) 2 }}
{{- end }}

{{/* A quantity of Kubernetes in thousandths, to be compared. */}}
{{- define "inference.milli" -}}
{{- $units := dict "m" 1 "" 1000 "k" 1000000 "M" 1000000000 "G" 1000000000000 "T" 1000000000000000 "Ki" 1024000 "Mi" 1048576000 "Gi" 1073741824000 "Ti" 1099511627776000 -}}
{{- mulf (regexFind "^[0-9.]+" .) (get $units (regexFind "[a-zA-Z]*$" .)) | int64 -}}
{{- end }}

{{/* Refuses a quota that the autoscaler and a rollout would run into: the pods beyond it would never
     be made, and the rollout would never end. */}}
{{- define "inference.checkQuota" -}}
{{- $quota := .Values.quota -}}
{{- $peak := include "inference.peak" . | int64 -}}
{{- if lt (int64 $quota.pods) $peak -}}
{{- fail (printf "quota.pods is %s, but a rollout at the most pods needs %d: raise it" $quota.pods $peak) -}}
{{- end -}}
{{- $checks := list
  (list "requestsCPU" $quota.requestsCPU .Values.resources.requests.cpu)
  (list "requestsMemory" $quota.requestsMemory .Values.resources.requests.memory)
  (list "limitsCPU" $quota.limitsCPU .Values.resources.limits.cpu)
  (list "limitsMemory" $quota.limitsMemory .Values.resources.limits.memory) -}}
{{- range $checks -}}
{{- $needed := mul $peak (include "inference.milli" (index . 2)) -}}
{{- if lt (include "inference.milli" (index . 1) | int64) $needed -}}
{{- fail (printf "quota.%s is %s, but a rollout at the most pods needs %d times %s: raise it, or lower autoscaling.maxReplicas or resources" (index . 0) (index . 1) $peak (index . 2)) -}}
{{- end -}}
{{- end -}}
{{- end }}
