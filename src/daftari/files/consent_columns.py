"""Columns that say whether a person may be messaged, known by their names in the languages of the regions.

``opt_out``: a yes is an opt-out. ``accepts``: a no is one. ``status``: only a word such as ``stopped`` is. After it may
stand what it is about: ``opt_out.sms``, ``accepts.sms.marketing``. No cell values.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from msgspec import Struct

from daftari.files.letters import WordPattern, fold_letters, without_apostrophes, word_set

ConsentKind = Literal["opt_out", "accepts", "status"]
CONSENT_KINDS: tuple[ConsentKind, ...] = get_args(ConsentKind)
CONSENT_CHANNELS = ("sms", "whatsapp", "premium_sms")
CONSENT_PURPOSES = ("marketing", "transactional")


class ConsentColumn(Struct, frozen=True):
    """What a column's yes or no is about; an absent channel or purpose is any."""

    kind: ConsentKind
    channel: str | None = None
    purpose: str | None = None


_OPT_OUT = WordPattern(
    r"opt(?:s|ed|ing)?outs?|optout|unsub(?:scri)?|donot(?!e)|dont(?:call|contact|text|sms|message|send|disturb"
    r"|email|mail)"
    r"|\bdn[cd]\b|black ?list|blacklist|\bblocked\b|suppress|\bstop(?:ped|sms|list|date|at)?\b"
    r"|desabonn|desinscri|nepas|oppos(?:e|ition)|listerouge|refuse"
    r"|nao(?:perturb|lig|cont|env|receb|quer)|descadastr|bloquead|cancelou|excluid"
    r"|no(?:llamar|contactar|molestar|enviar|recibir|desea)|dad[oa]debaja|\bbaja\b|desuscri|dessuscri"
    r"|amejiondoa|amejitoa|kajiondoa|kujiondoa|usi(?:m)?(?:pigie|tumie)|usipig|usitum|asitumiwe|hataki|ameondoka"
    r"|amezuiwa|amekataa|ameacha|aliyejiondoa|waliojiondoa"
)
_MESSAGES = (
    r"(?:sms|texts?|texting|messag\w+|calls?|calling|contact\w*|market\w*|promo\w*|offers?|ads?|advert\w*|disturb\w*"
    r"|broadcasts?|campaigns?|updates?|alerts?|notifications?|communications?|consent|permission|pub|publicite|appels?"
    r"|mensa\w+|ujumbe|meseji|matangazo|consentement|consentimento|consentimiento)\b"
)
"""What people refuse or accept, as words of a name."""
_REFUSES = WordPattern(
    rf"\b(?:no|no more|never|without|pas de|plus de|sans|sem|sin|kein|keine|avoid|mute|muted) {_MESSAGES}"
    r"(?! (?:sent|received|delivered|read|count|cost|per|person)\b)"
    rf"|\b(?:excluded?|remove|removed|barred|banned|block) (?:\w+ )?{_MESSAGES}|\b(?:cannot|cant|can not"
    rf"|not to) (?:be )?{_MESSAGES}"
    rf"|\b{_MESSAGES} (?:is )?(?:disabled|barred|muted|off|excluded|refused|denied|declined|withdrawn|withdrew"
    rf"|revoked|removed)$"
    r"|\b(?:not|non|un|hasnt|never) ?(?:been )?(?:interested|subscribed|opted ?in|contactable|consent\w*"
    r"|allowed|agreed|abonne"
    r"|inscrit|accept\w*)"
    r"|\b(?:dont|doesnt|do not|does not|didnt|did not) (?:want|wish|like|accept|agree|allow|consent|receive)"
    r"|\b(?:withdrew|withdrawn?|withdrawal|revoked?|object\w*|decline[ds]?|denie[ds]|refus\w*)(?: \w+)? "
    rf"{_MESSAGES}"
    r"|^(?:is |has |was )?(?:excluded?|barred|banned|muted|objected|objection|declined|withdrew"
    r"|withdrawn consent|revoked"
    r"|complained|spam complaint|remove me|removed from list)$"
    r"|\b(?:hapokei|hapendi|asipigiwe|asitum\w+|aliacha|\w*jitoa|kuondolewa|ameondolewa|aondolewe|hajakubali"
    r"|hakubali)\b"
    r"|\brefus|\bliste noire|\bbloque\b|\bne (?:veut|souhaite|desire|recoit) (?:pas|plus)"
    r"|\brecus(?:a|ou|ado|ada)\b|\blista negra|\bremovid[oa]$|\bnao (?:aceit|autoriz|desej|consent|quer)|\brechaz"
    r"|\bno (?:quiere|acepta|autoriza|consiente|recibe)"
    r"|\bnicht (?:kontakt|anruf|anschreib)|abbestellt|abgemeldet|gesperrt"
    r"|الغاء الاشتراك|الغى الاشتراك|لا (?:يريد|يرغب|تتصل|ترسل|يوافق|يقبل)|عدم (?:الازعاج|الاتصال|الارسال"
    r"|الموافقة)|محظور|غير (?:مشترك|موافق)"
    r"|رفض|رافض|القائمة السوداء"
    r"|አይፈልግ|አልፈልግ|አትላክ|አይላክ|አትደውል|አግድ|ታግዷል|ወጥቷል|አልፈቀደ|አልተስማማ"
)
"""More names under which a yes is an opt-out, by their words: with a refusal a name of what is accepted is one."""
_ACCEPTS = WordPattern(
    r"accepts?\b|accept(?:e|ed|ing)?(?:sms|marketing|text|promo|whatsapp|message)|consent|opt(?:ed|s)? ?in\b"
    r"|\bsubscri(?:be|bed|ption)\b"
    r"|permission|\bagree[sd]?\b|\bok ?to\b|(?:may|can)(?:we)?(?:contact|text|message|sms)"
    r"|\bmarketing\b|receives?(?:sms|text|marketing|promo|message|whatsapp)|wants?(?:sms|text|marketing|promo|message)"
    r"|allows?(?:sms|text|marketing|contact|whatsapp|message)|promotional|\bgdpr\b"
    r"|^preferences?(?: (?:sms|text|whatsapp|marketing))?$"
    r"|(?:communication|contact|sms|message|messaging|marketing|consent|notification|text)s? ?preferences?"
    r"|accepte|abonne(?!ment)|autoris|aceita|aceite|autoriz|assinante|inscrit|acepta|suscri"
    r"|amekubali|anakubali|ridhaa|idhini|amejiunga|amejisajili"
)
_AGREES = WordPattern(
    r"\breceiv(?:e|es|ing) (?:\w+ ){0,2}(?:sms|texts?|offers?|market\w+|promo\w*|messages?|updates?|alerts?"
    r"|communications?"
    r"|notifications?|whatsapp|information|ads)\b"
    r"|\b(?:sms|texts?|texting|whatsapp|marketing|promo\w*|messag\w+|contact|calls?|calling) (?:is )?(?:ok"
    r"|okay|allowed|enabled"
    r"|permitted|accepted|agreed|subscribers?|notifications?|alerts?|updates?|offers?|opt)$"
    r"|\b(?:notifications?|alerts?|updates?) (?:by|via) (?:sms|text|whatsapp)|\b(?:promo\w*|bulk"
    r"|marketing) sms$|\bsms promo"
    r"|\boffers? (?:by|via) (?:sms|text|whatsapp)|\benable sms|\b(?:sms|whatsapp) notifications?\b"
    r"|\bcontactable\b|\b(?:can|may|ok|okay|allowed|happy) (?:we |to )?(?:be )?(?:contacted|called|texted"
    r"|messaged|call|text|contact)\b"
    r"|\bwants? (?:updates|to (?:receive|get|be))|^opt$"
    r"|\b(?:anataka|anapenda|anapokea|apokee|apate) (?:kupokea )?(?:sms|ujumbe|meseji|matangazo)|\batumiwe\b"
    r"|\bt[uw]\w*mtumie\b"
    r"|\bruhusa\b|^kubali\b|\bakubali\b"
    r"|^accord(?: (?:sms|client|marketing|commercial))?$|\b(?:souhaite|veut|desire|accepte de) recevoir"
    r"|\brecevoir (?:\w+ )?(?:sms|offres?|pub)"
    r"|\brecoit (?:les |des )?(?:sms|offres?|pub)"
    r"|\b(?:deseja|quer|gostaria de) receber|\breceber (?:\w+ )?(?:sms|ofertas|promo|mensagens)"
    r"|\b(?:desea|quiere|le gustaria) recibir|\brecibir (?:\w+ )?(?:sms|ofertas|promo|mensajes)|einwilligung"
    r"|موافق|يوافق|يقبل|مشترك|يرغب|ፈቃድ|ፈቅዷል|ተስማም|ይፈልጋል|ይቀበላል|ፈቃደኛ"
)
"""More names under which a no is an opt-out, by their words."""
_YES_OR_NO = re.compile(
    r" (?:yes|y|ndiyo|oui|sim|si|true|نعم) (?:or |and |au |ou |o )?(?:no|n|hapana|non|nao|false|لا)$"
)
"""What a question ends with."""
_STATUS = WordPattern(r"\bstatus\b|\bstatut\b|\bestado\b|\bsituacao\b|\bhali\b|\bhadhi\b|حالة|ሁኔታ")
_OTHER_STATUS = WordPattern(
    r"marital|payment|order|financial|fulfil|transaction|delivery|employ|loan|kyc|invoice|deal|ticket|ndoa"
    r"|civil|conjugal"
)
_ABOUT_OPT_OUTS = WordPattern(r"\b(?:campaign|title|ids?|link|url|count|ip|list|bus|word|keyword)\b")
"""Columns that say more of an opt-out than that there was one."""
_ABOUT_CONSENT = WordPattern(
    r"\b(?:date|time|at|on|timestamp|source|method|ip|url|link|ids?|version|(?<!to )(?<!we )text|level|plan"
    r"|package|type|number|no|amount"
    r"|fee|price|name|manager|officer|agent|rep|campaign|budget|team|medium|funnel|owner)$"
)
_DETAIL = WordPattern(
    r"\b(?:reason|cause|why|comments?|notes?|feedback|by|via|source|method|mode|type|channel|keyword|message|at|on|date"
    r"|time|when|since"
    r"|motif|raison|motivo|razon|sababu|tarehe|fecha|data)$|(?:date|time|reason)$"
)
"""How a name ends that asks for more of an opt-out: how, when or why it came."""
_TIME = WordPattern(
    r"\b(?:date|time|at|on|when|ts|timestamp|datetime|tarehe|muda|wakati|fecha|hora|data|heure|quando|cuando|quand)\b"
    r"|(?:date|time)$"
)
_OTHER_TIME = WordPattern(
    r"birth|created|added|registered|joined|signup|sign up|updated|modified|imported|last|first|naissance|nacimiento"
    r"|nascimento|kuzaliwa|opt(?:ed)? ?in|\bsubscri|confirm|consent|order|purchase|visit|sent|delivered|expir|due"
)
_SMS = WordPattern(
    r"\bsms\b|\btext(?:s|ing)?\b|\bmeseji\b|\btexto\b|\bmensajes?detexto\b|sms(?:optout|consent|marketing)"
)
_WHATSAPP = WordPattern(r"whats ?app|\bwa\b")
_PREMIUM = WordPattern(r"\bpremium\b")
_MARKETING = WordPattern(r"marketing|\bpromo|publicit|mercadeo|matangazo|propaganda|advert|\bbulk\b|\boffers?\b")
_TRANSACTIONAL = WordPattern(r"transactional|transaccional|transacional")
_OTHER_MEDIA = WordPattern(
    r"e ?mail|\bmail(?:ing|s)?\b|newsletter|courriel|correo|barua ?pepe|\bfax\b|postal|\bpost\b|\bpush\b|telemarket"
    r"|cookie"
)
_PHONE_MEDIA = WordPattern(r"\bsms\b|\btext|whats ?app|\bphone\b|\bcalls?\b|mobile|message|\bsimu\b|telefone?")
_CHANNEL_NAMES = word_set(
    """sms text texts whatsapp meseji message messages messaging transactional promotional premium marketing by via"""
)
"""Words of names that say no more than a channel and a purpose."""
_NAME_CHARS_MAX = 120


