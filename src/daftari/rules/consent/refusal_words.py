"""The words in which people refuse messages, by language, as patterns: one a line, of plain words without accents.

What is done with a message that has them is in ``refusals``. No code.
"""

from __future__ import annotations

CLEAR = r"""
# English
wrong ?(number|person|no|num|contact|phone)
not my (number|phone)
(not|un|no longer) ?int(er|r|re|err)+?e?s?ted
(delete|erase|forget|unregister|deregister|deactivate) (me|us)|(delete|erase) number
(delete|erase|clear|drop|lose|unregister|deactivate) ?(my|this|our) ?(\w+ )?(number|no|num|contacts?|line)
(delete|erase|clear|deactivate) (my|our) (\w+ ){0,2}(details|data|info\w*|names?|phone|records?|subscription)
(take|get|pull) (me|us|my number|this number|my contact) off
off (your|this|the|ur) (\w+ )?list
opt(ed|ing)? (\w+ ){0,2}out|optmeout
(do not|don ?t|dnt|never) (\w+ )?(send|text|txt|message|msg|sms|contact|disturb|spam|bother|email) (me|us)
(do not|don ?t|dnt) (\w+ )?(send|text|txt|message|msg|sms|contact|disturb|spam|bother) (\w+ ){0,3}(again|any ?more)
(do not|don ?t|dnt) (\w+ )?send (\w+ ){0,2}(messages?|msgs?|sms|texts?|such|this number)
(do not|don ?t|dnt) call or text
(do not|don ?t|dnt) call (me|us|this number) (again|any ?more|ever)
(do not|don ?t|dnt) (want|need|wish) (\w+ ){0,4}(messages?|msgs?|sms|texts?|ads|adverts|promos?|promotions?)
no more (of )?(\w+ )?(messages?|msgs?|sms|texts?|ads|adverts|promos?|promotions?|spam)
^(please )?no (sms|texts?|msgs?|messages?)( please| pls| thanks)?$
do not disturb|leave (me|us) alone|(disturbing|bothering|spamming|harassing|pestering) (me|us)|(this|it) is spam
(who gave|where did|how did) (\w+ ){1,3}(my|this) (number|contact|no)
(never|did not|didn ?t|have not|haven ?t) (subscrib\w*|sign(ed)? up|consent\w*|opt(ed)? in)
withdraw (my )?consent|(block|blocking|report|reporting) (you|this number)
(pls|plz|please|pliz|kindly)stop

# Swahili
(u|m)si(ni|tu)tumi(e|eni|ane)?(?! (\w+ )?(pesa|hela|mpesa|ganji|doo))
(u|m)si(ni|tu)(text\w*|sumbu\w+|spam\w*)
(u|m)situm(e|eni) (\w+ )?(sms|text\w*|message\w*|msgs?|meseji|ujumbe|jumbe|matangazo)
m?(ni|tu)ondoe(ni)?|m?(ni|tu)toe(ni)? (kwa|kwenye|katika|hapo)
(futa|futeni|ondoa|ondoeni|toa|toeni|mtoe) (hii |hiyo )?(namba|nambari|number|simu|jina|contact) (yangu|langu|hii|yetu)
(ku|na|nime|ni|nta|nita)ji(to|ondo)[ae]
(wa|a)cha ku(ni|tu)?(tum|text|pig|sumbu|spam|andik|call)\w*|(wa|a)cheni|m?(ni|tu)ache(ni)?
achan(a|eni) na ?(mi|mimi|si|sisi)|(u|m)na(ni|tu)sumbu\w+
(u|m)mekose\w* (namba|nambari|number)|(namba|nambari|number) (hii )?(si|sio|siyo) (yangu|yake|sahihi)
(ni|tu)mechok\w+ na (sms|ujumbe|jumbe|messages?|msgs?|meseji)
si(ja|ku)(jisajili|jiunga)\w*|(siko|sina) (interest\w*|intrest\w*|haja na)

# French
(me |se )?(des|dis)(abonn|inscri)\w*|resili(er|ez|ation)
(supprim|enlev|retir|effac)(er|ez|e) (moi|nous|(mon|ce|mes) (numero|contact|nom|donnees|coordonnees))
ne (m |me |nous )?(envoy|contact|appel|ecri|derang)\w* (plus|rien)|n envoyez (plus|rien)
ne (veux |voulons |souhaite |plus ){1,2}(m |me )?(envoy|recev|contact)\w*
plus (de|aucun) (messages?|sms|pub|publicites?)|pas interess\w*|m interesse pas
(mauvais|faux|erreur de|tromp\w* de) numero|laisse[rz]? (moi|nous) tranquilles?

# Portuguese
descadastr\w*|desinscre\w*|cancelar (a )?(inscricao|assinatura|subscricao)
me (remov|exclu|tir|apag|descadastr)\w+|(remov|exclu|apag|tir)\w+ (o )?meu (numero|contato|contacto|nome)
nao (me )?(envi|mand|contat|incomod|perturb)\w+ (\w+ )?mais|nao me (envi|mand|incomod|perturb)\w+
par(e|ar|em|a) de (me )?(envi|mand)\w*|nao quero (mais|receber)|nao (tenho|ha) interesse
nao estou interessad[oa]|sem interesse|numero errado|deixem? me em paz

# Spanish
(dar|darme|dame|denme|deme) (de )?baja|desuscri\w+|cancelar (la |mi )?suscripcion
dei?[jx](a|e|en|em|ame|enme) de (envi|mand|escrib|llam|molest)\w*
(elimin|borr|quit)(ar|a|e|en|ame|eme|enme) (de )?(mi|mis|este|la) (numero|datos|contacto|lista)
(borr|quit|elimin)(ame|eme|enme)
no (quiero|deseo) (mas|recibir)|no (me )?(envi|mand|molest|escrib|llam)(e|es|en|an|ar) (mas|\w+ mas|mensajes)
dej(ame|enme|adme) en paz|no me (interesa|escrib\w+|molest\w+|envi\w+|mand\w+)|no estoy interesad[oa]|numero equivocado

# Arabic
الغ(اء|وا?|ي)?|(ال)?غاء|(ال)?توقفو?ا?|ا?وقفو?ا?|قفو?ا?|ايقاف|اوقف\w*|بطلوا|انسحاب
(ال)?حذف (ال)?رقم\w*|(احذف|امسح|ازل|شيل)\w* (رقمي|الرقم|هذا الرقم)|(احذف|ازيل|شيل)وني
(لا|ما|مش|مو) (ت|نت)?(رسل|راسل|بعت|تصل|زعج)\w*
(غير|لست|مش|مو) مهتم\w*
(ال)?رقم (هذا )?(خاطئ|خطأ|غلط|غير صحيح)

# Amharic
አቁ(ም|ሙ|ሚ)\w*|ይቁም|አትላ(ክ|ኩ|ኪ)\w*|አይላኩ\w*|አይደውሉ\w*|አትደው(ል|ሉ|ሊ)\w*|ተ(ው|ዉ)ኝ|ተወኝ
ሰር(ዝ|ዙ|ዢ)\w*|አስወግ(ድ|ዱ|ጂ)\w*|አው(ጡ|ጣ)ኝ|የተሳሳተ ቁጥር|ቁጥ(ር|ሩ) (ስህተት|ተሳስ)\w*|ተሳስ(ተ|ታ)\w+

# Somali, Oromo, Kinyarwanda
jooji\w*|iga saar\w*|lambar khaldan|dhaab(i|aa)|hin barbaad(u|nu)|hagarika|mpagarika
"""
"""Refusals wherever they stand in a message."""

