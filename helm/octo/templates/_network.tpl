{{/* The port of a URL, stated or implied. */}}
{{- define "octo.portOf" -}}
{{- $url := urlParse . -}}
{{- $stated := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (ternary "80" "443" (eq $url.scheme "http")) $stated -}}
{{- end -}}

{{/*
A policy: dict "root" $, "name", "components" (list; empty for all of octo's pods), "ports", "protocols", and the peers:
"to" where connections may go, or "from" where they may come from. Without any peer there is no policy, for a rule without
peers would be one for all of them. Jobs are called octo whatever the chart's pods are called.
*/}}
{{- define "octo.policy" -}}
{{- if or .to .from }}
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
    - to:
        {{- include "octo.reachable" .to | nindent 8 }}
      {{- include "octo.ports" . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Peers whose blocks leave out the addresses where clouds hand out their machines' credentials. */}}
{{- define "octo.reachable" -}}
{{- $peers := list -}}
{{- range $given := . -}}
{{- $peer := deepCopy $given -}}
{{- with $peer.ipBlock -}}
{{- with include "octo.metadataWithin" .cidr -}}
{{- $_ := set $peer.ipBlock "except" (append (default list $peer.ipBlock.except) . | uniq) -}}
{{- end -}}
{{- end -}}
{{- $peers = append $peers $peer -}}
{{- end -}}
{{- toYaml $peers -}}
{{- end -}}

{{/* The metadata address that a block holds; none for a block that is nothing else, which was then meant. */}}
{{- define "octo.metadataWithin" -}}
{{- $address := splitList "/" . | first -}}
{{- $bits := splitList "/" . | last | int -}}
{{- if contains ":" . -}}
{{- $ends := splitList "::" $address -}}
{{- $head := splitList ":" (first $ends) | compact -}}
{{- $tail := ternary (splitList ":" (last $ends) | compact) list (contains "::" $address) -}}
{{- $zeros := list -}}
{{- range until (int (sub 8 (add (len $head) (len $tail)))) }}{{ $zeros = append $zeros "0" }}{{ end -}}
{{- $same := lt $bits 128 -}}
{{- $hidden := list "fd00" "ec2" "0" "0" "0" "0" "0" "254" -}}
{{- range $place, $word := concat $head $zeros $tail -}}
{{- $unit := include "octo.power" (sub 16 (min 16 (max 0 (sub $bits (mul 16 $place))))) | int -}}
{{- if ne (div (int (printf "0x%s" $word)) $unit) (div (int (printf "0x%s" (index $hidden $place))) $unit) -}}
{{- $same = false -}}
{{- end -}}
{{- end -}}
{{- if $same }}fd00:ec2::254/128{{ end -}}
{{- else -}}
{{- $number := 0 -}}
{{- range splitList "." $address }}{{ $number = add (mul $number 256) (int .) }}{{ end -}}
{{- $unit := include "octo.power" (sub 32 $bits) | int64 -}}
{{- /* 169.254.169.254 as a number. */ -}}
{{- if and (lt $bits 32) (eq (div $number $unit) (div 2852039166 $unit)) }}169.254.169.254/32{{ end -}}
{{- end -}}
{{- end -}}

{{- define "octo.power" -}}
{{- $power := 1 -}}
{{- range until (int .) }}{{ $power = mul 2 $power }}{{ end -}}
{{- $power -}}
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
