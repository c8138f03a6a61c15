"""Reading a mobile: the rule by example, by property, and the fast path against the library."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daftari import mobile
from daftari.errors import BadSettings
from daftari.model.limits import MOBILE_TEXT_MAX
from tests.support import numbers

HOMES = ("KE", "UG", "TZ", "NG", "US", "GB", "IT", "AR", "BR", "MX", "DE", "CI", "RU", "CA", "GG", "AU", "JP", "CD")
REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
TYPES = tuple(phonenumbers.PhoneNumberType.values())
SEED = 20240321
LIBRARY_COMPARED_EACH = 5
"""Of so many numbers that the fast path leaves to the library, one is compared; a prime, so that every form is."""


Outcome = int | tuple[int, int] | None
"""A number, or two where the digits have two readings, or none."""


def outcome(read: mobile.Reader, written: mobile.Written) -> Outcome:
    try:
        return read(written)
    except mobile.AmbiguousMobile as error:
        return error.number, error.digits
    except mobile.UnreadableMobile:
        return None


# ---- by example -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "+254 725 164293",
        "+254725164293",
        "0725164293",
        "0725-164-293",
        "725164293",
        "00254725164293",
        "00 254 (0)725 164 293",
        "000254725164293",
        "254725164293",
        "2540725164293",
        "(0725) 164.293",
        "0725/164293",
        "\uff0b254725164293",
        "\u202a+254\u00a0725\u2011164\u2013293\u202c",
        "\ufeff0725\u200b164293\n",
        "０７２５１６４２９３",
        "٠٧٢٥١٦٤٢٩٣",
        "+٢٥٤ ७२५ 164293",
        254725164293,
        725164293,
    ],
)
def test_every_spelling_of_a_number_is_that_number(written: str | int) -> None:
    assert mobile.reader_for("KE")(written) == 254725164293


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("KE", "0722-503-129", 254722503129),
        ("KE", "256772123456", 256772123456),  # no Kenyan number, a Ugandan one with + before it
        ("UG", "0772123456", 256772123456),
        ("KE", "020 2012345", 254202012345),  # a fixed line is a number too
        ("KE", "+1 202 555 0100", 12025550100),
        ("KE", "+254 999 999 999", 254999999999),  # as long as every Kenyan mobile: perhaps a new range
        ("KE", "254999999999", 254999999999),
        ("KE", "254725164293.0", 254725164293),
        ("KE", "0725164293.00", 254725164293),
        ("KE", 254725164293.0, 254725164293),
        ("KE", "2.54725164293E+11", 254725164293),
        ("KE", "2,54725164293e11", 254725164293),
        ("KE", "'0725164293", 254725164293),
        ("KE", "+52 1 55 1234 5678", 525512345678),
        ("DE", "5215512345678", 525512345678),
        ("MX", "5215512345678", 525512345678),
        ("KE", "+551181234567", 5511981234567),
        ("BR", "551181234567", 5511981234567),
        ("KE", "+55 11 7123 4567", 551171234567),  # valid with eight digits still
        ("KE", "+54 11 2345 6789", 541123456789),
        ("KE", "+54 9 11 2345 6789", 5491123456789),
        ("KE", "+54 011 15 2345 6789", 5491123456789),
        ("AR", "011 15 2345 6789", 5491123456789),
        ("KE", "5401115 2345 6789", 5491123456789),
        ("KE", "+225 07 12 34 56", 2250707123456),
        ("KE", "+225 44 12 34 56", 2250544123456),
        ("CI", "71 12 34 56", 2250171123456),
        ("KE", "+225 20 21 22 23", 2252720212223),
        ("US", "202 555 0100", 12025550100),
        ("US", "1 (202) 555-0100", 12025550100),
        ("US", "00254725164293", 254725164293),  # 00 is international anywhere
        ("US", "011 254 725 164293", 254725164293),  # and so is the region's own way
        ("AU", "0011 65 8123 4567", 6581234567),
        ("GB", "+44 (0)20 7946 0018", 442079460018),
        ("IT", "06 6982 0001", 390669820001),  # an Italian 0 belongs to the number
        ("DE", "4915123456789", 4915123456789),  # valid as a longer German number too
        ("ID", "62812345678", 62812345678),
        ("CI", "07 12 34 56 78", 2250712345678),
    ],
)
def test_the_rule_by_example(region: str, written: mobile.Written, number: int) -> None:
    assert mobile.reader_for(region)(written) == number


@pytest.mark.parametrize(
    ("region", "written"),
    [
        ("UG", "1234567"),  # only a local number: it needs an area code first
        ("KE", "1234567890123456"),
        ("KE", "+1234567890123456"),
        ("KE", "+4912345678901234"),
        ("KE", ""),
        ("KE", "   "),
        ("KE", "+"),
        ("KE", "++254725164293"),
        ("KE", "254+725164293"),
        ("KE", "0725164293 ext. 5"),
        ("KE", "0725164293x5"),
        ("KE", "0725164293#5"),
        ("KE", "0725164293;ext=5"),
        ("KE", "0725164293,5"),
        ("KE", "tel:+254725164293"),
        ("KE", "1-800-FLOWERS"),
        ("KE", "O725164293"),
        ("KE", "0725164293\x00"),
        ("KE", "\ud800"),
        ("KE", "07²5164293"),
        ("KE", "+999 725164293"),
        ("KE", "000000000"),
        ("KE", "0725164293" + " " * MOBILE_TEXT_MAX),
        ("KE", "0" * 1_000_000),
        ("KE", "0999999999"),
        ("KE", "1234567"),
        ("KE", 254725164293.5),
        ("KE", float("inf")),
        ("KE", "21/03/2024"),
        ("DK", "2024-03-21"),  # its digits are a Danish mobile
        ("DK", "2024-03-21T07:06:37"),
        ("DE", "+4915112345"),
        ("AU", "+6141234567"),
        ("KE", "+52 1 00 0000 0000"),
        ("KE", True),
        ("KE", False),
        ("KE", 0),
        ("KE", -254725164293),
        pytest.param("KE", 10**5000, id="more digits than Python will write"),
    ],
)
def test_what_is_no_number_is_refused(region: str, written: str | int) -> None:
    with pytest.raises(mobile.UnreadableMobile) as refused:
        mobile.reader_for(region)(written)
    assert re.fullmatch(r"is not a telephone number: .*; write it like \+\d+\.", str(refused.value))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("072516429", "'072516429' is too short: mobiles have 9 digits after 254, and this has 8"),
        ("07251642930", "is too long: mobiles have 9 digits after 254, and this has 10"),
        ("25472516429", "is too short: mobiles have 9 digits after 254, and this has 8"),
        ("2547220004", "is too short: mobiles have 9 digits after 254, and this has 7"),
        ("+2547251642930", "is too long: mobiles have 9 digits after 254, and this has 10"),
        ("+4912345", "mobiles have 10 or 11 digits after 49, and this has 5"),
        ("23456789", "'23456789' is too short"),
        ("0999999999", "is no number that is in use after 254"),
        ("21/03/2024", "'21/03/2024' is a date"),
        ("2024-03-21 07:06", "is a date"),
        ("21.3.24", "is a date"),
        ("0725***293", "is masked"),
        ("0725XXX293", "is masked"),
        ("0725164293/0733000000", "holds two numbers"),
        ("0725164293 or 0733000000", "holds two numbers"),
        ("0725164293 ::: 0733000000", "holds two numbers"),
        ("0725164293\n0733000000, 0711000000", "holds 3 numbers"),
        ("2.547E+11", "was shortened by a spreadsheet: its last digits are lost"),
        ("O725164293", "holds letters"),
        ("0725164293 ext. 5", "holds letters"),
        ("0725164293#5", "holds signs that no number has"),
        ("n/a", "'n/a' has no digits"),
        ("+999725164293", "begins with the code of no country"),
        (-1, "a sign, a fraction or too many digits"),
        ("7" * 65, "longer than 64 characters"),
        ("x\u202e1" + "y" * 40, "'x\ufffd1" + "y" * 36 + "…' holds letters"),
    ],
)
def test_a_refusal_says_what_was_written_and_what_is_wrong_with_it(written: str | int, said: str) -> None:
    with pytest.raises(mobile.UnreadableMobile) as refused:
        mobile.reader_for("KE")(written)
    assert said in str(refused.value) and str(refused.value).endswith("; write it like +254712123456.")


def test_the_example_in_a_refusal_is_a_number_of_the_region() -> None:
    for region in REGIONS:
        example = mobile.example_number(region)
        assert mobile.reader_for(region)(example) == int(example)


def test_regions() -> None:
    assert mobile.is_region("KE")
    assert not any(map(mobile.is_region, ("ke", "XX", "", "001", "KEN")))
    assert mobile.reader_for("KE") is mobile.reader_for("KE")
    with pytest.raises(BadSettings):
        mobile.reader_for("XX")


# ---- by property ------------------------------------------------------------------------------------

homes = st.sampled_from(REGIONS)
texts = st.text(st.characters(exclude_categories=()), max_size=80) | st.text("0123456789+ -()./x\u200e٣", max_size=24)


@settings(max_examples=1500, deadline=None)
@given(homes, texts | st.integers() | st.integers(0, 10**16) | st.booleans() | st.floats())
@example("KE", "0" * 64)
@example("KE", 10**4300)
def test_whatever_is_written_is_a_number_that_reads_as_itself_or_is_refused(
    region: str, written: mobile.Written
) -> None:
    found = outcome(mobile.reader_for(region), written)
    for number in found if isinstance(found, tuple) else () if found is None else (found,):
        assert len(str(number)) <= mobile.E164_DIGITS_MAX
        assert {mobile.reader_for(home)(f"+{number}") for home in ("KE", "US", region)} == {number}


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, 99_999_999), st.lists(st.sampled_from(" \u00a0-\u2013.()/\u200e\u2066"), min_size=14, max_size=14)
)
def test_spellings_of_one_number_give_one_number(rest: int, separators: list[str]) -> None:
    national = f"7{rest:08d}"
    number = int(f"254{national}")
    read = mobile.reader_for("KE")
    for start in ("", "0", "254", "+254", "00254", "\uff0b254"):
        spelt = "".join(map("".join, zip(start + national, separators, strict=False)))
        assert read(start + national) == read(spelt) == number


# ---- the fast path against the library --------------------------------------------------------------


def mutated(chance: random.Random, digits: str) -> str:
    """The same start and often the same length: near enough to a real number to fall on either side of a rule."""
    kept = chance.randint(0, len(digits))
    length = len(digits) + chance.choice((0, 0, 0, 0, -1, 1))
    return digits[:kept] + "".join(chance.choices("0123456789", k=max(0, length - kept)))


def national_numbers(chance: random.Random, region: str, *, each: int) -> Iterator[str]:
    """All kinds of numbers of a region, near misses of them, and twice as many mobiles."""
    for kind in TYPES:
        if found := phonenumbers.example_number_for_type(region, kind):
            digits = phonenumbers.national_significant_number(found)
            yield digits
            yield from (mutated(chance, digits) for _ in range(each))
    if found := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE):
        digits = phonenumbers.national_significant_number(found)
        for start in (digits[:2], digits[:3], digits[:3], digits[:4], str(found.country_code)):
            for _ in range(2 * each):
                yield start + "".join(chance.choices("0123456789", k=len(digits) - len(start)))


def forms(region: str, national: str) -> tuple[str, ...]:
    code = phonenumbers.country_code_for_region(region)
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or "0"
    return (
        f"+{code}{national}",
        f"00{code}{national}",
        f"{code}{national}",
        f"{trunk}{national}",
        national,
        f"{code}{trunk}{national}",
        f"0{trunk}{national}",
    )


def spelt(chance: random.Random, digits: str) -> str:
    if chance.random() < 0.7:
        return digits
    at = chance.randint(1, len(digits))
    return digits[:at] + chance.choice((" ", "-", " (", ".", "\u00a0", "\u200e")) + digits[at:]


def own_numbers(regions: tuple[str, ...], *, each: int) -> Iterator[tuple[str, str]]:
    """These regions' numbers of all kinds, as written at home."""
    chance = random.Random(SEED)
    for region in regions:
        for national in national_numbers(chance, region, each=each):
            for form in forms(region, national):
                yield region, spelt(chance, form)


