"""Refusals in words of their own: which messages a person should read. See ``test_ordinary_messages`` too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.limits import MESSAGE_READ_MAX
from daftari.model.projects import ConsentSettings
from daftari.rules.consent.keywords import Reading, plain_words, read_message
from daftari.rules.consent.refusals import find_refusal
from tests.support.cases import each

DEFAULTS = ConsentSettings()

REFUSALS = """
ACHA
Wacha
Wacha kunitumia sms
acha kunitumia hizi jumbe
Acha kunisumbua
Acheni kutuma sms
wacheni
tafadhali acha
Wacha tafadhali
Sitaki
SITAKI!!
sitaki sms zenu
Mimi sitaki tena
Sitaki kupokea ujumbe kutoka kwenu tena
staki
Hatutaki
sipendi hizi messages
sihitaji matangazo yenu
Usinitumie
usinitumie sms tena tafadhali
Msinitumie ujumbe
Usitume
usitume tena message
msitume matangazo hapa
Niondoe
Niondoe kwa list
mniondoe kwenye orodha yenu
niondoeni
Nataka kujiondoa
nimejitoa
nataka kujitoa kwa hii group
ondoa namba yangu
Futa namba yangu
toa number yangu kwa system yenu
Simamisha
simamisha sms
Simamisheni
Koma
Koma kunitumia ujumbe
komesha
sitisha
Sitisheni ujumbe
inatosha sasa
Niache
niacheni
achana na mimi
mnanisumbua sana
umekosea namba
namba si yangu
sikujisajili
siko interested
msinisumbue
arrêt
ARRET
arrêtez svp
arrêtez de m'envoyer des messages
désabonner
Me désabonner
désinscription
se désinscrire
Supprimez mon numéro
retirez-moi de la liste
Ne m'envoyez plus de SMS
je ne veux plus recevoir vos messages
pas intéressé
Ça ne m'intéresse pas
mauvais numéro
faux numero
annuler
plus de pub
laissez-moi tranquille
توقف
توقفوا
قف
وقف
أوقف الرسائل
إيقاف
إلغاء
إلغاء الاشتراك
الغاء الاشتراك من فضلك
لا ترسل لي رسائل
لا ترسلوا
لا تراسلني
لا أريد
لا أرغب في استلام الرسائل
غير مهتم
مش مهتم
رقم خاطئ
الرقم غلط
احذف رقمي
امسحوا رقمي
كفى
خروج
مش عايز رسايل
አቁም
አቁሙ
መልእክት አቁሙ
እባክዎ አቁሙልኝ
አልፈልግም
አትላኩልኝ
አትላክ
ሰርዙኝ
አስወግዱኝ
የተሳሳተ ቁጥር
ተወኝ
በቃ
PARE
Pare de me enviar mensagens
parar
SAIR
quero sair
remover
cancelar
Não quero mais
não me envie mais mensagens
não mande mais
Não tenho interesse
número errado
descadastrar
me remova da lista
BAJA
darme de baja
dar de baja por favor
cancelar suscripción
no quiero más mensajes
No me envíen más
dejen de enviarme mensajes
no me interesa
numero equivocado
eliminar mi numero
bórrame
basta
salir
delete my number
Delete my number please
delete me from your list
erase my details
wrong number
Wrong person
sorry wrong no
Not interested
am not intrested
No longer interested
I'm not interested, thanks
Opt me out
please opt me out of this
opt us out
un-subscribe me
un subscribe
I wish to un-subscribe
unsubscribe me
Do not send me messages
don't text me
dont message me again
Don't send such messages
pls dont disturb me
I don't want these messages
we dont want your promotions
no more messages please
No more
take me off your list
take my number off
leave me alone
who gave you my number?
Where did you get my number from
I never subscribed to this
I did not sign up for this
you are disturbing me
this is spam
I will report you
exit
block
delete
enough
ST0P
5TOP
Stp
Sotp
STPO
tsop
syop
stip
STOOOP
st*p
s t o p
Stp sending me messages
please stp
pls st0p
ST0P sending
Stpo texting me
UNSUSCRIBE
unsubcribe
unsubscrib
Unsuscribe me
i want to unsubcribe
UN5UBSCRIBE
unsubsribe
usubscribe
REMOVE ME
remove my number
please remove me from this list
cancel
🛑
jooji
hagarika
stopp
stopit
Kindly cancel my subscription
Msinitumie tena
usinitumie tena msg
Nimechoka na sms zenu
Toeni namba yangu
Ondoa
Jiondoe
ondoa mimi
achana nami
Naomba msinitumie sms
naomba mnitoe
No sms please
stop it
Don't contact me
Please don't message me
Dont send
do not send
Do not send anymore
Quit texting
Lose my number
unsbscribe
Unscribe
Stoppez
ne plus recevoir
Je ne suis pas intéressé
supprimer
supprimer mon numero
retirer
désinscris-moi
أوقفوا الرسائل
لا تتصل بي
ارجو حذف رقمي
رقم خطأ
لا اريد رسائل
መልእክት አይላኩልኝ
አልፈልግም መልእክት
Quero cancelar
Não envie mais
Não quero
apague meu número
apagar meu numero
Deixe de enviar
no quiero
Quítame de la lista
déjame en paz
No me escriban
dejame en paz
please remove my contact
not intersted
not interested anymore
uninterested
This is the wrong number
You have the wrong number
u have a wrong number
delete this number
delete number
delete my contacts
Delete my data
stop.
stoop
sitaki kabisa
Sitaki tena hizi
sitaki mkopo
cancel subscription
Unsubcribe
nijitoe
toa
toa mimi
Don't text
dont call or text me again
usinipigie tena
wacheni kunitumia
wacha hii
kuacha
ACHENI
Arreter
ARRETER
stopper
STOP SMS
S.T.O.P
OPT-ME-OUT
optmeout
opt me out please
opted out
Please unsubscribe me
I unsubscribe
desuscribirme
Desuscribir
no molestar
no más
no mas mensajes
Cancelar
cancela
NO MORE MSGS
wrong no.
wrong number!!
wrongnumber
notinterested
deletemynumber
sitaki hizo
Sitaki kusumbuliwa
nataka kuacha kupokea sms
Arrêt
arrête les sms
Delete pls
leave
em favor parem
para de mandar mensagem
quiero salir
baja por favor
لا أريد هذه الرسائل بعد الآن
usitume sms
msitume tena
acha sms
futa
Wrong number bro
not interested bro
stop it pls
nitoe kwenye hii group yenu
Kwa nini mnanitumia sms, niondoeni
Who are you and where did you get my contact
pls remove
i do not want this sms
dont want messages
Mbona mnanisumbua na meseji?
hatutaki ujumbe wenu
STOP!!!!!!
sotp
stop pls
não sou eu
take my name off
i want out
Cease and desist
this is not Mary's number
I am not Mary
sio namba yangu
si mimi
number si ya Mary
wachana na mimi
siitaji hizi sms
katisha huduma
c'est pas moi
não sou a Maria
بطل تبعتلي
እንዳትልኩልኝ
ይቅር
ይብቃ
I don't want this
dont want
mnasumbua sana
take me out
take me out of this group
stahp
I no longer want these messages
no longer want to receive
this number is not for Mary
You're texting the wrong guy
this phone belongs to someone else
I'm not the owner of this number
am not Juma
not juma's number
discontinue service
please unlist me
delist me
exclude me
count me out
kick me out
no txt
sitaki hizi vitu
sitaki mambo zenu
msiniandikie
usinipigie simu tena
nitoleeni
nimetoka kwa group
natoka kwa hii group
nataka kutoka
nataka kutoka kwa group
hii si number yangu
hii namba sio ya Juma
umepata namba isiyo sahihi
mmekosea
wrong namba
kosea namba
msitume kitu
mbona mnanitumia message
nani alikupa number yangu
je ne veux plus de vos messages
veuillez me retirer
ce numéro n'est pas à Paul
ce n'est pas mon numéro
je ne suis pas Paul
vous vous êtes trompé de personne
fichez-moi la paix
parem com isso
quero sair da lista
exclua meu cadastro
cancele minha inscrição
não autorizo
esse número não é da Maria
não conheço Maria
para com isso
sai fora
me deixa em paz
retirar
هذا ليس رقمي
هذا مو رقم محمد
انا لست محمد
غلطان بالرقم
ازعاج
كفى رسائل
ከዚህ ዝርዝር አስወጡኝ
ቁጥሬን አጥፉ
እኔ አይደለሁም
የተሳሳተ ስልክ
"""
"""Messages of people who want no more messages, one a line."""


@each("text", REFUSALS.strip().splitlines())
def test_a_refusal_opts_out_or_is_listed_for_review(text: str) -> None:
    for written in (text, text.upper(), f"  {text} !", f"{text} 🙏"):
        reading = read_message(written, settings=DEFAULTS)
        assert reading.meaning in ("opt_out", "review"), written
        assert reading.meaning == "opt_out" or reading.why


@pytest.mark.parametrize("text", ["ACHA", "Wacha.", "a.c.h.a", "acha!"])
def test_acha_and_wacha_alone_are_opt_outs(text: str) -> None:
    assert read_message(text, settings=DEFAULTS) == Reading("opt_out")


@pytest.mark.parametrize("text", ["Sitaki", "arrêt", "توقف", "አቁም", "wrong number", "ST0P", "Stp", "🛑"])
def test_a_refusal_that_is_no_keyword_only_waits_for_review(text: str) -> None:
    assert read_message(text, settings=DEFAULTS).meaning == "review"


def test_unsubscribe_in_two_pieces_is_one_word() -> None:
    assert read_message("un-subscribe me", settings=DEFAULTS).meaning == "opt_out"
    assert read_message("I will un subscribe", settings=DEFAULTS).meaning == "review"


def test_a_project_with_words_of_its_own_reviews_the_swahili_ones() -> None:
    own = ConsentSettings(opt_out_words=("sitisha",))
    for text in ("ACHA", "wacha", "ondoka", "toka"):
        assert read_message(text, settings=own).meaning == "review"


def test_marks_on_letters_make_no_difference() -> None:
    for text in ("tawaqquf", "تَوَقَّف", "توقـــف", "DÉSABONNER", "desabonner"):
        assert bool(find_refusal(plain_words(text), written=text)) is (text != "tawaqquf")


@given(st.text())
def test_no_text_is_too_strange_to_look_for_a_refusal(text: str) -> None:
    assert isinstance(find_refusal(plain_words(text), written=text), str)


def test_a_long_message_is_read_in_short_time() -> None:
    for text in ("opt me " * 50_000, "a" * 300_000, "unsubscribe" * 20_000, "no me envi" * 30_000, "s t " * 70_000):
        read_message(f"hello {text}", settings=DEFAULTS)
    for text in ("\ufdfa" * 300_000, "do not " * 150_000, "\u0301" * 500_000):
        assert read_message(text, settings=DEFAULTS).meaning == "review"


def test_a_message_that_is_too_long_to_be_read_is_for_a_person_unless_it_begins_as_a_stop() -> None:
    rest = " please" * MESSAGE_READ_MAX
    long = Reading("review", why=f"is longer than {MESSAGE_READ_MAX} characters")
    assert read_message(f"habari{rest}", settings=DEFAULTS) == long
    assert read_message("start" + " " * MESSAGE_READ_MAX + "stop", settings=DEFAULTS) == long
    assert read_message(f"STOPALL{rest}", settings=DEFAULTS).meaning == "opt_out"
