"""Ordinary messages: none of them is taken for a refusal, which a person would have to read."""

from __future__ import annotations

from daftari.model.projects import ConsentSettings
from daftari.rules.consent.keywords import Reading, read_message
from tests.support.cases import each

ORDINARY = """
nonstop
It rained nonstop yesterday
Acha nikuambie kitu
acha niende nikachukue
wacha tuone kesho
Wacha niulize mama
acha aje kwanza
wacha nikuonyeshe
Acha nitume pesa kesho
Habari yako
Asante sana
Sawa
Ndio
Hapana
ndiyo nitakuja
Bei gani?
Mko wapi?
Nataka kuagiza mbegu mbili
Nimepokea mzigo asante
Naomba unitumie namba ya mpesa
nitumie pesa
usinitumie pesa leo
Nitatoka kazini saa kumi
nimetoka nyumbani
Ninatoka Kisumu
sitakuja kesho
Sitakosa kufika
Nimeacha ujumbe kwa ofisi
Watoto wanaacha shule
Mvua inanyesha
Duka linafunguliwa saa ngapi
nitumieni bei ya viatu
Mkulima anahitaji mbolea
Namba yangu ni 0722 503 129
Simu yangu imezimika
Niko interested
I am interested
very interested
Yes I'm interested in the loan
how much is it
step by step
The shop is closed
top up my line please
Shop
Step 2
Top
Is the shop open on Sunday?
SHOP
Please send me the price list
Please send me your number
Send me messages daily
I did not get the message
I didn't receive your text
My number is 0722000001
Change my number to 0733000002
This is my new number
Please update my number
call me
Call me tomorrow
Don't call the driver yet
don't worry
Don't forget to send the receipt
do not add sugar
I don't want sugar in mine
we don't need transport
I want to place an order
Add me to the list
Am on the list
Put me on your list
Who is this?
who are you
Where are you located?
where did you put my parcel
how did the meeting go
Thanks
No thanks
no
NO
Nope
No problem
Not now
not yet
Maybe later
ok
👍
🙏🙏
1
2
1A
100
50 bags
Confirmed
QWE12345 Confirmed. Ksh500 sent to JOHN DOE
Can I pay in two instalments?
no interest on the loan?
What is the interest rate
Is there an option for delivery
The best option is A
opting for the blue one
Option 2
we need more seeds
no more stock?
two more please
Good morning
Happy new year
Bonjour
Oui merci
je suis intéressé
Quel est le prix ?
J'ai reçu le colis
Quand arrivez-vous ?
Je vous envoie mon numéro
Obrigado
Sim
Qual o preço?
Quero comprar
Estou interessado
Para onde envio o dinheiro
Gracias
Sí quiero
Cuánto cuesta
Me interesa
Estoy interesada en el producto
para mañana por favor quiero dos
La planta baja del edificio tiene una tienda
مرحبا
شكرا
نعم
كم السعر
أريد الشراء
أنا مهتم
موقع المحل أين
ሰላም
አመሰግናለሁ
እሺ
እፈልጋለሁ
ዋጋው ስንት ነው
I left the office
I will leave at five tomorrow morning
The road block at Thika made me late
I live in block C near the market
Post office
spot on
Stockists near me
The stove is not working
store hours
Story yako ni gani
Storage space for rent
nimesoma message yenu asante
Endelea vivyo hivyo
weekend
Endorsed
The cancellation fee was refunded
quite good
Undescribed
I subscribed last week
Thank you for subscribing
describe the product
subscriber number 22
Sitting at the station
Tokaido express
Komarock estate
Komarov
Coma
my name is Pare
Soma ujumbe
Nisaidie
sina pesa leo
Siku njema
Kataa rushwa ni wajibu wetu sote
Mahali pa kupata mbolea
The data bundle has expired
my data is finished
Delete the second order and keep the first
please block two seats for the trip tomorrow
Exit 7 on the Thika road is closed today
Nataka kujiunga na kikundi
ninajitolea
toa maoni yako kuhusu mbegu mpya
Nimechoka na kazi leo
Nataka kutoa pesa kwa mpesa
stand
Stone
sat on a stool
Stella
Message received
No message received yet from you
I sent you a text message yesterday
Text me the price
Nimepata ujumbe wenu nashukuru
Sijapata sms ya mpesa
Tumepokea ujumbe wenu, tutakuja
Pole sana
Nitumie sms ukifika
usisahau kunitumia sms
Niko kwa stage
stage yetu ni Odeon
para mim
Para hoy
para quem?
vou sair
voy a salir tarde
toa pesa kwa mpesa
toa pesa
ondoa shaka
kata simu
futa meza
block 7
shop block
Exit 3
annual leave
Leave form
pesa inatosha
100 inatosha
presión baja
calidad baja
muy alto
chega hoje
arrêt de bus
arrêt maladie
retirer de l'argent
usitume pesa bado
لا أريد السكر في القهوة
شكرا خلاص تمام
sipendi chai ya tangawizi
nimeacha kazi
Naacha kazi kesho
acha niulize
wacha nimalizie
Wacha tu nione
acha tuone kesho
ni sawa tu
Nipo njiani
Mko na stock ya unga?
Soko la Wakulima
naomba kujua bei
Naomba msaada wa haraka
I will stand by
Do you have size 42?
Does it come in blue
I don't have money today
don't know
dont know yet
I don't want the blue one give me red
I'm not sure
not available today
not today
It is not working
What's the number for support
I gave you the wrong size
This is my number
my number changed to 0711222333
delete item 3 from my order
Drop me at the gate
take me to the office
get me two bags
who gave you the parcel
where did you keep it
Report to the office at 9
blocked drain at my shop
spam folder
The text is too small
Your message was received well
I enjoyed the message today, amen
Asante kwa ujumbe
Nimependa ujumbe wenu
nilitumiwa sms na benki
kutuma pesa ni shilingi ngapi
Nitumie message kesho
tuma sms
umenitumia pesa?
usisahau
msisahau mkutano
siko nyumbani
sina shida
si neno
Ni mimi
sijaelewa
sijui
niko sawa
Stephen
Stacy here
Steve
stamp
sto pesa
Sops manual
soup
strip
Stoa
Stoic
setup
unscrew the cap
Understood
unsure
UNICEF
Hello
Habari
Yes
I will come tomorrow
Nitumie bei ya mbegu
Naomba kujua bei ya mahindi
Nataka kujiunga
Nitumie mpesa
Usinitumie pesa kwa hii namba
wacha tuone
Acha niende
Wacha nikupigie
My number is 0722000000
I changed my number, new one is 0733000000
Please call me
niko kwa shop
Can you send me your price list
I want to buy
Merci beaucoup
Je veux commander
Oui
Non
Quel est le prix
Je suis interesse
Bonjour, vous etes ouverts?
Não
Quanto custa
Quero comprar para minha mãe
Bom dia
لا
ما هو السعر
اريد ان اشتري
أين موقعكم
لا شكرا
አይ
I am at the top of shop
natoka kesho
Is the delivery still on?
nilikuwa nimelala
Kwani ni lini
Send me your location
how much per kg
Amina
Mungu awabariki
My name is Stephen
exit 9
Delete the order from yesterday please
Where do I get off the bus?
This is great, not only good
what is the minimum order
ukinitumia nitafurahi
kama hamna shida nitakuja
Una duka wapi
tutaonana kesho
komboa
Kata umeme
futa hiyo order
Prescription info please
I'm not available today, call tomorrow
sina pesa
sina haja ya kuja
leo sipatikani
toa bei
ondoa sukari kwa order
don't send the driver yet
do not call now I'm in a meeting
please don't bother, I will collect
I want out of season mangoes
Starting when?
I am not sure
I'm not at home
I'm not around today
am not feeling well
I'm not able to come
I am not yet there
not me alone, also my wife
Niko njiani
kutoka Nairobi
natoka Kisumu
Natoka job saa kumi
nimetoka shambani
si mimi niko na shida
I don't want the red one, blue please
dont worry
don't forget to call
get off at the next stage
take me to the hospital
we want outdoor lights
my number is 0711000000
pas mal
pas de problème
ce n'est pas cher
não sou daqui
nao e caro
no soy de aqui
لا مشكلة
بطل العالم
يقر
ይቅርታ
si mbaya
sio mbaya
sio shida
ni sawa
hio si bei yake
namba yangu ni 0722
Je suis pas loin
pas mon genre
lost my phone
I lost my way
kwaheri
tutaongea
Kata miti
Good morning, any stock?
Asanteni kwa huduma
pesa imefika
nitalipa kesho
Jambo
Umefika?
Where is my parcel
I have paid
Nimelipa
confirm my booking
je suis là
à demain
quero saber o preço
tudo bem
أهلا
متى التوصيل
ስንት ሰዓት
እደውላለሁ
"""
"""Messages that are about something else."""


@each("text", ORDINARY.strip().splitlines())
def test_an_ordinary_message_troubles_no_person(text: str) -> None:
    for written in (text, text.upper(), f"{text}."):
        assert read_message(written, settings=ConsentSettings()) == Reading("nothing"), written
