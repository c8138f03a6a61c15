"""Columns about consent are known by their names, with what they are about; those about e-mail and the rest are not."""

from __future__ import annotations

import pytest

from daftari.files.consent_columns import consent_field, names_time, read_consent_field
from tests.files.test_columns import used, wrong


@pytest.mark.parametrize(
    ("field", "names"),
    [
        (
            "opt_out",
            """DoNotCall;Do Not Call;do_not_contact;Unsubscribed;UNSUBSCRIBED;Opted Out;Opt-out;OptOut;Is Unsubscribed?
            DND
            Blocked;BLACKLIST;Stop;Stopped;Unsub time;Opted out at;Unsubscribe Date;Global Unsubscribe;Mobile Opt Out
            Désabonné;Ne pas appeler;Ne pas contacter;Não perturbe;Descadastrado;Bloqueado;No llamar;No contactar
            Not interested;Consent withdrawn;Withdrew consent;Consent revoked;Excluded;Does not want messages;No calls
            Refus;Liste noire;Ne souhaite plus recevoir;Pas de pub;Recusou;Não aceita;Rechaza;No quiere;Lista negra
            Asipigiwe;Ameomba kuondolewa;Hapokei;Unsubscribe reason;إلغاء الاشتراك;لا يريد رسائل;غير موافق;عدم الاتصال
            አይፈልግም;አትላክ;ከዝርዝር ወጥቷል;Nicht kontaktieren;DND (Yes/No)
            Dado de baja;Desuscrito;Amejiondoa;Usimpigie;Hataki;Ameondoka;Do not allow Phone Calls""",
        ),
        (
            "opt_out.sms",
            "SMS Opt Out;sms_opt_out;Opted Out of SMS;SMS_BLACKLISTED;SMS Opt-Out Date;Text Opt Out;STOP SMS",
        ),
        (
            "opt_out.marketing",
            "No marketing;No promotions;Objects to marketing;Declined marketing;No Offers",
        ),
        ("opt_out.sms", "No SMS;no_sms;Pas de SMS;SMS disabled;Exclude from SMS;Hataki SMS;Keine SMS;Don't SMS"),
        ("opt_out.whatsapp", "WhatsApp Opt-Out;Whats App unsubscribed"),
        ("opt_out.premium_sms", "Premium SMS opt out"),
        ("opt_out.sms.transactional", "Transactional SMS opt out"),
        (
            "accepts",
            """Contactable;Can be contacted;OK to call;Opt;Contact preference;Ruhusa;Anataka ujumbe;Accord
            Souhaite recevoir
            Deseja receber;Quiere recibir;موافق;يقبل الرسائل;ፈቃድ;ተስማምቷል;Opt in (Y/N);Want updates"""
            "\nConsent given;Opt In;Opted In;Subscribed;Ridhaa;Amekubali;Accepts SMS/WhatsApp;Autorizado;Permission",
        ),
        (
            "accepts.sms",
            "OK to text?;SMS allowed;SMS ok;SMS Notifications Enabled;Tumtumie SMS?;Reçoit SMS;SMS ok;"
            "SMS consent (Yes/No);"
            "SMS Consent;Accepts SMS;Consentement SMS;Acepta SMS;Aceita SMS;sms_opt_in_status;Text message opt-in",
        ),
        ("accepts.sms.marketing", "Bulk SMS;Accepts SMS Marketing;SMS Marketing Consent;SMS Marketing Status"),
        ("accepts.marketing", "Receive offers;Accepts Marketing;Marketing;Marketing Preferences;Aceita marketing"),
        ("status", "Status;STATUS;Contact Status;Statut;Estado;Hali;Number status"),
    ],
)
def test_a_column_about_consent_is_known_by_its_name(field: str, names: str) -> None:
    for name in (name.strip() for line in names.splitlines() for name in line.split(";")):
        assert consent_field(name) == field, name


@pytest.mark.parametrize(
    "names",
    [
        "Email Marketing;Accepts Email Marketing;HasOptedOutOfEmail;Unsubscribed from all email;Newsletter",
        "HasOptedOutOfFax;Do not allow Bulk Emails;Fax Opt Out;Direct Mail Opt Out;Push opt in",
        "Name;Phone;Mobile;SMS;WhatsApp;No;No.;Company;Donor;Donation;Notes;Town;State;Nickname;Text;Location;Labels",
        "Marital Status;Payment Status;Transaction Status;Order status;OPTIN_TIME;OPTIN_IP;CONFIRM_TIME;Consent date",
        "No. of SMS;No SMS sent;SMS count;Contacted;Last contact;No contact person;Loan declined",
        "Agreement;Meal preference;DOUBLE_OPT-IN",
        "Call back;Alert level;Received by;Ad name;Date received;Messages sent;Communication;Market;Product offers",
        "Subscriber;Subscriber Number;Subscription plan;Marketing Manager;Bus Stop;UNSUB_CAMPAIGN_TITLE;Stop list id",
    ],
)
def test_a_column_about_something_else_is_not(names: str) -> None:
    assert {name: field for name in names.split(";") if (field := consent_field(name)) is not None} == {}


def test_several_columns_may_be_about_consent_and_each_may_be_mapped() -> None:
    assert used("Phone,SMS Opt Out,DoNotCall,sijui,sijui tena", sijui="opt_out.whatsapp", sijui_tena="status") == {
        "Phone": "mobile",
        "SMS Opt Out": "opt_out.sms",
        "DoNotCall": "opt_out",
        "sijui": "opt_out.whatsapp",
        "sijui tena": "status",
    }
    assert used("Phone,SMS Opt Out,Status", Status="", SMS_Opt_Out="-") == {"Phone": "mobile"}
    assert "There is no field 'opt_out.fax'" in wrong("Phone,a", {"a": "opt_out.fax"})[0]


@pytest.mark.parametrize(
    "field", ["opt_out.sms.sms", "accepts.fax", "opt_out.sms.marketing.x", "consent", "opted_out", ""]
)
def test_a_field_that_names_no_channel_or_purpose_is_none(field: str) -> None:
    assert read_consent_field(field) is None


def test_a_column_is_called_after_the_time_of_an_opt_out_or_of_something_else() -> None:
    assert all(
        map(
            names_time,
            ("Date", "ts", "Opt-out time", "TIMESTAMP", "Tarehe", "Fecha", "When", "unsub_time", "Date/Time"),
        )
    )
    assert not any(
        map(names_time, ("Date of birth", "Created At", "Last updated at", "OPTIN_TIME", "Name", "Order date"))
    )


def test_the_channel_of_a_list_is_known_in_the_languages_of_the_regions() -> None:
    for name in ("Channel", "CANAL", "Canaux", "Njia"):
        assert used(f"Phone,{name}")[name] == "channel"