def foreign_numbers(*, each: int) -> Iterator[tuple[str, str]]:
    """Every region's numbers, as written in another one."""
    chance = random.Random(SEED + 1)
    for region in REGIONS:
        for national in national_numbers(chance, region, each=each):
            yield chance.choice(HOMES), spelt(chance, chance.choice(forms(region, national)))


def random_digits(*, each: int) -> Iterator[tuple[str, str]]:
    """Digits of 5 to 17, alone and behind everything that begins a number at home."""
    chance = random.Random(SEED + 2)
    for region in HOMES:
        for _ in range(each):
            national = "".join(chance.choices("0123456789", k=chance.randint(5, 17)))
            yield region, spelt(chance, chance.choice(forms(region, national)))


def differences(
    written: Iterable[tuple[str, str]], patterns: dict[str, re.Pattern[str] | None]
) -> tuple[int, int, list[tuple[str, str, Outcome, Outcome]]]:
    """How many were written, how many of them the fast path answered, and where it was wrong.

    What it does not answer goes to the library either way, which costs most and shows least: some of it is compared.
    """
    readers = {region: mobile.reader_with(pattern, region) for region, pattern in patterns.items()}
    given = fast = 0
    wrong = []
    for region, text in written:
        given += 1
        pattern = patterns[region]
        is_fast = pattern is not None and pattern.match(mobile.as_typed(text) or "") is not None
        fast += is_fast
        if is_fast or given % LIBRARY_COMPARED_EACH == 0:
            got, right = outcome(readers[region], text), outcome(mobile.reader_with(None, region), text)
            if got != right:
                wrong.append((region, text, got, right))
    return given, fast, wrong