BRIEF = r"""
# English, Swahili
deactivate|terminate|unfollow|dnd|(do not|don ?t|dnt) (send|text|txt|message|msg|sms|contact)
(ha|si)(tu)?taki|sitak|staki|ondokeni|tokeni|ondoka|toka|simamish(a|eni|ia)|kom(a|eni|esha|esheni)|sitish(a|eni)

# French, Portuguese, Spanish
arret(er|ez)|par(e|em|en)|cancel(ar|e|a|em|en)|nao quero|no (quiero|mas|molest\w+)

# Arabic, Amharic, Somali
(لا|ما|مش|مو) (اريد|ارغب|ابغى|ابي|عايز|عاوز|بدي)|(አል|አን)ፈልግ\w*|ma rabo
"""
"""Refusals in a message that says little more, or that names messages."""

NEAR = r"""
# Swahili
(wa|a)cha|sipendi|sihitaji|sipendezwi|(u|m)situme(ni)?|(u|m)sinipigie|m?(ni|tu)toe(ni)?|kuacha|katiza|kata|futa|futeni
(ji)?ondo(a|ani|e)|ondoeni|(ji)?to(a|eni)|jitoe

# French, Portuguese, Spanish, Arabic, Amharic
arrete?s?|annul(er|ez|e)|(supprim|enlev|retir)(er|ez)|stopper|parar|remov(er|a|am)|exclu(ir|a|am)|desativ(ar|e)
elimin(ar|e|en|a)|borr(ar|e|en|a)|quitar|anular|desist(ir|o)|خروج|حذف|ازالة|ተው|ተዉ|አጥፋ|አጥፉ\w*
"""
"""Refusals as a whole message, or in one that names messages."""

ALONE = r"""
delete|block|exit|leave|cease|desist|halt|discontinue|enough|no more|opt|spam|inatosha|yatosha|imetosha|siyo? mimi
ca suffit|nao sou eu|sair|saia|chega|engano|baja|alto|basta|salir|كفى|كفاية|በቃ|በቃኝ
"""
"""Refusals as a whole message."""

FILLERS = """
a agora ahora am ba bana basi do don t hata hello hey hi i im it ja jamani jameni je kabisa kindly leo maintenant me
merci mimi my na naomba nataka now nyinyi not ok okay please pls plz pliz por favor quero quiero sana sasa sawa si sir
svp tafadhali tena thank thanks the this to tu us veux vous ya you te il plait nous moi asante habari من فضلك لو سمحت يا
እባክዎ እባክህ እባክሽ
"""
"""Words that say nothing of their own."""

MESSAGES = r"""
sms|smses|texts?|txts?|messages?|msgs?|meseji|mesej|messeji|ujumbe|jumbe|matangazo|tangazo|promos?|promotions?|ads
adverts|spam|whatsapp|ku(ni|tu)(tumi|text|pigi|sumbu|andiki)\w*|kutumiwa|kutuma|kupokea|kupigiwa|kusumbuliwa
mensage(m|ns)|mensajes?|publicites?|pub|رسائل|رساله|رسالة|الرسائل|መልእክት\w*|መልዕክት\w*
"""
"""Words for messages."""

LET = r"(wa|a)cha (tu |basi |kwanza )?(?!ujumbe|ku)(ni|tu|a|wa|u|i|zi|yi|m)\w*[eiu]"
"""ACHA and WACHA before a verb: "let me", "let us"."""

LIKE_STOP = """
shop step top sop stow slop strop stomp atop swop stok stoo stoa sto stops estop stol
"""
"""Words of their own that differ from STOP by a letter."""
