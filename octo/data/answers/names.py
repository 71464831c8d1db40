"""The names that answers are made of: functions, constants, letters, and words too short to be told from products."""

FUNCTIONS = {
    name: name
    for name in (
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "arccot", "sinh", "cosh", "tanh"),
        *("ln", "log", "exp", "max", "min", "gcd", "lcm", "sgn", "arg", "cis"),
    )
} | {"lg": "log10", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "arctg": "arctan", "tg": "tan", "ctg": "cot"}
"""As they are written, and what they are."""
INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot"}
"""What the exponent -1 makes of them."""
OF_SEVERAL = {"max", "min", "gcd", "lcm"}
LETTERS = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa"),
    *(
        "partial",
        "nabla",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "ell",
        "hbar",
    ),
    *(
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "ldots",
        "star",
        "partial",
        "nabla",
    ),
}
CONSTANT_NAMES = {"pi": r"\pi", "infty": r"\infty", "infinity": r"\infty", "inf": r"\infty", "oo": r"\infty"}
MARKS = {
    *(
        "overline",
        "vec",
        "hat",
        "bar",
        "tilde",
        "overrightarrow",
        "widehat",
        "angle",
        "triangle",
        "dot",
        "overleftrightarrow",
    ),
    *("stackrel", "mathcal", "mathbf", "mathscr", "mathfrak", "widetilde", "overparen", "wideparen", "arc"),
}
"""Commands that make a name of what follows them."""
_WORDS = (
    "a abe ada al ali am amy an and ann any are arm art as ask at ate bad bag ball bat be bed bee beg ben bet bid "
    "big bin bit bob box boy bus but buy by can cap car cat cob cow cry cub cup cut dad dan day den did die dig "
    "dim din dip do doe dog don dot dry due ear eat ed eel egg ego elf elm end era eve eye fan far fat fed fee "
    "few fig fin fit fix fly foe fog for fox fun gap gas get go god got gum gun guy had ham has hat he hen her "
    "hey hid him his hit hop hot how hub hut ian ice ida if ill in ink inn is it its jam jar jet jim jo job joe "
    "jog jon joy key kid kim kin kit lab law lay led lee leg leo let lid lie lip lit liz log lot low mad man map "
    "mat max may me meg men met mix mob mom mop mud mug my nap ned net new nib nil no nod none nor not now nun "
    "nut oak odd of off oil old on one or our out owl own pad pam pan pat paw pay pea peg pen pet pie pig pin pit "
    "pop pot put ram ran rat raw ray red rib rid rim rob rod ron rot row roy rub rug run sad sam sat saw say sea "
    "see set sew she sin sir sit six sky so son soy spy sq sue sun tab tag tan tap tar tax tea ted ten the tie tim "
    "tin tip to toe tom ton too top toy try tub tug two una up us use val van vat wag war was wax way we web wed "
    "wet who why wig win wit won yes yet you zoe zoo"
)
SHORT_WORDS = frozenset(_WORDS.split())
"""English words of up to three letters, and first names: in them the order of the letters counts."""


def is_word(run: str) -> bool:
    """Whether letters without anything between them are a word and no product."""
    return len(run) > 3 or run.casefold() in SHORT_WORDS or (len(run) > 1 and (run.istitle() or run.isupper()))