@pytest.mark.parametrize(
    ("written", "given_min", "fast_min"),
    [
        (lambda: own_numbers(REGIONS, each=4), 100_000, 30_000),
        (lambda: foreign_numbers(each=6), 15_000, 150),
        (lambda: random_digits(each=1_000), 15_000, 50),
    ],
    ids=["at home", "abroad", "any digits"],
)
def test_the_fast_path_answers_as_the_library(
    written: Callable[[], Iterator[tuple[str, str]]], given_min: int, fast_min: int
) -> None:
    given_count, fast, wrong = differences(written(), {region: mobile.fast_pattern(region) for region in REGIONS})
    assert wrong == []
    assert given_count >= given_min
    assert fast >= fast_min


@pytest.mark.parametrize(
    "broken",
    [
        lambda pattern: pattern.replace(r"\Z", ""),
        lambda pattern: pattern.replace("(?>", r"(?:\d|"),
        lambda pattern: re.sub(r"\(\?P<nsn>.*", r"(?P<nsn>\\d{7,10})\\Z", pattern),
    ],
    ids=["the end is not looked at", "any digit is a trunk prefix", "any digits are a mobile"],
)
def test_a_broken_fast_path_is_caught(broken: Callable[[str], str]) -> None:
    patterns = {region: mobile.fast_pattern(region) for region in HOMES}
    broken_patterns = {
        region: pattern and re.compile(broken(pattern.pattern), re.ASCII) for region, pattern in patterns.items()
    }
    assert differences(own_numbers(HOMES, each=2), broken_patterns)[2]


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        (254722000001, "722000001"),
        (26771234567, "71234567"),
        (14155550100, "155550100"),
        (5511981234567, "81234567"),
        (2250707123456, "07123456"),
        (5492966123456, "123456"),
    ],
)
def test_a_number_is_found_in_a_text_by_digits_that_every_spelling_has(number: int, digits: str) -> None:
    assert mobile.national_digits(number) == digits


