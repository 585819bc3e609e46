{{/* The names of the components of deploy/kubernetes that the values choose, in the order of deploy/README.md. */}}
{{- define "evalrun.components" -}}
{{- $names := list -}}
{{- if and (not .Values.mesh) .Values.secrets.tls }}{{ $names = append $names "tls" }}{{ end -}}
{{- if .Values.upstreamKeys.enabled }}{{ $names = append $names "upstream-keys" }}{{ end -}}
{{- if .Values.auditFile.enabled }}{{ $names = append $names "audit-file" }}{{ end -}}
{{- if .Values.protectedRuns.enabled }}{{ $names = append $names "protected-runs" }}{{ end -}}
{{- if .Values.redis.enabled }}{{ $names = append $names "redis" }}{{ end -}}
{{- if .Values.autoscaling.enabled }}{{ $names = append $names "autoscaling" }}{{ end -}}
{{- if eq .Values.mesh "istio" }}{{ $names = append $names "istio" }}{{ end -}}
{{- if and .Values.certManager.enabled .Values.mesh }}{{ fail "certManager: the mesh has the certificates; not together with mesh" }}{{ end -}}
{{- if and .Values.certManager.enabled (not .Values.secrets.tls) }}{{ fail "certManager: needs secrets.tls, the Secret that it fills" }}{{ end -}}
{{- toJson $names -}}
{{- end }}

{{/* What every object of base has: labels as its kustomization.yaml gives them, and the namespace. (list root object) */}}
{{- define "evalrun.base" -}}
{{- $root := index . 0 }}{{ $object := index . 1 -}}
{{- $labels := (index ($root.Files.Get "files/base/kustomization.yaml" | fromYaml).labels 0).pairs -}}
{{- $_ := set $object.metadata "labels" (deepCopy $labels) -}}
{{- $_ := set $object.metadata "namespace" $root.Release.Namespace -}}
{{- toYaml $object -}}
{{- end }}

{{/* An object of a component, by its file. (list root path) */}}
{{- define "evalrun.file" -}}
{{- $root := index . 0 -}}
{{- range splitList "\n---\n" (include "evalrun.withRunbook" (list $root ($root.Files.Get (printf "files/%s" (index . 1))))) }}
{{- $object := fromYaml . }}
{{- $_ := set $object.metadata "namespace" $root.Release.Namespace }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{/* Rules or a dashboard, with the address of the runbook. (list root text) */}}
{{- define "evalrun.withRunbook" -}}
{{- $root := index . 0 }}{{ $text := index . 1 -}}
{{- with $root.Values.runbookUrl }}{{ $text = replace "https://runbooks.example.com/evalrun-gateway/RUNBOOK.md" . $text }}{{ end -}}
{{- if contains "https://runbooks.example.com/" $text }}{{ fail "runbookUrl: alerts and dashboard lead to an example address; set that of your copy of the runbook" }}{{ end -}}
{{- $text -}}
{{- end }}

{{/* The values that the JSON patches of the chosen components add to a list of an object. (list root kind path) */}}
{{- define "evalrun.added" -}}
{{- $root := index . 0 }}{{ $kind := index . 1 }}{{ $path := index . 2 }}{{ $added := list -}}
{{- range $name := include "evalrun.components" $root | fromJsonArray -}}
{{- range ($root.Files.Get (printf "files/components/%s/kustomization.yaml" $name) | fromYaml).patches -}}
{{- if and .patch (eq .target.kind $kind) -}}
{{- range .patch | fromYamlArray -}}
{{- if and (eq .op "add") (eq .path $path) }}{{ $added = append $added .value }}{{ end -}}
{{- end -}}{{- end -}}{{- end -}}{{- end -}}
{{- toJson $added -}}
{{- end }}

{{/* The largest number of pods. */}}
{{- define "evalrun.maxPods" -}}
{{- $surge := (.Files.Get "files/base/deployment.yaml" | fromYaml).spec.strategy.rollingUpdate.maxSurge | int -}}
{{- add (ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled | int) $surge -}}
{{- end }}

{{/* Takes members that are null out of an object, in place: `config: {tls: null}` removes what the overlay has there. */}}
{{- define "evalrun.removeNulls" -}}
{{- $object := . -}}
{{- range $name, $value := $object -}}
{{- if kindIs "invalid" $value }}{{ $_ := unset $object $name }}{{ else if kindIs "map" $value }}{{ include "evalrun.removeNulls" $value }}{{ end -}}
{{- end -}}
{{- end }}

{{/* gateway.yaml */}}
{{- define "evalrun.config" -}}
{{- $config := .Files.Get (printf "files/%s/gateway.yaml" (ternary "production-mesh" "production" (ne .Values.mesh ""))) | fromYaml -}}
{{- $_ := set $config.limits "replicas" (include "evalrun.maxPods" . | int) -}}
{{- $config = mergeOverwrite $config (deepCopy .Values.config) -}}
{{- include "evalrun.removeNulls" $config -}}
{{- /* Helm reads an unquoted `off` as false. */ -}}
{{- if kindIs "bool" (dig "audit" "to" "" $config) }}{{ $_ := set $config.audit "to" "off" }}{{ end -}}
{{- if kindIs "bool" (dig "tls" "client_certificates" "" $config) }}{{ $_ := set $config.tls "client_certificates" "off" }}{{ end -}}
{{- $text := toYaml $config -}}
{{- if contains "REPLACE-ME" $text }}{{ fail "config: set config.authorization (rules, or allow_all: true and rules: []) and config.limits.rules" }}{{ end -}}
{{- $authorization := $config.authorization | default dict -}}
{{- if not (or $authorization.rules $authorization.allow_all) }}{{ fail "config.authorization: without rules every caller may delete in every workspace; say allow_all: true if that is meant" }}{{ end -}}
{{- if and .Values.redis.enabled (not (dig "limits" "redis" "address" "" $config)) }}{{ fail "config.limits.redis.address: has to be set with redis.enabled, such as redis:6379" }}{{ end -}}
{{- $text -}}
{{- end }}
