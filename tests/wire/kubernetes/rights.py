"""Who may do what: the rules of a Role, as the server applies them to every request."""

from collections.abc import Callable, Iterable
from typing import Protocol

from tests.wire.kubernetes.objects import Object, Refusal
from tests.wire.kubernetes.resources import Resource

Rights = Callable[[str, str, str, str], bool]
"""Whether a verb on a resource of a group is allowed in a namespace; a subresource is `pods/log`."""

REVIEWERS = ("authorization.k8s.io", "selfsubjectaccessreviews")


def everything(_verb: str, _group: str, _resource: str, _namespace: str) -> bool:
    return True


def granted(rules: Iterable[Object], namespace: str) -> Rights:
    """What the `rules` of a Role in that namespace grant, and nothing beyond."""
    kept = list(rules)

    def allowed(verb: str, group: str, resource: str, where: str) -> bool:
        if (group, resource) == REVIEWERS:
            return True
        return where == namespace and any(
            {verb, "*"} & set(rule["verbs"])
            and {group, "*"} & set(rule["apiGroups"])
            and {resource, "*"} & set(rule["resources"])
            for rule in kept
        )

    return allowed


class Asked(Protocol):
    """Whom is asked."""

    rights: Rights
    user: str
    used: set[tuple[str, str, str]]
    forbidding: int


def check(api: Asked, verb: str, resource: Resource, subresource: str, namespace: str) -> None:
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    api.used.add((verb, resource.group, plural))
    if api.forbidding:
        api.forbidding -= 1
    elif api.rights(verb, resource.group, plural, namespace):
        return
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{resource.full_name} is forbidden: User "{api.user}" cannot {verb} resource "{plural}" '
        f'in API group "{resource.group}" {where}'
    )
    raise Refusal(403, "Forbidden", message, {"group": resource.group, "kind": resource.plural})


def reviewed(rights: Rights, review: Object) -> Object:
    """A SelfSubjectAccessReview with its answer."""
    asked = review["spec"]["resourceAttributes"]
    plural = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
    allowed = rights(asked.get("verb", ""), asked.get("group", ""), plural, asked.get("namespace", ""))
    return review | {"status": {"allowed": allowed}}
