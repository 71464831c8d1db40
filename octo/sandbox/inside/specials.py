"""What Python asks of an object's class, and what it comes to on the side where the object is."""

import math
import operator
from collections.abc import Callable, Mapping

Operations = Mapping[str, Callable[..., object]]

USED: Mapping[str, str] = {
    "__call__": "call",
    "__getitem__": "item",
    "__setitem__": "set item",
    "__delitem__": "delete item",
    "__len__": "length",
    "__iter__": "iterate",
    "__next__": "next",
    "__reversed__": "reversed",
    "__format__": "format",
    "__enter__": "enter",
    "__exit__": "exit",
    "__aiter__": "iterate later",
    "__anext__": "next later",
    "__aenter__": "enter later",
    "__aexit__": "exit later",
}
"""What is done with an object; what comes of it is data, or another object."""
TURNED: Mapping[str, str] = {
    "__neg__": "neg",
    "__pos__": "pos",
    "__abs__": "abs",
    "__invert__": "invert",
    "__int__": "int",
    "__float__": "float",
    "__complex__": "complex",
    "__index__": "index",
    "__bytes__": "bytes",
    "__round__": "round",
    "__trunc__": "trunc",
    "__floor__": "floor",
    "__ceil__": "ceil",
}
"""What stands for an object where a number is wanted."""
COMPARED: Mapping[str, str] = {f"__{name}__": name for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
JOINED: Mapping[str, str] = {
    **{f"__{name}__": name for name in (*_BINARY, "divmod")},
    **{f"__i{name}__": f"i{name}" for name in _BINARY},
}
"""With the object on the left."""
JOINED_RIGHT: Mapping[str, str] = {f"__r{name}__": name for name in (*_BINARY, "divmod")}
SAID: Mapping[str, str] = {"__contains__": "contains", "__bool__": "truth", "__hash__": "hash"}
"""What an object says of itself."""
WRITTEN: Mapping[str, str] = {"__str__": "string", "__repr__": "representation"}
ALL = {**USED, **TURNED, **COMPARED, **JOINED, **JOINED_RIGHT, **SAID, **WRITTEN}
"""By name of the special method, the operation."""
SIGNS: Mapping[str, str] = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
    "contains": "in",
    "truth": "bool",
    "exit": "with",
}
"""How people write an operation."""

PLAIN: Operations = {
    **{name: getattr(operator, name) for name in COMPARED.values()},
    **{name: getattr(operator, name, None) or getattr(operator, f"{name}_") for name in _BINARY},
    **{f"i{name}": getattr(operator, f"i{name}") for name in _BINARY},
    **{name: getattr(operator, name) for name in ("neg", "pos", "abs", "invert", "index", "contains", "truth")},
    **{name: getattr(math, name) for name in ("trunc", "floor", "ceil")},
    "divmod": divmod,
    "int": int,
    "float": float,
    "complex": complex,
    "bytes": bytes,
    "round": round,
    "hash": hash,
    "call": lambda function, /, *arguments, **named: function(*arguments, **named),
    "attribute": getattr,
    "set attribute": setattr,
    "delete attribute": delattr,
    "item": operator.getitem,
    "set item": operator.setitem,
    "delete item": operator.delitem,
    "length": len,
    "string": str,
    "representation": repr,
    "format": format,
    "iterate": iter,
    "next": next,
    "reversed": reversed,
}
"""By name, what does it."""
