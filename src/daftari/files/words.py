"""The words of column names: how a name is cut into words, and what they mean in the languages of the regions.

English names say what a column is with their last word (``Billing Phone``); Swahili, French, Portuguese, Spanish and
Arabic ones with their first (``simu ya mteja``). Words are compared in lower case, in the singular, without accents,
articles and prepositions. No cell values.
"""

from __future__ import annotations

import re
from functools import lru_cache

from daftari.files.letters import fold_letters, without_apostrophes, word_set

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>")
_EXAMPLE = re.compile(r"\b(?:e\.\s?g\b|eg\b|example|such as|mfano|exemple|ej\.|ex\.).*", re.IGNORECASE | re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ELISION = re.compile(r"\b[dlj]['\u2019]", re.IGNORECASE)
_EMAIL = re.compile(r"\be[-\s\u2010\u2011]mail", re.IGNORECASE)
_WHATSAPP = re.compile(r"whats[-\s]?app", re.IGNORECASE)
_MPESA = re.compile(r"\bm[-\s]pesa", re.IGNORECASE)
_IPHONE = re.compile(r"\biphone", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+|\d+")
_PLACEHOLDER = re.compile(r"x{2,}")
_GLUED = re.compile(r"(?!iphone|tele|smart|head|micro)(.{3,}?)(phone|mobile|whatsapp|email|number|no)")
_GLUED_NAME = re.compile(r"(first|last|full|middle|given|family)name")
_NAME_CHARS_MAX = 300
"""A longer name is a text, and is cut."""


_NUMBER_DIGITS_MIN = 7
NUMBER = "number"
"""What every word for a number becomes."""
_NUMBER_WORDS = word_set(
    """number no num nr nbr numero nummer nomor namba nambari lamba lambar رقم ارقام ቁጥር नबर номер"""
)
_STOP_WORDS = word_set(
    """the a an of for to your my our their his her this please enter provide give write fill what is are which s'il ya
    za wa la cha vya kwa yako zako lako yangu yake yao ni ipi zipi gani andika weka jaza tafadhali na de du des le
    les el los las del al un une votre vos ton ta tu su sus quel quelle est cual es da do dos das o os sua seu suas
    seus qual e y et vous nous ما هو هي من في"""
)

MOBILE_NOUNS = word_set(
    """mobile mobil mob cell cellphone cellular cellulare msisdn gsm handphone handy mobiltelefon portable celular
    celulare cel movil movile telemovel telemovei rununu mkononi kiganjani جوال محمول موبايل خلوي نقال ሞባይል ተንቀሳቃሽ
    मबइल mobilnummer handynummer мобильный"""
)
"""Words that name the number of a mobile."""
MESSENGER_NOUNS = word_set("whatsapp whatsap watsap whatsup واتساب واتس ዋትስአፕ")
PHONE_NOUNS = word_set(
    """phone telephone telephonique telefonico telefonica tel telefono telefone telefon telefonnummer rufnummer fone
    fono simu taleefan taleefoon taleefanka telefoni terefone waya essimu هاتف تليفون تلفون ስልክ फन телефон тел"""
)
LANDLINE_NOUNS = word_set("landline")
WEAK_NOUNS = word_set(
    """contact kontakt contacto contato contatto mawasiliano sms ph hp mpesa safaricom airtel mtn telkom vodacom tigo
    halotel orange moov"""
)
"""Words that may name a number, and as often something else: the cells decide."""
HEAD_NOUNS = word_set(
    """simu rununu telephone tel portable telefono telefone celular movil telemovel waya essimu taleefan telefoni هاتف
    تليفون تلفون جوال محمول موبايل ስልክ ሞባይል"""
)
"""Those that stand first in their languages."""

OWN_WORDS = word_set(
    """primary main default preferred personal private customer client member subscriber user person people billing
    shipping delivery invoice recipient buyer guest patient farmer student pupil participant respondent donor lead
    attendee beneficiary applicant borrower employee staff value line registered active current direct money mteja
    mwanachama mkulima mwanafunzi mgonjwa mshiriki membre abonne cliente membro miembro عميل عضو"""
)
"""Words with which a number is still that of the person in the row."""
LATER_WORDS = word_set(
    """home work business office company alternative alternate alt second secondary other another additional extra
    backup nyumbani kazi kazini ofisi ofisini nyingine mbadala pili maison domicile bureau travail autre secondaire
    casa trabajo trabalho oficina escritorio otro outro segundo fixe fixo fijo land"""
)
"""The same, of numbers that are tried after the others."""
OTHER_PERSONS = word_set(
    """kin guardian parent mother father spouse husband wife partner emergency referee reference referral referrer
    referred agent manager supervisor owner rep representative officer driver rider assistant secretary guarantor
    nominee sponsor introducer chairman chairperson treasurer next relative dependant dependent child doctor teacher
    seller vendor supplier salesperson sender witness executor trustee landlord caretaker coach leader mzazi mlezi
    baba mama mke mume mdhamini wakala dharura ndugu jirani mwenyekiti katibu tuteur pere mere epoux epouse urgence
    garant responsable padre madre emergencia esposo esposa tutor pai mae conjuge encarregado responsavel fiador
    والد ام طوارئ ولي አባት እናት"""
)
"""Words with which a number is that of another person."""
OTHER_KINDS = word_set(
    """fax telefax facsimile faksi pager telex type label kind code country model status consent verified verification
    valid validated opt optin optout unsubscribe unsubscribed accept permission marketing network operator carrier
    provider ext extension date time count total bill id imei serial make brand url link message email mail name app
    price amount tax pin vat account acc receipt invoice order transaction ref admission registration reg passport
    licence license plate vehicle plot ticket batch policy meter till paybill shortcode has have own owns use uses
    using smartphone stopped blocked dnd subscribed subscription created updated modified birthday birth balance age
    gender kitambulisho tarehe aina mtandao statut fecha data tipo pay هوية تاريخ نوع حساب why"""
)
"""Words that make a column one of something else, whatever it is called with them."""
THINGS = word_set(
    """sku adm upi population item product barcode ean upc gtin isbn asin quantity qty unit stock reading latitude
    longitude coordinate cost fee salary wage income revenue turnover sale debit credit loan principal interest
    saving share score mark point rating size weight height length area acreage bed case claim
    contract certificate tracking waybill awb container parcel shipment session device mac index uuid guid hash
    key nid nida nin nssf nhif sha shif huduma kra tsc cedula cpf cnpj dni nif curp rfc cni matricule folio
    payroll serie tender row reference cheque check iban swift bic branch bank card bei mshahara bidhaa mkopo
    prix montant produit solde salaire preco precio valor produto producto salario cantidad quantidade quantite
    سعر منتج كمية ዋጋ ምርት"""
)
"""Words for what has numbers of its own, that is no telephone."""
PERSON_WORDS = word_set(
    """customer client member contact student pupil learner parent guardian farmer patient guest subscriber user person
    employee staff beneficiary respondent billing shipping participant donor lead recipient applicant borrower buyer
    attendee delegate voter tenant candidate worker volunteer party payer mteja mwanachama
    mkulima mwanafunzi mzazi mgonjwa mshiriki mfanyakazi mpangaji abonne membre eleve agriculteur employe usager
    beneficiaire cliente miembro alumno paciente empleado usuario membro aluno funcionario utente socio agricultor
    عميل عضو طالب زبون مريض"""
)
"""Words that say whose name a column holds, and by themselves that it holds names."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that count; those in brackets only when there are no others."""
    return _words(_BRACKETS.sub(" ", name[:_NAME_CHARS_MAX])) or _words(name[:_NAME_CHARS_MAX])


def all_words_of(name: str) -> frozenset[str]:
    """All its words, those in brackets too."""
    return frozenset(_words(name[:_NAME_CHARS_MAX]))


def key_of(name: str) -> str:
    """What names have in common that are written alike: all their letters and digits, and no accents."""
    return "".join(letter for letter in fold_letters(name[:_NAME_CHARS_MAX]) if letter.isalnum())


def holds_number(name: str) -> bool:
    """Whether a telephone number stands in a text, other than as an example."""
    plain = _EXAMPLE.sub("", _BRACKETS.sub(" ", name[:_NAME_CHARS_MAX]))
    return sum(map(str.isdigit, plain)) >= _NUMBER_DIGITS_MIN


def is_one_of(word: str, nouns: frozenset[str]) -> bool:
    """Whether a word is one of these; Arabic and Amharic words may have an ending more."""
    return word in nouns or (not word.isascii() and any(len(noun) > 2 and word.startswith(noun) for noun in nouns))


@lru_cache(maxsize=2_048)
def _words(name: str) -> tuple[str, ...]:
    plain = _ELISION.sub("", _EXAMPLE.sub("", name))
    for written, word in ((_EMAIL, "email"), (_WHATSAPP, "whatsapp"), (_MPESA, "mpesa"), (_IPHONE, "iphone")):
        plain = written.sub(word, plain)
    spaced = _CAMEL.sub(" ", plain)
    found = [part for word in _WORD.findall(without_apostrophes(fold_letters(spaced))) for part in _parts(word)]
    return tuple(word for word in found if word not in _STOP_WORDS) or tuple(found)


def _parts(word: str) -> tuple[str, ...]:
    """A word in its plain form; several that are written as one, and none for ``07XXXXXXXX``."""
    if word.isdecimal():
        return (word,) if len(word) <= 2 else ()
    if _PLACEHOLDER.fullmatch(word):
        return ()
    if not word.isascii():
        word = word.removeprefix("ال") if len(word) > 4 else word
        word = word.removeprefix("የ") if len(word) > 2 else word
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word in _NUMBER_WORDS:
        return (NUMBER,)
    named = _GLUED_NAME.fullmatch(word)
    if named:
        return (named[1], "name")
    glued = _GLUED.fullmatch(word)
    if glued and (glued[2] != "no" or glued[1] in PHONE_NOUNS | MOBILE_NOUNS | MESSENGER_NOUNS | WEAK_NOUNS):
        return (glued[1], NUMBER if glued[2] == "no" else glued[2])
    return (word,)
