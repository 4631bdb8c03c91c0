// @ts-check
// The words of the interface, in five languages. `{}` stands for a number or a name.

const ENGLISH = {
  title: "Ask the wiki", open: "Open the chat", close: "Close", fresh: "New conversation", log: "Conversation",
  empty: "Ask something your pages should know.", emptyMore: "Every sentence of an answer shows where it comes from.",
  field: "Your question", placeholder: "Ask a question…", send: "Ask", stop: "Stop", latest: "Latest",
  searching: "Searching…", reading: "Reading {} pages…", checking: "Checking each sentence…",
  sources: "Sources", source: "Source {}", page: "Open the page", updated: "updated {}",
  strict: "In the pages’ own words.", notFound: "The pages do not answer this.", closest: "The closest pages:",
  conflict: "These sources disagree, newest first", stale: "May have changed since", unanswered: "A part of the question stays open",
  unavailable: "Answers are not available at the moment. Try again soon.", contact: "Ask a person instead",
  copy: "Copy", copied: "Copied", retry: "Try again", up: "Good answer", down: "Bad answer", thanks: "Thank you.",
  why: "What is wrong?", wrong: "Wrong", outdated: "Outdated", incomplete: "Incomplete", irrelevant: "Off the question",
  comment: "Anything else? (optional)", sendFeedback: "Send",
  offline: "You are offline, or the server does not answer.", refused: "You may not ask here.",
  limited: "That was a lot of questions. Go on in {} seconds.", busy: "The server is busy. Try again in {} seconds.",
  broken: "The answer broke off.", failed: "Something went wrong.", stopped: "Stopped.", tooLong: "The question is not usable as it is: {}",
  key: "API key", keyNeeded: "This server needs an API key.", keyUse: "Use the key", answer: "Answer: {}",
};

/** @typedef {keyof typeof ENGLISH} Word */

