"""What the cells of a list of opt-outs, or of a column about consent, say: yes, no, a word, a channel, a purpose.

A cell that cannot be understood is a warning, and never an opt-in. No columns, no database.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from daftari.files.consent_columns import ConsentColumn, ConsentKind
from daftari.files.letters import WordPattern, fold_letters, word_set
from daftari.model.consent import ANY

Said = Literal["opted_out", "nothing", "unclear"]
"""What a cell about consent says."""

_YES = word_set(
    """yes y true t 1 x xx ✓ ✔ ☑ ✅ on checked ndiyo ndio ndiy kweli oui o vrai sim s si verdadeiro verdadero 1.0 ja
    haa yego نعم اجل صح አዎ አዎን"""
)
_NO = word_set("""no n false f 0 0.0 ✗ ✘ ❌ ☐ off unchecked never hapana la sivyo non faux nao falso nein
    maya oya لا كلا አይ አይደለም የለም""") | {
    "not subscribed",
    "non subscribed",
    "never subscribed",
    "notsubscribed",
    "no consent",
    "not opted in",
    "غير مشترك",
}
_YES_WORDS = word_set("yes y true ndiyo ndio oui sim si vrai verdadeiro verdadero ja haa نعم አዎ አዎን")
_NO_WORDS = word_set("no n not false hapana non nao faux falso nein maya لا አይ")
"""How an answer of several words may begin."""
_NO_IS_NO_REFUSAL = WordPattern(
    r"no (?:problem|issue|objection|restriction|limit|change|shida|worries|answer|response|reply|info"
    r"|information|data|idea"
    r"|record)s?\b.*|not (?:sure|yet|asked|known|specified|set|provided|available|given|recorded|applicable|opted out"
    r"|unsubscribed|blocked|stopped)\b.*|non (?:renseigne|precise|communique).*|nao (?:informado|sabe).*"
)
_OPTED_OUT = WordPattern(
    r"unsub(?:scribed?|scribe)?|opt(?:ed)? ?out|optout|stop(?:ped)?(?: all)?|block(?:ed)?|black ?list(?:ed)?|barred"
    r"|do ?not ?(?:call|contact|text|sms|message|disturb|send|allow)|dn[cd]|suppress(?:ed)?|revoked?|withdrawn?"
    r"|declined|denied|refused|rejected|complain(?:ed|t)|spam|removed|opt out of .*|opted out of .*"
    r"|desabonnee?|desinscrite?|bloquee?|refusee?|oppose?e?|stoppee?|retiree?"
    r"|descadastrad[oa]|desinscrit[oa]|bloquead[oa]|cancelou|recusad[oa]|recusou|parou|saiu|removid[oa]|dad[oa] de baja"
    r"|baja|desuscrit[oa]|dessuscrit[oa]|rechazad[oa]|excluid[oa]|nao (?:contactar|contatar|ligar|enviar|perturbe)"
    r"|no (?:llamar|contactar|molestar|enviar)|ne pas (?:appeler|contacter|envoyer|deranger)"
    r"|amejiondoa|amejitoa|ameondoka|amezuiwa|amekataa|ameacha|acha|wacha|hataki|usimtumie|usitumie|toka"
    r"|ondoka|imezuiwa"
    r"|amesimamisha|simamisha|ameblock|no more(?: sms| messages| texts)?|wrong number|d\.n\.[cd]|🚫|⛔|👎"
    r"|محظور|ملغ[ىي]|مرفوض|رفض|رافض|غير موافق|توقف|اوقف|ايقاف|(?:الغاء|الغى) الاشتراك"
    r"|አቁም|ታግዷል|ወጥቷል|አልፈልግም|አይፈልግም|አትላኩ?|ተወው"
)
_REFUSED = WordPattern(
    r"\bunsubscri\w+|\bopt(?:s|ed|ing)? ?out\b|\boptout\w*|black ?list\w*"
    r"|\b(?:do ?n[o\u2019']?t|dont|does ?n[o\u2019']?t|doesnt) ?(?:call|contact|text|sms|message|disturb|send"
    r"|want|wish|like|agree"
    r"|consent|allow)|\bdn[cd]\b|\b(?:replied|sent|texted|said|says|wrote|please|via|keyword|by|pls) stop\b"
    r"|^stop(?:ped)? (?:received|please|pls|sms|messages|texts|sending|contacting|texting|all|on|since|\d).*"
    r"|\bwithdr[ea]wn?\b.*\bconsent|\bconsent\b.*\b(?:withdrawn|revoked|denied|refused)"
    r"|\b(?:removed?|take(?:n)?|delete) (?:me|from|off)\b|\bno (?:more )?(?:sms|messages?|texts?|calls?"
    r"|marketing|promo\w*|ads)\b"
    r"|\b(?:ha|si|hawa)taki\b|\bameji(?:ondoa|toa)|\bameondo|\baondolewe|\bniondoe|\busi(?:m|ni|tu)?(?:tumie|pigie)"
    r"|\basi(?:tumiwe|pigiwe)|\bamekataa|\bhapendi\b|\bhapokei\b"
    r"|\bdesabonn|\bdesinscri|\bne (?:veut|souhaite|desire) (?:pas|plus)|\b(?:plus|pas) de (?:sms|messages?"
    r"|pub\w*|appels?)"
    r"|\bne pas (?:appel|contact|envoy|derang)"
    r"|\bnao (?:quer|deseja|aceita|autoriza|envi|contac?t|lig|receb|perturb)|\bdescadastr"
    r"|\bno (?:quiere|desea|acepta|autoriza|envi|llam|contact|molest)|\b(?:de|dio de) baja\b|^baja\b"
    r"|\bdesuscri|\bdessuscri"
    r"|\bلا (?:يريد|يرغب|ترسل|تتصل|يوافق|يقبل|اريد)|አይፈልግ|አልፈልግ|አትላክ"
)
"""Words that refuse wherever they stand in a cell."""
_NOT_REFUSED = WordPattern(
    r"\b(?:not|never|non|has ?n[o\u2019']?t|is ?n[o\u2019']?t|did ?n[o\u2019']?t|hajawahi|haja|pas) (?:\w+ )?"
    r"(?:unsub|opt(?:s|ed)? ?out|black|do|desabonn|desinscri)"
)
_DECLINED = WordPattern(
    r"\bnot (?:allowed|granted|accepted|agreed|consented|consenting|interested|willing)\b"
    r"|\bno longer (?:wants?|interested|wishes)|\bdisagre\w+|^refus\b"
)
"""The same in a column that asks for it."""
_STOPPED = WordPattern(
    r"out|cancell?ed|cancel|withdrew|left|remove(?: me)?|delete|muted|banned|revoked.*|sitaki|refus"
    r"|cancelad[oa]|de baja|amefuta"
    r"|inactive|deactivated|suspended"
)
"""Whole cells that refuse in such a column."""
_ON = WordPattern(r"enabled|activated|confirmed|accepted|granted|requested|received|given|done")
_OFF = WordPattern(r"disabled|off|deactivated|paused|suspended|stopped")
_ALLOWED = WordPattern(
    r"(?:re)?subscribed?|opt(?:ed)? ?in|in|allow(?:ed)?|granted|given|accepted|confirmed"
    r"|(?:single|double) opt ?in"
    r"|pending(?: .*)?|ok|agreed|enabled|valid|normal|new|current|inscrite?|inscrit[oa]|abonnee?|actif|active|ativ[oa]"
    r"|activ[oa]|suscrit[oa]|aceito|aceptad[oa]|anaendelea|consent(?:ed|s)?|👍|موافق|مشترك|ተስማምቷል|amekubali|hai"
    r"|yupo|amejiunga|reachable|deliverable"
)

_CHANNEL_WORDS: dict[str, str] = {
    **dict.fromkeys(
        word_set(
            """sms text texts textmessage textmessages textmessaging bulksms smsmarketing meseji ujumbe ujumbemfupi
    mensajedetexto messagetexte texto smstext"""
        ),
        "sms",
    ),
    **dict.fromkeys(word_set("whatsapp whatsap watsapp wa whatsup whatsappbusiness"), "whatsapp"),
    **dict.fromkeys(word_set("premiumsms premium premiumrate premiumratesms psms smspremium"), "premium_sms"),
    **dict.fromkeys(
        word_set(
            """any all everything every allchannels anychannel both channels yote zote wote njiazote tous tout toutes
    todos todas todo cualquiera qualquer tudo"""
        ),
        ANY,
    ),
}
_PURPOSE_WORDS: dict[str, str] = {
    **dict.fromkeys(
        word_set("marketing promotional promotion promotions promo promos advertising offers bulk"), "marketing"
    ),
    **dict.fromkeys(word_set("transactional transaction transactions service alerts"), "transactional"),
    **dict.fromkeys(word_set("any all everything both yote zote tous tout todos todas tudo"), ANY),
}
_BETWEEN = re.compile(r"[,;/|+&\n]|:::|\band\b|\bna\b|\bet\b|\be\b|\by\b|\bor\b", re.IGNORECASE)
_WORD_CHARS_MAX = 100


def fold(cell: object) -> str:
    """The words of a cell in lower case, without accents and punctuation around them."""
    plain = fold_letters(str(cell)[: _WORD_CHARS_MAX + 1])
    return " ".join(re.sub(r"[_\-\u2010-\u2015]+", " ", plain).split()).strip(" .!\"'()[]*")


def read_consent_cell(cell: object, kind: ConsentKind) -> Said:
    """What a cell says in a column of a kind; blank ones are not asked."""
    if isinstance(cell, dict):
        return "nothing" if kind == "status" else "unclear"
    return _read_text(str(cell)[: _WORD_CHARS_MAX + 1], kind)


@lru_cache(maxsize=4_096)
def _read_text(text: str, kind: ConsentKind) -> Said:
    word = fold(text)
    if len(word) > _WORD_CHARS_MAX:
        return "nothing" if kind == "status" else "unclear"
    if _OPTED_OUT.fullmatch(word) or (_REFUSED.search(word) and not _NOT_REFUSED.search(word)):
        return "opted_out"
    if kind == "status":
        return "nothing"
    if _NOT_REFUSED.search(word):
        return "nothing"
    if _DECLINED.search(word):
        return "opted_out"
    first, _, rest = word.partition(" ")
    first = first.rstrip(",.;:!")
    if word in _YES or (rest and first in _YES_WORDS):
        return "opted_out" if kind == "opt_out" else "nothing"
    if word in _NO or _NO_IS_NO_REFUSAL.fullmatch(word):
        return "nothing" if kind == "opt_out" or word not in _NO else "opted_out"
    return _read_word(word, kind, is_no=bool(rest) and first in _NO_WORDS)


def _read_word(word: str, kind: ConsentKind, *, is_no: bool) -> Said:
    """The same of a cell that holds something else than yes or no; ``is_no``: it begins with a no."""
    if kind == "opt_out":
        if _STOPPED.fullmatch(word) or _ON.fullmatch(word):
            return "opted_out"
        return "nothing" if _ALLOWED.fullmatch(word) or _OFF.fullmatch(word) else "unclear"
    if is_no or _STOPPED.fullmatch(word) or _OFF.fullmatch(word):
        return "opted_out"
    return "nothing" if _ALLOWED.fullmatch(word) or read_channels(word) is not None else "unclear"


def is_clear_yes(cell: object, kind: ConsentKind) -> bool:
    """Whether a cell says that the person may be messaged."""
    word = fold(cell)
    if kind == "status":
        return word in ("subscribed", "opted in", "active")
    return (word in _NO) if kind == "opt_out" else (_ALLOWED.fullmatch(word) is not None or word in _YES)


def read_channels(cell: object) -> list[str] | None:
    """The channels that a cell names, any of them as one; ``None`` when a word in it is no channel."""
    return _read_words(cell, _CHANNEL_WORDS)


def read_purposes(cell: object) -> list[str] | None:
    """As ``read_channels``, of purposes."""
    return _read_words(cell, _PURPOSE_WORDS)


def _read_words(cell: object, words: dict[str, str]) -> list[str] | None:
    text = str(cell)
    if len(text) > _WORD_CHARS_MAX:
        return None
    if text.strip() == ANY:
        return [ANY]
    found = [words.get(fold(part).replace(" ", "")) for part in _BETWEEN.split(text) if part.strip()]
    if not found or None in found:
        return None
    return [ANY] if ANY in found else list(dict.fromkeys(word for word in found if word is not None))


def scopes_of(column: ConsentColumn, cell: object) -> list[tuple[str, str]]:
    """Channel and purpose of each opt-out that a cell makes: the column's; where it names none, those in the cell."""
    channels = [column.channel] if column.channel else read_channels(cell) or [ANY]
    return [(channel, column.purpose or ANY) for channel in channels]
