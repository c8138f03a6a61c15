"""The words in which people refuse messages, by language, as patterns: one a line, of plain words without accents.

What is done with a message that has them is in ``refusals``. No code.
"""

from __future__ import annotations

CLEAR = r"""
# English
wrong ?(number|person|no|num|contact|phone|guy|man|woman|lady|name|namba|nambari)
(number|phone|line) (is )?(not (for|of) \w+|belongs to)|not the (owner|right person)
not my (number|phone|account|line|name)|(not|isn ?t) (\w+ ){1,2}s (number|phone|line|contact)
(not|un|no longer) ?int(er|r|re|err)+?e?s?ted
(delete|erase|forget|unregister|deregister|deactivate) (me|us)|(delete|erase) number
(unlist|delist|exclude|count|kick) (me|us)( out)?
(delete|erase|clear|drop|lose|unregister|deactivate) ?(my|this|our) ?(\w+ )?(number|no|num|contacts?|line)
(delete|erase|clear|deactivate) (my|our) (\w+ ){0,2}(details|data|info\w*|names?|phone|records?|subscription)
(take|get|pull) (me|us|(my|this) (number|name|contact|phone)) (off|out)|(i|we) want out(?! of (season|stock|town))
cease and desist|fuck (off|you)|piss off|get lost
off (your|this|the|ur) (\w+ )?list
opt(ed|ing)? (\w+ ){0,2}out|optmeout
(do not|don ?t|dnt|never) (\w+ )?(send|text|txt|message|msg|sms|contact|disturb|spam|bother|email) (me|us)
(do not|don ?t|dnt) (\w+ )?(send|text|txt|message|msg|sms|contact|disturb|spam|bother) (\w+ ){0,3}(again|any ?more)
(do not|don ?t|dnt) (\w+ )?send (\w+ ){0,2}(messages?|msgs?|sms|texts?|such|this number)
(do not|don ?t|dnt|no longer) (want|wish|need) to (receive|get|hear|be contacted)
no longer (want|wish|need) (\w+ ){0,3}(messages?|msgs?|sms|texts?)
(do not|don ?t|dnt) call or text
(do not|don ?t|dnt) call (me|us|this number) (again|any ?more|ever)
(do not|don ?t|dnt) (want|need|wish) (\w+ ){0,4}(messages?|msgs?|sms|texts?|ads|adverts|promos?|promotions?)
no more (of )?(\w+ )?(messages?|msgs?|sms|texts?|ads|adverts|promos?|promotions?|spam)
^(please )?no (sms|texts?|txts?|msgs?|messages?)( please| pls| thanks)?$
do not disturb|leave (me|us) alone|(disturbing|bothering|spamming|harassing|pestering) (me|us)|(this|it) is spam
(who gave|where did|how did) (\w+ ){1,3}(my|this) (number|contact|no)
(never|did not|didn ?t|have not|haven ?t) (subscrib\w*|sign(ed)? up|consent\w*|opt(ed)? in)
withdraw (my )?consent|(block|blocking|report|reporting) (you|this number)
(pls|plz|please|pliz|kindly)stop

# Swahili
(u|m)si(ni|tu)tumi(e|eni|ane)?(?! (\w+ )?(pesa|hela|mpesa|ganji|doo))
(u|m)si(ni|tu)(text\w*|sumbu\w+|spam\w*|andik\w+)|(u|m)si(ni|tu)pigi(e|eni) (\w+ )?tena
mbona (u|m)na(ni|tu)(tumi|text|pigi|andik)\w+|nani (\w+ )?(ali|ame)?(ku|wa)pa (namba|nambari|number|simu)
(u|m)situm(e|eni) (\w+ )?(sms|text\w*|message\w*|msgs?|meseji|ujumbe|jumbe|matangazo)
(ni|na|nime|nita|ku)toka (kwa|kwenye|katika) (hii |hiyo |hili )?(group|list|orodha|kundi|system|mfumo)
m?(ni|tu)ondoe(ni)?|m?(ni|tu)tolee(ni)?|m?(ni|tu)toe(ni)? (kwa|kwenye|katika|hapo)
(futa|futeni|ondoa|ondoeni|toa|toeni|mtoe) (hii |hiyo )?(namba|nambari|number|simu|jina|contact) (yangu|langu|hii|yetu)
(ku|na|nime|ni|nta|nita)ji(to|ondo)[ae]
(wa|a)cha ku(ni|tu)?(tum|text|pig|sumbu|spam|andik|call)\w*|(wa|a)cheni|m?(ni|tu)ache(ni)?
w?achan(a|e|eni) na ?(mi|mimi|si|sisi)|(u|m)na(ni|tu)sumbu\w+|mnasumbu\w+
((u|m|mu)me)?kose\w* (namba|nambari|number)|(namba|nambari|number) (isiyo|ambayo sio) (sahihi|yangu)
(namba|nambari|number) (hii )?(si|sio|siyo) (yangu|yake|sahihi|ya \w+)
(si|sio|siyo) (namba|nambari|number|simu) (yangu|yake|ya \w+|sahihi)
(ni|tu)mechok\w+ na (sms|ujumbe|jumbe|messages?|msgs?|meseji)
si(ja|ku)(jisajili|jiunga)\w*|(siko|sina) (interest\w*|intrest\w*|haja na)

# French
(me |se )?(des|dis)(abonn|inscri)\w*|resili(er|ez|ation)
(supprim|enlev|retir|effac)(er|ez|e) (moi|nous|(mon|ce|mes) (numero|contact|nom|donnees|coordonnees))
ne (m |me |nous )?(envoy|contact|appel|ecri|derang)\w* (plus|rien)|n envoyez (plus|rien)
ne (veux |voulons |souhaite |plus ){1,2}(m |me )?(envoy|recev|contact)\w*
ne (veux|voulons|souhaite|souhaitons) plus (de |d )?(vos|ces|messages?|sms)|me (retir|supprim|enlev|effac)er
plus (de|aucun) (messages?|sms|pub|publicites?)|pas interess\w*|m interesse pas
(mauvais|mauvaise|faux|erreur de|tromp\w* de) (numero|personne)|numero n est pas (a|au|celui|le)
(laiss|fich|fout)e[rz]? (moi|nous) (tranquilles?|la paix|en paix)
pas (mon|le bon|la bonne|son) (numero|personne)

# Portuguese
descadastr\w*|desinscre\w*|cancel(ar|e|em) (a )?(minha )?(inscricao|assinatura|subscricao)|nao autorizo
(sair|saia|tir\w+|remov\w+) (me )?d(a|esta|essa) lista|(exclu|apag|remov)\w+ (o )?meus? (cadastro|registo|dados)
me (remov|exclu|tir|apag|descadastr)\w+|(remov|exclu|apag|tir)\w+ (o )?meu (numero|contato|contacto|nome)
nao (me )?(envi|mand|contat|incomod|perturb)\w+ (\w+ )?mais|nao me (envi|mand|incomod|perturb)\w+
par(e|ar|em|a) (de (me )?(envi|mand)\w*|com (isso|iss\w+|ess\w+))|nao quero (mais|receber)|nao (tenho|ha) interesse
nao estou interessad[oa]|sem interesse|numero errado|(deixem? me|me deix\w+) em paz
numero nao e (meu|d[aoe])|nao e (o )?(meu|este) (numero|contato|contacto)|pessoa errada

# Spanish
(dar|darme|dame|denme|deme) (de )?baja|desuscri\w+|cancelar (la |mi )?suscripcion
dei?[jx](a|e|en|em|ame|enme) de (envi|mand|escrib|llam|molest)\w*
(elimin|borr|quit)(ar|a|e|en|ame|eme|enme) (de )?(mi|mis|este|la) (numero|datos|contacto|lista)
(borr|quit|elimin)(ame|eme|enme)
no (quiero|deseo) (mas|recibir)|no (me )?(envi|mand|molest|escrib|llam)(e|es|en|an|ar) (mas|\w+ mas|mensajes)
dej(ame|enme|adme) en paz|no me (interesa|escrib\w+|molest\w+|envi\w+|mand\w+)|no estoy interesad[oa]|numero equivocado
no es mi numero|numero no es (mio|de)|persona equivocada

# Arabic
الغ(اء|وا?|ي)?|(ال)?غاء|(ال)?توقفو?ا?|ا?وقفو?ا?|قفو?ا?|ايقاف|اوقف\w*|بطلوا|انسحاب
(ال)?حذف (ال)?رقم\w*|(احذف|امسح|ازل|شيل)\w* (رقمي|الرقم|هذا الرقم)|(احذف|ازيل|شيل)وني
(لا|ما|مش|مو) (ت|نت)?(رسل|راسل|بعت|تصل|زعج)\w*|بطل(وا|ي)? ت\w+
(غير|لست|مش|مو) مهتم\w*
(ليس|مو|مش) رقم\w*|غلطان بالرقم
(ال)?رقم (هذا )?(خاطئ|خطأ|غلط|غير صحيح)

# Amharic
አቁ(ም|ሙ|ሚ)\w*|ይቁም|(አት|እንዳት)ላ(ክ|ኩ|ኪ)\w*|እንዳትል(ክ|ኩ|ኪ)\w*|አይላኩ\w*|አይደውሉ\w*|አትደው(ል|ሉ|ሊ)\w*|ተ(ው|ዉ)ኝ|ተወኝ
ሰር(ዝ|ዙ|ዢ)\w*|አስወግ(ድ|ዱ|ጂ)\w*|አስወ(ጡ|ጣ|ጪ)ኝ|ቁጥሬን (አጥ|ሰር)\w+|አው(ጡ|ጣ)ኝ|የተሳሳተ (ቁጥር|ስልክ|ሰው)|ቁጥ(ር|ሩ) (ስህተት|ተሳስ)\w*|ተሳስ(ተ|ታ)\w+

# Somali, Oromo, Kinyarwanda
jooji\w*|iga saar\w*|lambar khaldan|dhaab(i|aa)|hin barbaad(u|nu)|hagarika|mpagarika
"""
"""Refusals wherever they stand in a message."""

