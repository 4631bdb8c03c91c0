"""The small words of each language that carry grammar: they tell the language of a text, and are not searched for."""

from collections.abc import Mapping

# Every name is that of a Snowball stemmer. Words are in lower case, with their accents.
FUNCTION_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "english": """
            a about above after again against all also am an and any are aren't as at be because been before being
            below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down
            during each either else for from further had has have having he her here hers him his how i i'm i've if in
            into is isn't it it's its itself just let me more most my no nor not of off on once only or other our ours
            out over own same she should so some such than that that's the their theirs them then there there's these
            they this those through to too under until up upon us very was wasn't we were weren't what what's when
            where which while who whom whose why will with within without won't would you your yours
            """,
        "german": """
            aber alle allem allen aller alles als also am an ander andere anderen anderer anderes auch auf aus bei
            beim bin bis bist da damit dann das dass dasselbe dazu dein deine dem den denn der deren des dessen dich
            die dies diese dieselbe diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer
            eines einige einigen einiger er es etwas euch euer für gegen gewesen hab habe haben hat hatte hatten hier
            hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist ja jede jedem jeden jeder
            jedes jene jenem jener jetzt kann kein keine keinem keinen keiner können könnte man manche mein meine mich
            mir mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit
            sich sie sind so solche soll sollte sondern sowie um und uns unser unter viel vom von vor war waren warum
            was weil welche welchem welchen welcher welches wenn wer werde werden wessen wie wieder will wir wird wo
            wohin wollen wurde wurden während zu zum zur zwar zwischen über
            """,
        "french": """
            afin ai ainsi alors après au aucun aucune aussi autre autres aux avaient avait avant avec avez avoir avons
            c car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme comment d dans de depuis des
            donc dont du elle elles en encore entre es est et eu eux fait faut il ils j je jusque l la laquelle le
            lequel les lesquels leur leurs lors lorsque lui là m ma mais me mes moi mon même n ne ni non nos notre
            nous on ont ou où par parce pas pendant peu peut peuvent plus plusieurs pour pourquoi puis qu quand que
            quel quelle quelles quels qui quoi s sa sans se selon sera serait ses si sinon soit son sont sous sur ta
            tandis te tels tes toi ton tous tout toute toutes très tu un une vers vos votre vous y à étaient était
            étant été être
            """,
        "spanish": """
            a al algo algunas algunos ante antes aquel aquella aquellos aunque cada como con contra cual cuales cuando
            cuál cuáles cuándo cuánto cuántos cómo de del desde donde dos durante dónde e el ella ellas ellos en entre
            era eran es esa esas ese eso esos esta estaba estado estar este esto estos está están fue fueron ha había
            habían han hasta hay la las le les lo los me mi mientras mis muy más nada ni no nos nosotros nuestra
            nuestro o otra otras otro otros para pero poco por porque puede pueden pues que quien quienes quién qué se
            sea según ser será si sido sin sino sobre son su sus sí también tan tanto te tiene tienen todo todos tras
            tu tus un una unas uno unos usted y ya yo él
            """,
        "italian": """
            a abbia abbiamo ad agli ai al alla alle allo anche ancora avere aveva avevano c che chi ci ciò coi col
            come con contro cui d da dagli dai dal dalla dalle dallo degli dei del dell della delle dello dentro di
            dopo dove e ed era erano essere fra fu furono già gli ha hanno ho i il in io l la le lei li lo loro lui ma
            mentre mi mia mio molto ne negli nei nel nella nelle nello noi non nostra nostro o ogni oltre per perché
            però più poi prima può qual quale quali quando quanti quanto quella quelle quelli quello questa queste
            questi questo qui se sempre senza si sia siamo sono sopra sotto sta stata stato su sua sue sugli sui sul
            sulla sulle suo suoi tra tu tutti tutto un una uno vi voi è
            """,
        "portuguese": """
            a ao aos aquela aquele aquilo as até cada com como contra da das de dela dele deles depois desde do dos e
            ela elas ele eles em entre era eram essa essas esse esses esta estas estava este estes está estão eu foi
            foram há isso isto já lhe mais mas me mesmo meu minha muito na nas nem no nos nossa nosso num numa não nós
            o onde os ou outra outro outros para pela pelas pelo pelos pode podem por porque quais qual quando quanto
            quantos que quem se segundo seja sem ser será seu seus sob sobre sua suas são só também te tem tendo ter
            tinha toda todas todo todos tu tua têm um uma umas uns você vocês à às é
            """,
        "dutch": """
            aan al alle alleen als altijd ander andere bij binnen daar dan dat de der deze die dit doch doen door dus
            een eens en er ge geen geweest haar had hadden heb hebben heeft hem het hier hij hoe hoeveel hun iemand
            iets ik in is ja je jij jou jouw jullie kan kon kunnen maar me meer men met mij mijn moet moeten na naar
            niet niets nog nu of om omdat onder ons onze ook op over pas reeds te tegen ten tijdens toch toen tot u
            uit uw van veel voor vooral waar waarom wanneer waren was wat we wel welk welke werd werden wie wij wil
            word worden wordt zal ze zei zelf zich zij zijn zo zonder zou zouden
            """,
        "swedish": """
            alla allt att av blev bli blir både dem den denna deras dess dessa det detta dig din du där då efter eller
            en er ett från för genom ha hade han hans har hela henne hennes hon honom hos hur här i icke in inga ingen
            inget inte jag ju kan kom kunde man med mellan men mig min mot mycket måste ni nu när någon något några
            och också om oss på samma sedan sig sin sina sitt själv ska skall skulle som så till under upp ut utan vad
            var vara varför varit vem vi vid vilka vilken vilket vill våra än är åt över
            """,
        "danish": """
            ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du
            efter eller en end er et for fordi fra få før ham han hans har havde have hende hendes her hos hun hvad
            hvem hver hvilke hvilken hvis hvor hvordan hvorfor hvornår i ikke ind ingen jeg jer jo kan kom kunne man
            mange med meget mellem men mig min mine mit mod må ned nogen noget nogle nu når og også om op os over på
            sammen selv sig sin sine skal skulle som store så sådan til ud uden under var ved vi vil ville vor være
            været
            """,
        "norwegian": """
            alle at av ble bli blir blitt både da de deg dem den denne der dere deres det dette din disse du eller en
            enn er et ett etter for fordi fra før ha hadde han hans har henne hennes her hos hun hva hvem hver hvilke
            hvilken hvis hvor hvordan hvorfor i ikke ingen inn jeg kan kom kunne man mange med meg meget mellom men
            min mitt mot må ned noe noen nå når og også om opp oss over på samme seg selv si sin sine sitt sjøl skal
            skulle slik som så til ut uten var ved vi vil ville vår være vært
            """,
        "finnish": """
            ei eivät eli emme en et ette että he heidän hän hänen ja jo joka joko jonka jos jossa jota jotka kanssa
            koska kuin kuinka kuka kun kyllä me meidän mihin mikä mikäli milloin minkä minä missä mistä mitä mukaan
            mutta myös ne niiden niin niitä nyt näiden näin nämä ole olemme olen oli olisi olivat olla on ovat saa se
            sekä sen siellä siinä sinä sitten sitä tai te tämä tämän tässä tästä tätä vaan vai vaikka vain voi voivat
            """,
        "polish": """
            a aby ale ani bardzo bez by bym być był była było były będzie będą chce co czy dla dlaczego do gdy gdyż
            gdzie go i ich ile im inne innych ja jak jaki jakie jako je jednak jego jej jemu jest jestem jeszcze jeśli
            jeżeli już kiedy kto która które którego której który których którym którzy lub ma mają mi mnie mogą może
            można my na nad nam nas nasz nawet nic nich nie niego niej nim niż o od on ona one oni oraz po pod poza
            przed przez przy się sobie swoje są tak także tam te tego tej ten to tu ty tych tylko tym u w we więc
            wszystko z za ze został została że żeby
            """,
        "czech": """
            a aby aj ale ani asi až bez bude budou by byl byla byli bylo být co což další do dále ho i ich jak jako
            jaké jaký je jeho jehož jej jejich její jen již jsem jsme jsou jste k kam kde kdo kdy když ke která které
            který kterých kteří ku mají mezi mi mně má mít může na nad naše ne nebo není než nic nám o od on ona oni
            po pod podle pokud pouze proto protože proč před přes při s se si své svůj ta tak také tam tedy ten to
            toho tom tomu tu ty těch u už v ve vy vám váš však všech z za zda či že
            """,
        "hungarian": """
            a ahol aki amely amelyek ami amikor az azok azt be csak de e egy egyes egyik el ez ezek ezt fel ha hanem
            hogy hogyan hol honnan ide igen is itt kell kellett ki kik közül le legyen lehet lesz ma meg mely melyek
            melyik mert mi mikor milyen mint mit miért most már nagy ne nem nincs olyan ott pedig s saját sem semmi
            sok szerint számára tehát után utána vagy vagyok valaki valami van vannak volt voltak és így össze úgy ő
            ők
            """,
        "romanian": """
            a acea aceasta această aceea acei acel acest acesta aceste acestea acestor acestui ai al ale alte am
            anumit ar are asupra au avea avem având aș ca care carui ce cei cel cele celor cine cu cum când cât că
            cărei căror cărora da dacă dar de deci decât despre din după e ea ei el ele era erau este eu fi fie
            fiecare fost iar la le lor lui mai mult ne nici niște noastre noi nostru nu o ori pe pentru peste poate
            pot prin sa sale sau se si sub sunt să te toate tot un una unde unei unele unor unui va vor vă îi îl în
            între își și
            """,
        "turkish": """
            acaba ama ancak arada artık aslında ayrıca bana bazı belki ben beni benim bile bir biraz biri biz bizim bu
            buna bunda bundan bunlar bunu bunun da daha de değil diye diğer dolayı en gibi göre hangi hatta hem hep
            hepsi her hiç ile ise için işte kadar kaç kendi ki kim kime mi mu mü mı nasıl ne neden nerede nereye niye
            niçin o olan olarak oldu olduğu olması olup on ona ondan onlar onu onun oysa sadece sen siz sonra
            tarafından tüm var ve veya ya yani yok zaten çok çünkü öyle üzere şey şu şunu
            """,
        "russian": """
            а без более бы был была были было быть в вам вас ваш весь во вот все всего всех вы где да даже для до его
            ее ей ему если есть еще ещё же за здесь и из или им их к как какая какие какой когда кто ли либо между
            меня мне можно мой мы на над нам нас наш не него нее нет ни них но о об однако он она они оно от очень по
            под почему поэтому при про с сам свой себя сколько со так также такой там те тем то того тоже той только
            том ты у уже чего чей чем через что чтобы эта эти это этого этой этом этот я
            """,
        "greek": """
            ένα ένας έτσι έχει έχουν ή ήταν αλλά αν από αυτά αυτές αυτή αυτό αυτός για δεν είναι εκεί ενώ επί εσείς
            εσύ η θα κάθε και κατά κι μέχρι μία μας με μετά μη μην μια μου να ο οι ού παρά πιο ποια ποιος πολύ που πού
            πρέπει προς πως πόσα πόσο πότε πώς σαν σας σε σου στα στη στην στις στο στον στους τα τη την της τι τις το
            τον του τους των ως όμως όπου όπως όσο όταν ότι
            """,
    }.items()
}
