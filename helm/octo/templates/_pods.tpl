{{/*
A pod template of octo's own programs: dict "root" $, "component", "account" (a duty), "token" (may it speak to the API
server), "arguments" of octo, "resources", and perhaps "config" (name of the ConfigMap at /etc/octo), "variables",
"annotations", and "audience" of a token for somebody else than the API server.
*/}}
{{- define "octo.pod" -}}
metadata:
  {{- include "octo.podMetadata" . | nindent 2 }}
spec:
  restartPolicy: Never
  {{- include "octo.podSpec" . | nindent 2 }}
  containers:
    - name: {{ include "octo.container" . }}
      image: {{ .root.Values.installation.images.data }}
      imagePullPolicy: {{ .root.Values.installation.images.pull_policy }}
      command: [python, -m]
      args:
        {{- toYaml .arguments | nindent 8 }}
      env:
        {{- include "octo.scratchVariables" . | nindent 8 }}
        {{- with .variables }}
        {{- . | nindent 8 }}
        {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        {{- include "octo.containerSecurity" . | nindent 8 }}
      terminationMessagePath: {{ include "octo.terminationLog" . }}
      terminationMessagePolicy: FallbackToLogsOnError
      volumeMounts:
        {{- include "octo.scratchMounts" . | nindent 8 }}
        {{- if .config }}
        - name: settings
          mountPath: /etc/octo
          readOnly: true
        {{- end }}
        {{- if .audience }}
        - name: token
          mountPath: /var/run/secrets/kubeflow
          readOnly: true
        {{- end }}
  volumes:
    {{- include "octo.scratchVolumes" . | nindent 4 }}
    {{- with .config }}
    - name: settings
      configMap:
        name: {{ . }}
    {{- end }}
    {{- if .audience }}
    - name: token
      projected:
        sources:
          - serviceAccountToken:
              path: token
              audience: {{ .audience }}
              expirationSeconds: 3600
    {{- end }}
{{- end -}}

{{- define "octo.podMetadata" -}}
labels:
  {{- include "octo.selector" . | nindent 2 }}
  {{- with .root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (default (dict) .annotations) .root.Values.podAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every pod of the chart has, whatever runs in it. */}}
{{- define "octo.podSpec" -}}
serviceAccountName: {{ include "octo.account" (dict "root" .root "duty" .account) }}
automountServiceAccountToken: {{ .token }}
enableServiceLinks: false
securityContext:
  {{- include "octo.podSecurity" . | nindent 2 }}
{{- with .root.Values.installation.images.pull_secrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.placement.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.placement.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.placement.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a Job of octo's programs does when a pod of it fails: a usage error fails at once, a lost node is forgiven. */}}
{{- define "octo.retries" -}}
backoffLimit: 3
podReplacementPolicy: Failed
podFailurePolicy:
  rules:
    - action: FailJob
      onExitCodes:
        containerName: {{ include "octo.container" . }}
        operator: In
        values: [2]
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
{{- end -}}