/** @type {Record<string, Record<Word, string>>} */
const LANGUAGES = {
  en: ENGLISH,
  de: {
    title: "Frag das Wiki", open: "Chat öffnen", close: "Schließen", fresh: "Neues Gespräch", log: "Gespräch",
    empty: "Frag etwas, das eure Seiten wissen sollten.", emptyMore: "Jeder Satz einer Antwort zeigt, woher er kommt.",
    field: "Deine Frage", placeholder: "Stell eine Frage …", send: "Fragen", stop: "Anhalten", latest: "Neuestes",
    searching: "Sucht …", reading: "Liest {} Seiten …", checking: "Prüft jeden Satz …",
    sources: "Quellen", source: "Quelle {}", page: "Seite öffnen", updated: "geändert {}",
    strict: "In den Worten der Seiten selbst.", notFound: "Die Seiten beantworten das nicht.", closest: "Die nächstliegenden Seiten:",
    conflict: "Diese Quellen widersprechen sich, neueste zuerst", stale: "Vielleicht überholt", unanswered: "Ein Teil der Frage bleibt offen",
    unavailable: "Im Moment gibt es keine Antworten. Versuch es bald wieder.", contact: "Lieber einen Menschen fragen",
    copy: "Kopieren", copied: "Kopiert", retry: "Noch einmal", up: "Gute Antwort", down: "Schlechte Antwort", thanks: "Danke.",
    why: "Was stimmt nicht?", wrong: "Falsch", outdated: "Veraltet", incomplete: "Unvollständig", irrelevant: "An der Frage vorbei",
    comment: "Sonst noch etwas? (freiwillig)", sendFeedback: "Senden",
    offline: "Du bist offline, oder der Server antwortet nicht.", refused: "Hier darfst du nicht fragen.",
    limited: "Das waren viele Fragen. Weiter geht es in {} Sekunden.", busy: "Der Server ist ausgelastet. Noch einmal in {} Sekunden.",
    broken: "Die Antwort brach ab.", failed: "Etwas ist schiefgegangen.", stopped: "Angehalten.", tooLong: "So geht die Frage nicht: {}",
    key: "API-Schlüssel", keyNeeded: "Dieser Server braucht einen API-Schlüssel.", keyUse: "Schlüssel verwenden", answer: "Antwort: {}",
  },
  fr: {
    title: "Interroger le wiki", open: "Ouvrir le chat", close: "Fermer", fresh: "Nouvelle conversation", log: "Conversation",
    empty: "Posez une question à laquelle vos pages devraient répondre.", emptyMore: "Chaque phrase d’une réponse montre d’où elle vient.",
    field: "Votre question", placeholder: "Posez une question…", send: "Demander", stop: "Arrêter", latest: "Plus récent",
    searching: "Recherche…", reading: "Lecture de {} pages…", checking: "Vérification de chaque phrase…",
    sources: "Sources", source: "Source {}", page: "Ouvrir la page", updated: "modifiée {}",
    strict: "Avec les mots des pages elles-mêmes.", notFound: "Les pages ne répondent pas à cela.", closest: "Les pages les plus proches :",
    conflict: "Ces sources se contredisent, la plus récente d’abord", stale: "A pu changer depuis", unanswered: "Une partie de la question reste ouverte",
    unavailable: "Pas de réponses pour le moment. Réessayez bientôt.", contact: "Demander plutôt à une personne",
    copy: "Copier", copied: "Copié", retry: "Réessayer", up: "Bonne réponse", down: "Mauvaise réponse", thanks: "Merci.",
    why: "Qu’est-ce qui ne va pas ?", wrong: "Faux", outdated: "Périmé", incomplete: "Incomplet", irrelevant: "Hors sujet",
    comment: "Autre chose ? (facultatif)", sendFeedback: "Envoyer",
    offline: "Vous êtes hors ligne, ou le serveur ne répond pas.", refused: "Vous ne pouvez pas poser de question ici.",
    limited: "Beaucoup de questions d’un coup. Reprise dans {} secondes.", busy: "Le serveur est occupé. Réessayez dans {} secondes.",
    broken: "La réponse s’est interrompue.", failed: "Une erreur s’est produite.", stopped: "Arrêté.", tooLong: "La question n’est pas utilisable : {}",
    key: "Clé d’API", keyNeeded: "Ce serveur demande une clé d’API.", keyUse: "Utiliser la clé", answer: "Réponse : {}",
  },
  es: {
    title: "Pregunta al wiki", open: "Abrir el chat", close: "Cerrar", fresh: "Nueva conversación", log: "Conversación",
    empty: "Pregunta algo que vuestras páginas deberían saber.", emptyMore: "Cada frase de una respuesta muestra de dónde sale.",
    field: "Tu pregunta", placeholder: "Haz una pregunta…", send: "Preguntar", stop: "Parar", latest: "Lo último",
    searching: "Buscando…", reading: "Leyendo {} páginas…", checking: "Comprobando cada frase…",
    sources: "Fuentes", source: "Fuente {}", page: "Abrir la página", updated: "actualizada {}",
    strict: "Con las palabras de las propias páginas.", notFound: "Las páginas no responden a esto.", closest: "Las páginas más cercanas:",
    conflict: "Estas fuentes se contradicen, la más reciente primero", stale: "Puede haber cambiado", unanswered: "Una parte de la pregunta queda abierta",
    unavailable: "Ahora no hay respuestas. Inténtalo pronto de nuevo.", contact: "Preguntar a una persona",
    copy: "Copiar", copied: "Copiado", retry: "Reintentar", up: "Buena respuesta", down: "Mala respuesta", thanks: "Gracias.",
    why: "¿Qué está mal?", wrong: "Incorrecta", outdated: "Anticuada", incomplete: "Incompleta", irrelevant: "No viene al caso",
    comment: "¿Algo más? (opcional)", sendFeedback: "Enviar",
    offline: "No hay conexión, o el servidor no responde.", refused: "No puedes preguntar aquí.",
    limited: "Han sido muchas preguntas. Sigue en {} segundos.", busy: "El servidor está ocupado. Reintenta en {} segundos.",
    broken: "La respuesta se cortó.", failed: "Algo ha fallado.", stopped: "Parado.", tooLong: "La pregunta no sirve así: {}",
    key: "Clave de API", keyNeeded: "Este servidor necesita una clave de API.", keyUse: "Usar la clave", answer: "Respuesta: {}",
  },
  ar: {
    title: "اسأل الويكي", open: "افتح المحادثة", close: "إغلاق", fresh: "محادثة جديدة", log: "المحادثة",
    empty: "اسأل عمّا يُفترض أن تعرفه صفحاتكم.", emptyMore: "كل جملة في الإجابة تُظهر مصدرها.",
    field: "سؤالك", placeholder: "اطرح سؤالًا…", send: "اسأل", stop: "إيقاف", latest: "الأحدث",
    searching: "جارٍ البحث…", reading: "قراءة {} صفحات…", checking: "التحقق من كل جملة…",
    sources: "المصادر", source: "المصدر {}", page: "افتح الصفحة", updated: "حُدّثت {}",
    strict: "بكلمات الصفحات نفسها.", notFound: "لا تجيب الصفحات عن هذا.", closest: "أقرب الصفحات:",
    conflict: "هذه المصادر متعارضة، الأحدث أولًا", stale: "ربما تغيّر منذ ذلك", unanswered: "بقي جزء من السؤال دون جواب",
    unavailable: "الإجابات غير متاحة الآن. حاول بعد قليل.", contact: "اسأل شخصًا بدلًا من ذلك",
    copy: "نسخ", copied: "نُسخ", retry: "حاول مجددًا", up: "إجابة جيدة", down: "إجابة سيئة", thanks: "شكرًا.",
    why: "ما الخطأ؟", wrong: "خاطئة", outdated: "قديمة", incomplete: "ناقصة", irrelevant: "خارج السؤال",
    comment: "شيء آخر؟ (اختياري)", sendFeedback: "إرسال",
    offline: "أنت غير متصل، أو الخادم لا يجيب.", refused: "لا يمكنك السؤال هنا.",
    limited: "أسئلة كثيرة. تابع بعد {} ثانية.", busy: "الخادم مشغول. حاول بعد {} ثانية.",
    broken: "انقطعت الإجابة.", failed: "حدث خطأ ما.", stopped: "أُوقف.", tooLong: "السؤال لا يصلح هكذا: {}",
    key: "مفتاح API", keyNeeded: "هذا الخادم يحتاج مفتاح API.", keyUse: "استخدم المفتاح", answer: "الإجابة: {}",
  },
};

/**
 * The words in the first of the wanted languages that there is, English otherwise.
 * @param {(string | null | undefined)[]} wanted
 */
export function speak(wanted) {
  const language = wanted.map((tag) => (tag ?? "").toLowerCase().split("-")[0]).find((tag) => tag in LANGUAGES) ?? "en";
  const words = LANGUAGES[language];
  return {
    language,
    direction: language === "ar" ? "rtl" : "ltr",
    /** @param {Word} word @param {string | number} [value] */
    say: (word, value = "") => words[word].replace("{}", String(value)),
    /** How long ago, in words. @param {string} moment */
    age(moment) {
      const days = Math.round((Date.parse(moment) - Date.now()) / 86400000);
      if (Number.isNaN(days)) return "";
      const [count, unit] = days > -31 ? [days, "day"] : days > -365 ? [days / 30.4, "month"] : [days / 365.25, "year"];
      const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
      return format.format(Math.min(0, Math.round(count)), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
    },
  };
}
