"""Of several columns the one is taken whose cells are telephones; names of columns are known in many languages."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import ValidationFailed
from daftari.files import Cell, TableOptions, match_columns
from daftari.files.contents import count_contents
from daftari.files.header import find_table
from daftari.rules.imports.cells import telephone_test
from tests.support.cases import each

MOBILE_NAMES = (
    "Billing Phone|Telephone No.|CONTACT|CONTACTS|CONTACT NO|Contact No's|Cell No.|PhoneNo|WhatsApp No.|"
    "Phone Numbers|What is your phone number?|Phone (07XX XXX XXX)|Mob. No|M-PESA No.|"
    "customerPhoneNumber|billing_phone|Enter your mobile number e.g. 0712345678|Q4. Phone|Tel/Mobile|"
    "Namba yako ya simu|Namba ya Simu ya Mteja|Nambari za simu|Simu ya mkononi|Mawasiliano|Rununu|"
    "Téléphone|Numéro de téléphone|N° de téléphone|Tél. portable|Quel est votre numéro de téléphone ?|"
    "Téléphone du client|Contact téléphonique|Teléfono|Número de teléfono|Teléfono móvil|Celular|"
    "¿Cuál es tu número de celular?|Telefone|Nº de telemóvel|Número de telefone|Contacto|Telemóvel|"
    "رقم الهاتف|الهاتف المحمول|رقم الجوال|ما هو رقم هاتفك؟|الموبايل|واتساب|ስልክ ቁጥር|የስልክ ቁጥር|ሞባይል|"
    "የደንበኛ ስልክ"
)
FIELD_NAMES = {
    "name": (
        "group_a/farmer_name|"
        "Full Names|FULL NAME|Names|Customer Name|Member's Name|Name of client|Student|Mteja|Jina kamili|"
        "Majina|Jina la mteja|What is your name?|Nom complet|Nom et prénoms|Nom du client|Nombre y apellidos|"
        "Nombre del cliente|Nome completo|الاسم|الاسم الكامل|اسم العميل|ስም|ሙሉ ስም|OTHER NAMES|Contact Person"
    ),
    "fname": (
        "First Name|FIRSTNAME|Given Names|Billing First Name|Prénom|Prénoms|Primer nombre|Primeiro nome|"
        "Jina la kwanza|الاسم الأول"
    ),
    "lname": (
        "Surname|LAST NAME|Family Name|Nom de famille|Apellidos|Sobrenome|Jina la ukoo|اسم العائلة|Billing Last Name"
    ),
    "email": (
        "E-mail|Emails|Email Address|Customer Email|Person - Email - Work|Courriel|Adresse e-mail|"
        "Correo electrónico|Barua pepe|البريد الإلكتروني|ኢሜይል"
    ),
    "city": ("City|Towns|Billing City|Ville|Ciudad|Cidade|Mji|المدينة|ከተማ"),
    "company": (
        "Company|Company Names|Organisation|Person - Organization|Entreprise|Société|Empresa|Kampuni|الشركة|ድርጅት"
    ),
    "group": ("Group|Kikundi|Chama|Groupe|Grupo|المجموعة|ቡድን"),
    "groups": ("Groups|Tags|Labels|Makundi|Groupes|Etiquetas"),
}


def used(header: str, *rows: str, region: str = "KE") -> dict[str, str]:
    """The columns that are used of a table with commas, and what for."""
    columns = header.split(",")
    cells: list[Sequence[Cell]] = [row.split(",") for row in rows]
    contents = count_contents(cells, width=len(columns), is_telephone=telephone_test(region))
    uses = match_columns(columns, given={}, contents=contents)
    return {use.name: use.field for use in uses if use.field is not None}


def mobiles(header: str, *rows: str, region: str = "KE") -> list[str]:
    """The columns of the number in the order in which they are tried."""
    found = {field: name for name, field in used(header, *rows, region=region).items() if field.startswith("mobile")}
    return [found[field] for field in sorted(found)]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("No.,Full Name,Phone", "23456781,Mary Njeri,0722001101", ["Phone"]),
        ("No.,Full Name,Telephone No.", "1,Mary Njeri,0722001101", ["Telephone No."]),
        ("Member No,ID Number,Jina,Simu", "254722001100,23456781,Mary,0722001101", ["Simu"]),
        ("Admission Number,Student,Parent Phone", "4411,Mary,0722001101", ["Parent Phone"]),
        ("Serial,National ID,CONTACTS", "10002233,23456789,0722001101", ["CONTACTS"]),
        ("Number,Phone", "0722001101,0722001102", ["Phone"]),
        ("SMS,WHATSAPP,LANDLINE_NUMBER", "254722001101,254722001101,", ["SMS", "WHATSAPP", "LANDLINE_NUMBER"]),
        ("Phone,WhatsApp", "0722001101,Yes", ["Phone"]),
        ("Contact,Phone", "Mary Njeri,0722001101", ["Phone"]),
        ("Cell,Tel", "Makongeni,0722001101", ["Tel"]),
        ("Name,Phone - Work,Phone - Mobile", "Mary,0202012345,0722001101", ["Phone - Mobile", "Phone - Work"]),
        ("Next of Kin Phone,Phone", "0722001101,0722001102", ["Phone"]),
        ("Phone,Emergency Contact,Assistant's Phone,Fax", "0722001101,0722001102,0722001103,0722001104", ["Phone"]),
        ("Nummer,Kadi", "0722001101,5", ["Nummer"]),
        ("Other Party Info,A/C No.", "254722001101 - MARY NJERI,A1", ["Other Party Info"]),
        ("Where can we reach you?,Timestamp", "0722001101,21/11/2026 10:15", ["Where can we reach you?"]),
        ("What should we call you?,Your best contact number", "Mary,0722001101", ["Your best contact number"]),
        ("Billing Phone,Shipping Phone,Order Number", "0722001101,,1001", ["Billing Phone", "Shipping Phone"]),
        ("Father's Phone,Mother's Phone,Pupil", "0722001101,0722001102,Mary", ["Father's Phone", "Mother's Phone"]),
    ],
)  # fmt: skip
def test_the_column_is_the_one_whose_cells_are_telephones(header: str, row: str, expected: list[str]) -> None:
    assert mobiles(header, row) == expected


def test_the_cells_of_another_region_are_telephones_there() -> None:
    rows = ("22334455667,08031234567", "22334455668,08031234568")
    assert mobiles("Reference,Kontakt", *rows, region="NG") == ["Kontakt"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Account No,Balance", "0722001101,5"),
        ("Member Number,Name", "0722001101,Mary"),
        ("Fax,Name", "0722001101,Mary"),
        ("Name,Town", "Mary,Nyeri"),
        ("No.,Name", "1,Mary"),
        ("Date,Name", "21/03/2024,Mary"),
        ("Phone Type,Name", "0722001101,Mary"),
    ],
)
def test_a_number_of_another_kind_is_never_taken(header: str, row: str) -> None:
    with pytest.raises(ValidationFailed):
        used(header, row)


@pytest.mark.parametrize("name", ["SKU", "Adm", "Salary", "Population 2019", "Sijui", "Bei"])
def test_under_an_unknown_name_numbers_without_their_zero_may_be_anything(name: str) -> None:
    with pytest.raises(ValidationFailed):
        used(f"{name},Name", "722001101,Mary", "722001102,John")


@pytest.mark.parametrize("name", ["SKU", "order sku", "Loan", "NIDA", "Huduma", "Bidhaa"])
def test_what_has_numbers_of_its_own_is_never_taken_for_a_telephone(name: str) -> None:
    with pytest.raises(ValidationFailed):
        used(f"{name},Name", "0722001101,Mary", "0722001102,John")


def test_under_an_unknown_name_telephones_are_known_as_people_dial_them() -> None:
    assert mobiles("Sijui,Name", "0722001101,Mary", "+254722001102,John") == ["Sijui"]
    assert used("Sijui,Nome", "912345678,Maria", region="PT")["Sijui"] == "mobile"
    assert mobiles("column 1,column 2", "Mary,722001101", "John,722001102") == ["column 2"]
    ids = ("722001101,723456789", "722001102,723456790")
    assert mobiles("column 1,column 2", *ids) == ["column 1"]
    assert mobiles("column 1,column 2", "723456789,0722001101", "723456790,0722001102") == ["column 2"]


@pytest.mark.parametrize("name", ["Alternative number", "Other No.", "Second Number", "Alt. number"])
def test_a_further_number_is_a_telephone_where_telephones_are_in_it(name: str) -> None:
    assert mobiles(f"Name,Phone,{name}", "Mary,,0722001101", "John,0722001102,") == ["Phone", name]
    assert mobiles(f"Name,Phone,{name}", "Mary,0722001102,17") == ["Phone"]


def test_a_column_that_is_blank_at_first_is_judged_by_its_name() -> None:
    assert mobiles("Phone,Mobile", "0202012345,") == ["Mobile", "Phone"]
    assert mobiles("Phone,Mobile", "0722001101,N/A", "0722001102,-") == ["Mobile", "Phone"]
    assert mobiles("Phone,Mobile", "0722001101,21/03/2024") == ["Phone", "Mobile"]


@each("name", MOBILE_NAMES.split("|"))
def test_a_number_has_names_in_the_languages_of_the_regions(name: str) -> None:
    assert mobiles(f"No.,{name},Town", "1,0722001101,Nyeri") == [name]


@pytest.mark.parametrize("field", FIELD_NAMES)
def test_other_fields_have_such_names_too(field: str) -> None:
    for name in FIELD_NAMES[field].split("|"):
        assert used(f"{name},Phone")[name] == field, name


@pytest.mark.parametrize(
    "name",
    [
        *("Product Name", "Email Opt Out", "Email Status", "Branch Name", "Contact ID", "Blood Group", "Username"),
        *("Account Name Code", "City Code", "Company Type", "File Name", "Date of Birth", "Group Size"),
    ],
)
def test_what_is_no_field_is_not_taken_for_one(name: str) -> None:
    assert name not in used(f"{name},Phone")


def test_names_are_put_together_from_what_there_is() -> None:
    assert used("SURNAME,OTHER NAMES,PHONE") == {"SURNAME": "lname", "OTHER NAMES": "fname", "PHONE": "mobile"}
    assert used("First Name,Other Names,Phone") == {"First Name": "fname", "Other Names": "lname", "Phone": "mobile"}
    assert used("Nom,Prénom,Téléphone") == {"Nom": "lname", "Prénom": "fname", "Téléphone": "mobile"}
    assert used("Nom,Téléphone") == {"Nom": "name", "Téléphone": "mobile"}
    assert used("Jina,Simu", "Mary Njeri,0722001101") == {"Jina": "name", "Simu": "mobile"}
    assert used("Jina,Simu", "Mary,0722001101") == {"Jina": "fname", "Simu": "mobile"}
    assert used("Contact,Phone", "Mary Njeri,0722001101") == {"Contact": "name", "Phone": "mobile"}
    assert used("ስም,የአባት ስም,ስልክ") == {"ስም": "fname", "የአባት ስም": "mname", "ስልክ": "mobile"}


def test_the_label_of_a_number_is_found_by_the_name_of_its_column() -> None:
    header = "Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value,E-mail 1 - Type,E-mail 1 - Value"
    assert used(header) == {
        "Phone 1 - Type": "label",
        "Phone 1 - Value": "mobile",
        "Phone 2 - Type": "label.2",
        "Phone 2 - Value": "mobile.2",
        "E-mail 1 - Value": "email",
    }
    assert used("Phone,Phone Type") == {"Phone": "mobile", "Phone Type": "label"}


@given(
    header=st.lists(
        st.text(max_size=12) | st.sampled_from(["ስልክ ፩", "Phone ²", "(", "٣ هاتف", "Tel/", "№ 5"]), max_size=5
    ),
    rows=st.lists(st.lists(st.text(max_size=12) | st.integers() | st.none() | st.booleans(), max_size=6), max_size=6),
)
def test_no_table_is_too_strange_to_be_laid_out(header: list[str], rows: list[list[Cell]]) -> None:
    numbered = [(number, row) for number, row in enumerate([[*header], *rows], 1) if any(row)]
    table = find_table(numbered, options=TableOptions(), is_telephone=telephone_test("KE"))
    assert table.skipped <= len(numbered) and len(table.contents) == len(table.columns)
    with suppress(ValidationFailed):
        uses = match_columns(table.columns, given={}, contents=table.contents)
        fields = [
            use.field for use in uses if use.field is not None and not use.field.startswith(("opt_out", "accepts"))
        ]
        assert "mobile" in fields and len(fields) == len({*fields})
