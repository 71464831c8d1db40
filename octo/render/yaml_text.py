"""Kubernetes objects as YAML, as a person would write it."""

from collections.abc import Sequence

import yaml

from octo.render.pods import Object


def yaml_text(objects: Sequence[Object]) -> str:
    """One document for each object, keys in the order in which they were made."""
    return "---\n".join(
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, width=120, default_flow_style=False) for each in objects
    )


class _Dumper(yaml.SafeDumper):
    """Writes lists indented below their key, and nothing as an alias of what came before."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - PyYAML's signature
        """Never without indent."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Always."""
        return True
