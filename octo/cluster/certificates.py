"""What stands in the way of a trusted connection, in a sentence with the word certificate."""

import re

_EITHER = "fetch the kubeconfig anew, or choose another by --context or --kubeconfig"


def untrusted(host: str, reason: str) -> str | None:
    """Why no trusted connection to a host comes about; None where that is not what is wrong.

    Args:
        host: URL of the API server.
        reason: what urllib3 and OpenSSL say.
    """
    if "SSL" not in reason and "certificate" not in reason.lower():
        return None
    if refused := re.search(r"certificate verify failed: ([^(\n]*)", reason):
        return _unverified(host, refused[1].strip().rstrip("."))
    if alert := re.search(r"alert ([a-z ]+)", reason):
        return f"{host} refused the client certificate of the kubeconfig ({alert[1].strip()}): renew it, or {_EITHER}"
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER" in reason:
        return f"{host} shows no certificate, for it speaks http: mend the address of its server, or {_EITHER}"
    return f"no certificate was agreed on with {host} ({' '.join(reason.split())[:200]}): {_EITHER}"


def _unverified(host: str, words: str) -> str:
    if "mismatch" in words.lower() or "is not valid for" in words:
        return f"the certificate of {host} is of another name ({words}): mend the address of its server, or {_EITHER}"
    if "expired" in words or "not yet valid" in words:
        return f"the certificate of {host} does not hold now ({words}): have it renewed, or set this machine's clock"
    return (
        f"the certificate of {host} is not signed by an authority that the kubeconfig trusts ({words}): its "
        f"certificate-authority is of another cluster, or was renewed since; {_EITHER}"
    )
