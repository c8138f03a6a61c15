"""How each field is called in the exports of other systems and in the languages of the regions. No cell values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from daftari.files.words import key_of, words_of

_DIGITS = re.compile(r"\d+")

MOBILE_TIERS = (
    """mobile, mobile phone, mobile phone number, mobile number, mobile no, mobile tel, mobile telephone, msisdn, cell,
    cell phone, cell phone number, cell number, rununu, namba ya rununu, simu ya mkononi, namba ya simu ya mkononi,
    telephone portable, telephone mobile, numero de portable, portable, telefono movil, movil, celular,
    numero de celular, telefono celular, telemovel, telefone celular, telefone movel, handy, mobilnummer, cellulare,
    الجوال, رقم الجوال, الموبايل, رقم الموبايل, الهاتف المحمول, رقم الهاتف المحمول, المحمول, الهاتف الجوال,
    ሞባይል, የሞባይል ቁጥር, ተንቀሳቃሽ ስልክ, ሞባይል ስልክ""",
    "sms, sms phone number, sms number",
    "whatsapp, whatsapp number, whatsapp phone number, whatsapp phone, numero whatsapp, namba ya whatsapp",
    """simu, namba ya simu, nambari ya simu, phone, phone number, phone no, phone value, tel, tel no, telephone,
    telephone number, contact number, contact no, contact phone, phone contact, primary phone, default address phone,
    main phone, telephone numero, numero de telephone, telefono, numero de telefono, telefone, numero de telefone,
    telefon, telefonnummer, rufnummer, الهاتف, رقم الهاتف, التليفون, رقم التليفون, رقم التلفون, تلفون, هاتف,
    ስልክ, ስልክ ቁጥር, የስልክ ቁጥር""",
    """home phone, home telephone, business phone, work phone, office phone, company phone, company main phone,
    other phone""",
)
"""Names of a telephone number, the preferred ones first; the first tier is that of mobiles."""

SPELLINGS: Mapping[str, str] = {
    "fname": """fname, first name, given name, name first, name given, forename, first, jina la kwanza, jina, prenom,
        primer nombre, nombre,
        primeiro nome, nome proprio, vorname, nome, izina, الاسم الاول, የመጀመሪያ ስም""",
    "mname": """mname, middle name, additional name, second name, middle, jina la kati, jina la pili, segundo nombre,
        deuxieme prenom, nome do meio, اسم الاب, የአባት ስም""",
    "lname": """lname, last name, surname, family name, name last, name family, last, jina la ukoo, jina la mwisho,
        jina la familia,
        nom de famille, nachname, apellido, apellidos, primer apellido, sobrenome, apelido, ultimo nome, cognome,
        اسم العائلة, اللقب, الكنية, الاسم الاخير, የአያት ስም""",
    "name": """name, full name, names, contact name, customer name, display name, person, contact person, jina kamili,
        majina, majina kamili, other names, person name, client name, member name, student name, nom complet,
        nom et prenom, nom et prenoms, noms et prenoms, nom prenom, prenom et nom, nom, nombre completo,
        nombre y apellido, nombre y apellidos, nombres y apellidos, nombres, nome completo, nome e apelido,
        nome e sobrenome, amazina, magaca, suna, الاسم, الاسم الكامل, الاسم الثلاثي, اسم, ስም, ሙሉ ስም, file as""",
    "email": """email, email address, email value, mail, mail address, barua pepe, adresse email, adresse mail,
        adresse electronique, courriel, correo electronico, correo, correio eletronico, endereco de email,
        البريد الالكتروني, البريد, ايميل, الايميل, ኢሜይል, ኢሜል, የኢሜይል አድራሻ""",
    "city": """city, town, address city, mailing city, home city, business city, default address city, other city,
        billing city, mji, jiji, ville, ciudad, cidade, stadt, citta, localite, localidad, localidade, المدينة, مدينة,
        ከተማ""",
    "company": """company, company name, organization, organisation, organization name, organisation name, employer,
        business, business name, associated company, account name, default address company, billing company, kampuni,
        shirika,
        jina la kampuni, entreprise, societe, nom de l'entreprise, organisme, empresa, nombre de la empresa,
        nome da empresa, compania, organizacion, firma, azienda, الشركة, اسم الشركة, المؤسسة, ድርጅት, ኩባንያ""",
    "group": """group, group name, kundi, kikundi, jina la kikundi, jina la kundi, chama, groupe, nom du groupe, grupo,
        nombre del grupo, nome do grupo, gruppe, المجموعة, مجموعة, ቡድን""",
    "groups": """groups, group names, group membership, labels, tags, categories, makundi, vikundi, lists, groupes,
        etiquettes, grupos, etiquetas, المجموعات""",
    "attributes": "attributes",
    "id": "id",
    "created_at": "created at",
    "consent": "consent",
    "channel": "channel, channels, canal, canaux, canales, njia",
    "sender": "sender, sender id, sender name, short code",
    "purpose": "purpose",
    "at": """at, opted out at, opt out at, opt out date, opt out time, unsubscribed at, unsubscribe date,
        unsubscribe time, unsub time""",
    "note": "note, notes, reason, comment, comments, remark, remarks, maelezo",
}
"""How each field but the mobile is called, the preferred names first."""

ENDINGS: Mapping[str, str] = {
    "fname": "first name, given name, forename, prenom",
    "mname": "middle name",
    "lname": "last name, surname, family name",
    "name": "full name",
    "email": "email, email address, mail, courriel, correo, barua pepe, إيميل",
    "city": "city, town, ville, ciudad, cidade",
    "company": "company, company name, organization, organisation, organization name, organisation name, employer",
}
"""What a longer name may end with: ``Billing First Name``."""

BEGINNINGS: Mapping[str, str] = {
    "fname": "prenom, jina la kwanza, primer nombre, primeiro nome",
    "lname": "nom de famille, apellido, sobrenome, jina la ukoo",
    "name": "jina kamili, nom complet, nombre completo, nome completo",
    "email": "adresse email, courriel, correo, barua pepe, البريد, email",
    "city": "ville, ciudad, cidade, mji",
    "company": "entreprise, empresa, kampuni",
}
"""What a longer name may begin with, in languages that put the noun first."""

WHOLE_NAMES = frozenset(["name", "nom", "nome", "nombre", "jina", "اسم", "ስም", "magaca", "izina"])
"""The word for a name; with it and a word for a person a column holds whole names."""


@cache
def mobile_ranks() -> Mapping[str, tuple[int, int]]:
    """Tier and place of each name of a telephone number."""
    return {
        joined(spelling): (tier, place)
        for tier, spellings in reversed([*enumerate(MOBILE_TIERS)])
        for place, spelling in reversed([*enumerate(spellings.split(","))])
    }


def find_field(name: str) -> tuple[str, int] | None:
    """Field and place of a name of another field; by letters first, since ``groups`` are more than a ``group``."""
    exact, by_words = _field_ranks()
    return exact.get(_DIGITS.sub("", key_of(name))) or by_words.get(joined(name))


@cache
def _field_ranks() -> tuple[Mapping[str, tuple[str, int]], Mapping[str, tuple[str, int]]]:
    found = [
        (spelling, (field, place))
        for field, spellings in SPELLINGS.items()
        for place, spelling in enumerate(spellings.split(","))
    ]
    found.reverse()
    return {key_of(spelling): rank for spelling, rank in found}, {joined(spelling): rank for spelling, rank in found}


@cache
def endings() -> Mapping[tuple[str, ...], str]:
    """Fields by the words that a name may end with."""
    return _by_words(ENDINGS)


@cache
def beginnings() -> Mapping[tuple[str, ...], str]:
    """Fields by the words that a name may begin with."""
    return _by_words(BEGINNINGS)


def joined(name: str) -> str:
    """The words of a name without numbers, as one."""
    return "".join(word for word in words_of(name) if not word.isdecimal())


def _by_words(phrases: Mapping[str, str]) -> Mapping[tuple[str, ...], str]:
    return {words_of(phrase): field for field, listed in phrases.items() for phrase in listed.split(",")}
