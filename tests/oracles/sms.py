"""The parts of an SMS, filled character by character, from the code table of GSM 03.38 as the standard prints it.

Nothing is divided or looked up by pattern, and it is never fast. This module must not know the code that it judges.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

COLUMNS = (
    "@ £ $ ¥ è é ù ì ò Ç LF Ø ø CR Å å",
    "Δ _ Φ Γ Λ Ω Π Ψ Σ Θ Ξ ESC Æ æ ß É",
    "SP ! \" # ¤ % & ' ( ) * + , - . /",
    "0 1 2 3 4 5 6 7 8 9 : ; < = > ?",
    "¡ A B C D E F G H I J K L M N O",
    "P Q R S T U V W X Y Z Ä Ö Ñ Ü §",
    "¿ a b c d e f g h i j k l m n o",
    "p q r s t u v w x y z ä ö ñ ü à",
)
"""The basic table, 16 codes a column."""
ESCAPED = {
    0x0A: "FF",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""The extension table, by code after the escape."""
NAMES = {"LF": "\n", "CR": "\r", "SP": " ", "FF": "\f"}

SEPTETS = {NAMES.get(name, name): 1 for column in COLUMNS for name in column.split() if name != "ESC"}
SEPTETS |= {NAMES.get(name, name): 2 for name in ESCAPED.values()}


@dataclass(frozen=True)
class Sent:
    """How a text is sent: the units of each part."""

    encoding: str
    filled: tuple[int, ...]
    size: int
    because: tuple[str, ...]


def send(text: str) -> Sent:
    """Divide a text."""
    characters = list(unicodedata.normalize("NFC", text))
    because: list[str] = []
    for character in characters:
        if character not in SEPTETS and character not in because:
            because.append(character)
    if because:
        costs = [2 if ord(character) > 0xFFFF else 1 for character in characters]
        alone, several = 140 // 2, (140 - 6) // 2
    else:
        costs = [SEPTETS[character] for character in characters]
        alone, several = 140 * 8 // 7, (140 - 6) * 8 // 7
    size = alone if sum(costs) <= alone else several
    filled: list[int] = []
    for cost in costs:
        if not filled or filled[-1] + cost > size:
            filled.append(0)
        filled[-1] += cost
    return Sent("ucs2" if because else "gsm7", tuple(filled), size, tuple(because))