BRIEF = r"""
# English, Swahili
deactivate|terminate|discontinue|unfollow|dnd|(do not|don ?t|dnt) (send|text|txt|message|msg|sms|contact|want)
(ha|si)(tu)?taki|sitak|staki|ondokeni|tokeni|ondoka|toka|simamish(a|eni|ia)|kom(a|eni|esha|esheni)|(sit|kat)ish(a|eni)

# French, Portuguese, Spanish
arret(er|ez)|par(e|em|en)|cancel(ar|e|a|em|en)|nao quero|no (quiero|mas|molest\w+)

# Arabic, Amharic, Somali
(لا|ما|مش|مو) (اريد|ارغب|ابغى|ابي|عايز|عاوز|بدي)|(አል|አን)ፈልግ\w*|ma rabo
"""
"""Refusals in a message that says little more, or that names messages."""

NEAR = r"""
# Swahili
(wa|a)cha|sipendi|si(h|hi|i)?taji|sipendezwi|(u|m)situme(ni)?|(u|m)sinipigie|m?(ni|tu)toe(ni)?|kuacha|katiza|kata
futa|futeni
(ji)?ondo(a|ani|e)|ondoeni|(ji)?to(a|eni)|jitoe

# French, Portuguese, Spanish, Arabic, Amharic
arrete?s?|annul(er|ez|e)|(supprim|enlev|retir)(er|ez)|stopper|parar|retirar|remov(er|a|am)|exclu(ir|a|am)|desativ(ar|e)
elimin(ar|e|en|a)|borr(ar|e|en|a)|quitar|anular|desist(ir|o)|كفى|خروج|حذف|ازالة|ተው|ተዉ|አጥፋ|አጥፉ\w*
"""
"""Refusals as a whole message, or in one that names messages."""

