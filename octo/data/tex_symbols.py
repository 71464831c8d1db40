"""What characters of mathematics are in TeX (LaTeX with amsmath), and names that TeX has commands for."""

from collections.abc import Mapping

_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
    "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
_WITHOUT_COMMAND = {
    "omicron", "Alpha", "Beta", "Epsilon", "Zeta", "Eta", "Iota", "Kappa", "Mu", "Nu", "Omicron", "Rho", "Tau",
    "Chi",
}  # fmt: skip
_SMALL_ALPHA, _CAPITAL_ALPHA = 0x3B1, 0x391

LETTERS: Mapping[str, str] = {
    **{chr(_SMALL_ALPHA + place): f"\\{name}" for place, name in enumerate(_GREEK) if name not in _WITHOUT_COMMAND},
    **{
        chr(_CAPITAL_ALPHA + place): f"\\{name.title()}"
        for place, name in enumerate(_GREEK)
        if name != "varsigma" and name.title() not in _WITHOUT_COMMAND
    },
    "ϵ": "\\epsilon", "ε": "\\varepsilon", "ϑ": "\\vartheta", "ϕ": "\\phi", "φ": "\\varphi", "ϱ": "\\varrho",
    "ϖ": "\\varpi", "ℓ": "\\ell", "ℏ": "\\hbar", "ℵ": "\\aleph", "ı": "\\imath", "ȷ": "\\jmath", "℘": "\\wp",
    "ℜ": "\\Re", "ℑ": "\\Im", "ℝ": "\\mathbb{R}", "ℕ": "\\mathbb{N}", "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}",
    "ℂ": "\\mathbb{C}", "ℙ": "\\mathbb{P}", "ℍ": "\\mathbb{H}", "ℒ": "\\mathcal{L}", "ℱ": "\\mathcal{F}",
    "ℋ": "\\mathcal{H}", "ℰ": "\\mathcal{E}", "ℬ": "\\mathcal{B}", "ℳ": "\\mathcal{M}", "ℛ": "\\mathcal{R}",
}  # fmt: skip
"""Letters. TeX writes some capitals in Latin; those stay as they are."""

SYMBOLS: Mapping[str, str] = {
    "−": "-", "×": "\\times", "÷": "\\div", "⋅": "\\cdot", "·": "\\cdot", "∗": "*", "±": "\\pm", "∓": "\\mp",
    "∘": "\\circ", "∙": "\\bullet", "•": "\\bullet", "⊕": "\\oplus", "⊖": "\\ominus", "⊗": "\\otimes", "⊙": "\\odot",
    "∕": "/", "∖": "\\setminus", "⋆": "\\star", "†": "\\dagger",
    "≤": "\\leq", "≥": "\\geq", "⩽": "\\leqslant", "⩾": "\\geqslant", "≠": "\\neq", "≈": "\\approx", "≡": "\\equiv",
    "∼": "\\sim", "≃": "\\simeq", "≅": "\\cong", "≪": "\\ll", "≫": "\\gg", "∝": "\\propto", "≐": "\\doteq",
    "≺": "\\prec", "≻": "\\succ", "≔": ":=", "<": "<", ">": ">",
    "∈": "\\in", "∉": "\\notin", "∋": "\\ni", "⊂": "\\subset", "⊃": "\\supset", "⊆": "\\subseteq", "⊇": "\\supseteq",
    "⊄": "\\not\\subset", "∪": "\\cup", "∩": "\\cap", "∅": "\\emptyset", "⊊": "\\subsetneq",
    "∀": "\\forall", "∃": "\\exists", "∄": "\\nexists", "¬": "\\neg", "∧": "\\wedge", "∨": "\\vee", "⊢": "\\vdash",
    "⊨": "\\models", "⊤": "\\top", "⊥": "\\perp", "∴": "\\therefore", "∵": "\\because",
    "→": "\\to", "←": "\\leftarrow", "↔": "\\leftrightarrow", "⇒": "\\Rightarrow", "⇐": "\\Leftarrow",
    "⇔": "\\Leftrightarrow", "↦": "\\mapsto", "⟶": "\\longrightarrow", "⟹": "\\Longrightarrow", "⟺": "\\iff",
    "↑": "\\uparrow", "↓": "\\downarrow", "⟼": "\\longmapsto", "⇌": "\\rightleftharpoons", "↪": "\\hookrightarrow",
    "∑": "\\sum", "∏": "\\prod", "∐": "\\coprod", "∫": "\\int", "∬": "\\iint", "∭": "\\iiint", "∮": "\\oint",
    "⋃": "\\bigcup", "⋂": "\\bigcap", "⨁": "\\bigoplus", "⨂": "\\bigotimes", "⋁": "\\bigvee", "⋀": "\\bigwedge",
    "√": "\\surd", "∞": "\\infty", "∂": "\\partial", "∇": "\\nabla", "∆": "\\Delta", "△": "\\triangle",
    "∠": "\\angle", "°": "^\\circ", "′": "'", "″": "''", "‴": "'''", "…": "\\ldots", "⋯": "\\cdots", "⋮": "\\vdots",
    "⋱": "\\ddots", "∣": "\\mid", "∤": "\\nmid", "∥": "\\parallel", "‖": "\\|", "□": "\\square", "∎": "\\blacksquare",
    "⟨": "\\langle", "⟩": "\\rangle", "〈": "\\langle", "〉": "\\rangle", "⌊": "\\lfloor", "⌋": "\\rfloor",
    "⌈": "\\lceil", "⌉": "\\rceil", "{": "\\{", "}": "\\}", "\\": "\\backslash", "~": "\\sim",
    "\N{NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{EN SPACE}": " ", "\N{EM SPACE}": " ",
    "\N{HAIR SPACE}": " ", "\N{MEDIUM MATHEMATICAL SPACE}": " ",
    "\N{FUNCTION APPLICATION}": "", "\N{INVISIBLE TIMES}": "", "\N{INVISIBLE SEPARATOR}": "", "\N{INVISIBLE PLUS}": "",
    "\N{ZERO WIDTH SPACE}": "", "\N{WORD JOINER}": "",
}  # fmt: skip
"""Operators, relations, arrows, fences, and characters that are not seen."""

