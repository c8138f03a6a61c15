"""The settings of a project: each says what it does to whom, and what changes whom one reaches is asked twice."""

from __future__ import annotations

from daftari.model.projects import Cap, ConsentSettings
from daftari.model.time import current_time
from daftari.rules.access import projects
from daftari.store import Store
from tests.console.conftest import Everyone
from tests.support.browsers import FoundPage
from tests.support.clients import Client

HOSTILE = "<script>alert(1)</script>"


def at(everyone: Everyone) -> str:
    return f"/p/{everyone.shopify}/settings/consent"


def save(everyone: Everyone, **typed: str | list[str]) -> FoundPage:
    """What is shown after Asha changed these settings."""
    path = at(everyone)
    return everyone.asha.submit(everyone.asha.get(path), path, **typed)


def kept(store: Store) -> ConsentSettings:
    return store.system_read(0, projects.find_project, name="Shopify").consent


def test_saving_says_what_changed_and_the_log_who_changed_it(everyone: Everyone, store: Store) -> None:
    saved = save(
        everyone,
        quiet_hours="own",
        opens="09:00",
        closes="20:30",
        hours_zone="Africa/Kampala",
        marketing_messages="3",
        marketing_hours="24",
        opt_out_words="Toa, basi\nTOA",
    )
    assert "When marketing may be sent: as is usual in the country → 09:00-20:30 Africa/Kampala." in saved.text
    assert "How often one person may be sent something: no limit → marketing 3 in 24 hours." in saved.text
    assert kept(store) == ConsentSettings(
        quiet_hours="09:00-20:30 Africa/Kampala", opt_out_words=("toa", "basi"), caps={"marketing": Cap(3, 24)}
    )
    fields = dict(saved.form(at(everyone)).fields)
    assert [fields[name] for name in ("opens", "hours_zone", "marketing_hours")] == ["09:00", "Africa/Kampala", "24"]
    log = everyone.vic.get(f"/p/{everyone.shopify}/settings/log?kind=access")
    assert "Changed the settings: When marketing may be sent: as is usual in the country → 09:00-20:30" in log.text
    assert "Asha" in log.text
    assert "Nothing changed: it was so already." in save(everyone).text
    back = save(everyone, quiet_hours="usual", marketing_messages="", marketing_hours="", opt_out_words="")
    assert "marketing 3 in 24 hours → no limit." in back.text
    assert kept(store) == ConsentSettings()


def test_requiring_that_people_agreed_is_asked_twice_with_how_many_it_is_about(
    everyone: Everyone, ana: Client, store: Store
) -> None:
    numbers = [f"+25472516429{last}" for last in range(5)]
    ana.post("/v1/contacts", {"contacts": [{"mobile": mobile} for mobile in numbers]})
    ana.post("/v1/opt-ins", {"mobiles": [numbers[0], "+254725164999"], "source": "api"})
    ana.post("/v1/opt-ins", {"mobile": numbers[1], "channel": "sms", "source": "api"})
    ana.post("/v1/opt-outs", {"mobile": numbers[2]})
    asked = save(everyone, require_opt_in="yes", marketing_messages="2", marketing_hours="1")
    assert (asked.status, asked.heading) == (409, "Change whom you reach?")
    assert asked.title.startswith("Change whom you reach?"), "a question is no error"
    assert "Of 5 contacts, 3 did not agree to everything." in asked.text
    assert "Only who agreed: no → yes" in asked.text and "no limit → marketing 2 in 1 hour" in asked.text
    assert kept(store) == ConsentSettings()
    done = everyone.asha.submit(asked, at(everyone))
    assert "Saved, and it holds from now on." in done.text
    assert kept(store) == ConsentSettings(require_opt_in=True, caps={"marketing": Cap(2, 1)})
    asked = save(everyone, require_opt_in="no")
    assert "Of 5 contacts, 3 did not agree to everything. They may be messaged from then on" in asked.text
    everyone.asha.submit(asked, at(everyone))
    assert not kept(store).require_opt_in


def test_another_meaning_of_stop_is_asked_twice_and_holds_for_the_next_one(
    everyone: Everyone, ana: Client, store: Store
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0725164291"}]})
    asked = save(everyone, stop_scope="marketing", on_delete="removal")
    assert "It concerns 1 contact: who writes STOP from then on opts out of: marketing." in asked.text
    assert "it may be added again, and messaged" in asked.text
    everyone.asha.submit(asked, at(everyone))
    assert (kept(store).stop_scope, kept(store).on_delete) == ("marketing", "removal")
    # What was confirmed is not another change.
    asked = save(everyone, stop_scope="sender")
    assert everyone.asha.submit(asked, at(everyone), stop_scope="channel").status == 409
    assert kept(store).stop_scope == "marketing"


def test_settings_that_someone_else_changed_are_not_overwritten(everyone: Everyone, store: Store) -> None:
    page = everyone.asha.get(at(everyone))
    store.system_write(
        current_time(),
        projects.set_project,
        name="Shopify",
        region=None,
        on_error=None,
        consent={"quiet_hours": "off"},
    )
    late = everyone.asha.submit(page, at(everyone), help_words="aidez")
    assert (late.status, "Someone changed these settings meanwhile." in late.text) == (409, True)
    assert kept(store).help_words is None


def test_what_cannot_be_is_said_at_its_field(everyone: Everyone, store: Store) -> None:
    refused = save(everyone, quiet_hours="own", opens="08:00", closes="08:00")
    assert (refused.status, "Give a first and a last hour, such as 08:00 and 18:00." in refused.text) == (422, True)
    refused = save(everyone, marketing_messages="3")
    assert refused.attributes["marketing_hours"]["aria-invalid"] == "true"
    refused = save(everyone, marketing_messages="none", marketing_hours="10000")
    assert "This is no whole number from 1 on." in refused.text and "This is more than 9,999." in refused.text
    refused = save(everyone, opt_in_words="ndiyo, acha")
    assert "acha" in refused.text and "is a word that opts out, and that counts first." in refused.text
    assert "A word has at most 60 characters." in save(everyone, help_words="w" * 300).text
    assert "At most 100 words." in save(everyone, help_words=",".join(f"w{n}" for n in range(101))).text
    assert kept(store) == ConsentSettings()
    shown = save(everyone, help_words=f"{HOSTILE},\u202etxet")
    assert "<script>alert" not in shown.html and "script alert" in shown.text


def test_owners_alone_see_the_settings(everyone: Everyone) -> None:
    for browser in (everyone.ed, everyone.vic, everyone.kai):
        assert browser.get(at(everyone)).status in (403, 404)
    assert at(everyone) in everyone.asha.get(f"/p/{everyone.shopify}/settings/project").links


def test_contacts_are_found_by_the_attributes_that_an_owner_names(everyone: Everyone, store: Store) -> None:
    path = f"/p/{everyone.shopify}/settings/project"
    saved = everyone.asha.submit(everyone.asha.get(path), path, searchable="member_no, branch\nmember_no")
    assert "What else contacts are found by: nothing → \u2068member_no, branch\u2069." in saved.text
    assert store.system_read(0, projects.find_project, name="Shopify").searchable == ("member_no", "branch")
    refused = everyone.asha.submit(saved, path, searchable="a,b,c,d,e,f")
    assert (refused.status, "At most 5 attributes." in refused.text) == (422, True)
    assert "Nothing changed: it was so already." in everyone.asha.submit(everyone.asha.get(path), path).text
    assert "→ nothing." in everyone.asha.submit(saved, path, searchable="").text