def names_consent(name: str) -> bool:
    """Whether a name speaks of consent, to e-mail, fax and post too."""
    return _kind_of(_words(name)) is not None


def consent_field(name: str) -> str | None:
    """The field of a column whose name speaks of consent; ``None`` for any other, and for e-mail, fax and post."""
    words = _words(name)
    kind = _kind_of(words)
    if kind is None or (_OTHER_MEDIA.search(words) and not _PHONE_MEDIA.search(words)):
        return None
    channels = [
        channel
        for channel, pattern in (("premium_sms", _PREMIUM), ("sms", _SMS), ("whatsapp", _WHATSAPP))
        if pattern.search(words)
    ]
    if channels[:1] == ["premium_sms"]:
        channels = channels[:1]
    purpose = "marketing" if _MARKETING.search(words) else "transactional" if _TRANSACTIONAL.search(words) else None
    # A column about two channels is about any: a no must not be kept for less than was said.
    return ".".join([kind, *(channels if len(channels) == 1 else []), *([purpose] if purpose else [])])


def answer_field(name: str) -> str | None:
    """The field of a column that is called after a channel and holds yes or no; ``None`` for any other."""
    words = {*_words(name).replace("whats app", "whatsapp").split()}
    is_channel = bool(words & {"sms", "text", "whatsapp", "meseji"}) and words <= _CHANNEL_NAMES
    return consent_field(f"accepts {name}") if is_channel else None