# ---- every number reads back, and a slip does not --------------------------------------------------------


@pytest.mark.parametrize("home", HOMES)
def test_what_an_answer_has_is_read_as_itself_or_is_looked_up(home: str) -> None:
    read = mobile.reader_for(home)
    for digits in numbers.storable():
        number = int(digits)
        assert read(f"+{digits}") == read(f"00{digits}") == mobile.own_form_reader(home)(digits) == number
        found = outcome(read, digits)
        assert found == number or (isinstance(found, tuple) and found[1] == number and found[0] != number)


@settings(max_examples=1500, deadline=None)
@given(homes, homes, st.integers(0, 10**14), st.integers(4, 14))
def test_any_digits_that_may_be_kept_read_back(home: str, region: str, national: int, length: int) -> None:
    digits = mobile.country_code(region) + str(national).zfill(length)[:length]
    if outcome(mobile.reader_for(home), f"+{digits}") != int(digits):
        return
    found = outcome(mobile.reader_for(home), digits)
    assert found == int(digits) or (isinstance(found, tuple) and found[1] == int(digits))
    assert mobile.own_form_reader(home)(digits) == int(digits)


def test_a_digit_missing_or_added_is_refused_wherever_mobiles_have_one_length() -> None:
    tried = 0
    for region, digits in numbers.examples(phonenumbers.PhoneNumberType.MOBILE):
        code = int(mobile.country_code(region))
        if len(numbers.lengths_of_mobiles(code)) != 1:
            continue
        read, has_trunk = mobile.reader_for(region), phonenumbers.ndd_prefix_for_region(region, True) == "0"
        for wrong in numbers.one_digit_off(digits, code=code):
            national = wrong.removeprefix(str(code))
            at_home = [f"0{national}"] if has_trunk and not national.startswith("0") else []
            for written in (f"+{wrong}", f"00{wrong}", wrong, *at_home):
                found = outcome(read, written)
                for number in found if isinstance(found, tuple) else () if found is None else (found,):
                    # It may be another valid number, of this country or abroad; by its length alone it is none.
                    assert numbers.is_valid(str(number)), (region, written, number)
                tried += 1
    assert tried > 30_000


def test_a_number_by_its_length_alone_is_taken_only_where_mobiles_have_one() -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for length in range(4, 15 - len(str(code))):
            digits = f"{code}{'9' * length}"
            if outcome(mobile.reader_for("KE"), f"+{digits}") == int(digits) and not numbers.is_valid(digits):
                assert numbers.lengths_of_mobiles(code) == {length}
