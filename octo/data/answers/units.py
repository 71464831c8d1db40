"""Units: that they may be missing, and which are the same."""

import re
from fractions import Fraction
from typing import NamedTuple

_TABLE = """
m=1 m meter metre
mm=1/1000 m millimeter millimetre
cm=1/100 m centimeter centimetre
dm=1/10 m decimeter decimetre
km=1000 m kilometer kilometre
in=0.0254 m inch inches
ft=0.3048 m foot feet
yd=0.9144 m yard
mi=1609.344 m mile
g=1/1000 kg gram gramme
mg=1/1000000 kg milligram
kg=1 kg kilogram kilo
t=1000 kg ton tonne
lb=0.45359237 kg lbs pound
oz=0.028349523125 kg ounce
s=1 s sec second
ms=1/1000 s millisecond
min=60 s minute mins
h=3600 s hr hrs hour
day=86400 s
week=604800 s
month=1 month
yr=1 yr year
L=1/1000 m^3 liter litre l
mL=1/1000000 m^3 ml milliliter millilitre
dollar=1 $ usd $ buck
cent=1/100 $ ¢
€=1 € euro eur
£=1 £ gbp
¥=1 ¥ yen yuan rmb
₹=1 ₹ rupee rs inr
degree=1 degree deg
rad=1 rad radian
degC=1 degC celsius centigrade
degF=1 degF fahrenheit
K=1 K kelvin
C=1 C coulomb
Ω=1 Ω ohm
N=1 N newton
J=1 J joule
kJ=1000 J kilojoule
W=1 W watt
kW=1000 W kilowatt
Hz=1 Hz hertz
V=1 V volt
A=1 A amp ampere
Pa=1 Pa pascal
mol=1 mol mole
am=1 am
pm=1 pm
person=1 person people persons
child=1 child children
man=1 man men
woman=1 woman women
mph=0.44704 m/s
kph=5/18 m/s kmph
"""


class Unit(NamedTuple):
    """What is measured, as powers of names, and how many of them one is."""

    powers: tuple[tuple[str, int], ...]
    scale: Fraction

    def measures_as(self, other: "Unit") -> bool:
        """Whether both measure the same, as far as both say; 15 red apples are 15 apples."""
        if not self.powers or not other.powers:
            return True
        more = set(self.powers) ^ set(other.powers)
        described = set(self.powers) <= set(other.powers) or set(other.powers) <= set(self.powers)
        return described and all(power == 1 and name not in _MEASURED for name, power in more)


def _known() -> dict[str, Unit]:
    known = {}
    for line in _TABLE.strip().splitlines():
        name, _, rest = line.partition("=")
        scale, base, *others = rest.split(" ")
        top, _, bottom = base.partition("/")
        letter, _, power = top.partition("^")
        powers = ((letter, int(power or 1)), *([(bottom, -1)] if bottom else []))
        for written in (name, *others):
            known[written] = known[written + "s"] = Unit(tuple(sorted(powers)), Fraction(scale))
    return known


_KNOWN = _known()
_MEASURED = {name for unit in _KNOWN.values() for name, _ in unit.powers}
SINGLE_LETTERS = {name for name in _KNOWN if len(name) == 1 and name.isascii() and name.isalpha()}
"""What may as well be variables."""
MONEY = {"$": "$", "€": "€", "£": "£", "¥": "¥", "₹": "₹", r"\$": "$", r"\pounds": "£", r"\euro": "€"}
"""Signs that stand before an amount."""
CURRENCIES = {"USD": "$", "US": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "Rs": "₹"}
"""Names of currencies that stand before an amount."""
MANY = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
"""How many a word makes of a number."""
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cubed": 3, "cu": 3}
_IGNORED = {"of", "the", "a", "an", "in", "total", "each", "about", "approximately", "exactly", "only", "unit", "units"}
_NOT_UNITS = (
    "squared cubed factorial root power over choose mod to through between point half halves third thirds quarter "
    "quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths hundredth hundredths below loss "
    "negative "
    "is are was were isn't not no never none wrong incorrect false except unless than less more without plus minus "
    "times and or but maybe approximately nearly almost tens hundreds thousands millions fewer ago hole "
    "if when where while such otherwise"
)
_POWER_WORDS = (["squared"], ["cubed"])
_NO_UNITS = frozenset(_NOT_UNITS.split())
"""What no unit has among its words."""
_PIECE = re.compile(r"[^\W\d_]+|[$€£¥₹¢]|[/^]|-?\d+")


def is_part(part: Unit, whole: Unit) -> bool:
    """Whether a unit measures what the other does, in smaller pieces: inches, where the other is a foot."""
    return bool(part.powers) and part.powers == whole.powers and part.scale < whole.scale


def is_unit(word: str) -> bool:
    """Whether these letters, two or more, are a unit by themselves."""
    return len(word) > 1 and (word in _KNOWN or word.lower() in _KNOWN)


def is_description(written: str) -> bool:
    """Whether words behind a number may say what there are so many of."""
    words = written.casefold().split()
    said = [word for word in words if word not in ("squared", "cubed")] if words[:1] not in _POWER_WORDS else words
    letters = [word for word in written.split() if len(word) == 1 and word.isalpha()]
    known = all(letter in _KNOWN or letter == "a" for letter in letters)
    return len(words) <= 8 and known and not _NO_UNITS & set(said)


def unit_of(written: str) -> Unit:
    """What a unit stands for; words that nobody knows stand for themselves, in the singular."""
    powers: dict[str, int] = {}
    scale = Fraction(1)
    side, raised = 1, 1
    last: Unit | None = None
    pieces = _PIECE.findall(written)
    for before, piece in zip(["", *pieces], pieces, strict=False):
        lower = piece.lower()
        if piece == "/" or lower == "per":
            side = -1
        elif lower in ("squared", "cubed") or before == "^":
            more = (_POWERS.get(lower) or _exponent(piece)) - 1
            if last:
                scale *= last.scale ** (more * side)
                for name, power in last.powers:
                    powers[name] = powers.get(name, 0) + power * more * side
        elif lower in _POWERS:
            raised = _POWERS[lower]
        elif piece != "^" and (lower not in _IGNORED or (lower == "in" and not before)):
            last = _KNOWN.get(piece) or _KNOWN.get(lower) or Unit(((_singular(lower), 1),), Fraction(1))
            for name, power in last.powers:
                powers[name] = powers.get(name, 0) + power * raised * side
            scale *= last.scale ** (raised * side)
            raised = 1
    if powers.keys() & {"degC", "degF"}:
        powers.pop("degree", None)
    return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), scale)


def _exponent(piece: str) -> int:
    return int(piece) if piece.lstrip("-").isdigit() and len(piece) < 3 else 1


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
