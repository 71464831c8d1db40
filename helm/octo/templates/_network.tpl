{{/* The port of a URL, stated or implied. */}}
{{- define "octo.portOf" -}}
{{- $url := urlParse . -}}
{{- $stated := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (ternary "80" "443" (eq $url.scheme "http")) $stated -}}
{{- end -}}

{{/*
A policy: dict "root" $, "name", "components" (list; empty for all of octo's pods), "to" (peers), "ports", "protocols",
and perhaps "from", peers that may come in by the ports. Jobs are called octo whatever the chart's pods are called.
*/}}
{{- define "octo.policy" -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- $name := printf "%s-%s" (include "octo.fullname" .root) .name }}
  {{- include "octo.metadata" (dict "root" .root "component" "network" "name" $name) | nindent 2 }}
spec:
  podSelector:
    {{- include "octo.pods" . | nindent 4 }}
  {{- if .from }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- toYaml .from | nindent 8 }}
      {{- include "octo.ports" . | nindent 6 }}
  {{- else }}
  policyTypes: [Egress]
  egress:
    -
      {{- with .to }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "octo.ports" . | nindent 6 }}
  {{- end }}
{{- end -}}

{{- define "octo.pods" -}}
matchExpressions:
  - key: app.kubernetes.io/name
    operator: In
    values: {{ list "octo" (include "octo.name" .root) | uniq | toJson }}
  {{- if .components }}
  - key: app.kubernetes.io/component
    operator: In
    values: {{ .components | toJson }}
  {{- else if .except }}
  - key: app.kubernetes.io/component
    operator: NotIn
    values: {{ .except | toJson }}
  {{- end }}
{{- end -}}

{{- define "octo.ports" -}}
{{- if .ports -}}
ports:
  {{- range $port := .ports }}
  {{- range default (list "TCP") $.protocols }}
  - port: {{ int $port }}
    protocol: {{ . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