ALONE = r"""
delete|block|exit|leave|cease|desist|halt|discontinue|enough|no more|opt|spam|inatosha|yatosha|imetosha
si(o|yo)? mimi|(u|m|mu)mekosea|kutoka|stahp
((this|it) is |i am )?not (me|him|her)
(i am|i m|im|am) not (?!(a|an|the|in|on|at|to|so|too|yet|sure|well|ok|able|free|there|here|home|around|\w+ing)\b)\w+
je ne suis pas (?!(d|a|au|de|en|la|sur|loin|chez|dans|encore|disponible|libre|pret|prete|bien)\b)\w+
(c est|ce n est) pas moi|nao sou (eu|[ao] \w+)|nao conheco( \w+){1,2}|no soy (yo|el|ella)
(انا )?لست \w+|ازعاج|(\w+ )?አይደለሁም
ca suffit|sair|saia|sai fora|chega|engano|baja|alto|basta|salir|كفى|كفاية|بطل(وا|ي)?|በቃ|በቃኝ|ይብቃ\w*|ይቅር(ብኝ)?
"""
"""Refusals as a whole message."""

FILLERS = """
a agora ahora am ba bana basi do don t hata hello hey hi hii hivi hizi i im it ja jamani jameni je kabisa kindly kitu
leo maintenant me mambo merci mimi my na naomba nataka now nyinyi not ok okay please pls plz pliz por favor quero
quiero sana sasa sawa si sir svp tafadhali tena thank thanks the this to tu us veux vitu vous ya you zenu te il plait
nous moi asante habari من فضلك لو سمحت يا እባክዎ እባክህ እባክሽ
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