FUNCTIONS = {
    "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det", "dim", "exp", "gcd",
    "hom", "inf", "ker", "lg", "lim", "liminf", "limsup", "ln", "log", "max", "min", "Pr", "sec", "sin", "sinh",
    "sup", "tan", "tanh",
}  # fmt: skip
"""Names of functions that are commands."""
BIG = {
    "sum", "prod", "coprod", "int", "iint", "iiint", "oint", "bigcup", "bigcap", "bigoplus", "bigotimes", "bigvee",
    "bigwedge", "bigsqcup",
}  # fmt: skip
"""Commands that have limits below and above."""
VARIANTS: Mapping[str, str] = {
    "normal": "mathrm", "bold": "mathbf", "bold-italic": "boldsymbol", "double-struck": "mathbb", "script": "mathcal",
    "bold-script": "mathcal", "fraktur": "mathfrak", "bold-fraktur": "mathfrak", "sans-serif": "mathsf",
    "monospace": "mathtt",
}  # fmt: skip
"""What `mathvariant` is called."""
ACCENTS: Mapping[tuple[str, str], str] = {
    **{("over", mark): "hat" for mark in ("^", "ˆ", "\N{COMBINING CIRCUMFLEX ACCENT}")},
    **{("over", mark): "bar" for mark in ("¯", "ˉ", "‾", "-", "\N{COMBINING MACRON}")},
    **{("over", mark): "tilde" for mark in ("\\sim", "˜", "\N{COMBINING TILDE}")},
    **{("over", mark): "vec" for mark in ("\\to", "⃗")},
    **{("over", mark): "dot" for mark in (".", "˙")},
    **{("over", mark): "ddot" for mark in ("..", "¨")},
    ("over", "ˇ"): "check", ("over", "˘"): "breve", ("over", "⏞"): "overbrace", ("over", "_"): "overline",
    ("over", "\\_"): "overline", ("over", "―"): "overline",
    ("under", "⏟"): "underbrace",
    **{("under", mark): "underline" for mark in ("_", "\\_", "‾", "\N{COMBINING LOW LINE}")},
}  # fmt: skip
"""Marks above and below, as they are in TeX when they are met, and the commands that set them."""
OPENING: Mapping[str, str] = {"{": "\\{", "}": "\\}", "‖": "\\|"}
"""Fences that are written otherwise behind \\left and \\right."""