def _kind_of(words: str) -> ConsentKind | None:
    """How a column about consent is read."""
    if not words or len(words) > _NAME_CHARS_MAX:
        return None
    words = _YES_OR_NO.sub("", words)
    joined = words.replace(" ", "")
    accepts = _ACCEPTS.search(words) or _ACCEPTS.search(joined) or _AGREES.search(words)
    if _OPT_OUT.search(words) or _OPT_OUT.search(joined) or _REFUSES.search(words):
        return None if _ABOUT_OPT_OUTS.search(words) else "opt_out"
    if accepts:
        return None if _ABOUT_CONSENT.search(words) or "double opt" in words else "accepts"
    return "status" if _STATUS.search(words) and not _OTHER_STATUS.search(words) else None


def names_detail(name: str) -> bool:
    """Whether a column about opt-outs says how, when or why one came: what stands in it shows that one did."""
    return _DETAIL.search(_words(name)) is not None


def names_time(name: str) -> bool:
    """Whether a column is called after a time that may be that of an opt-out."""
    words = _words(name)
    return _TIME.search(words) is not None and _OTHER_TIME.search(words) is None


def read_consent_field(field: str) -> ConsentColumn | None:
    """A field such as ``accepts.sms.marketing``; ``None`` for what is none."""
    kind, *rest = field.split(".")
    if kind not in CONSENT_KINDS or len(rest) > 2:
        return None
    channel = next((part for part in rest if part in CONSENT_CHANNELS), None)
    purpose = next((part for part in rest if part in CONSENT_PURPOSES), None)
    if len(rest) != sum(part is not None for part in (channel, purpose)):
        return None
    return ConsentColumn(kind, channel, purpose)


def _words(name: str) -> str:
    """The words of a name in lower case without accents: ``DoNotCall`` and ``do_not_call`` are ``do not call``."""
    cut = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", without_apostrophes(fold_letters(cut))))
