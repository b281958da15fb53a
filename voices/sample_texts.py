"""The texts of voices' samples: the beginning of a story, a line of dialogue and a news sentence with a number.

They exist in the most common languages; other languages have one plain sentence (`voices.sentences`). The texts are our
own, and mean the same in every language.
"""

from typing import Literal, NamedTuple, get_args

from voices.sentences import SENTENCES, get_sentence

SampleKind = Literal["story", "dialogue", "news", "sentence"]
SAMPLE_KINDS: tuple[SampleKind, ...] = get_args(SampleKind)


class SampleText(NamedTuple):
    kind: SampleKind
    text: str


# By BCP 47 tag, or by language for all of its accents: story, dialogue, news.
TEXTS = {
    "en": (
        "When the light comes in low over the harbour, the gulls go quiet for a minute, and you can hear the ropes.",
        "“You kept it all this time?” “Of course. You said you would come back for it, and here you are.”",
        "Good morning. Ferry services to the islands resume at noon, after the longest storm in 11 years.",
    ),
    "ar": (
        "حين ينخفض الضوء فوق الميناء، تصمت النوارس لحظة، فلا يُسمع إلا صوت الحبال.",
        "«هل احتفظت به طوال هذا الوقت؟» «بالطبع. قلت إنك ستعود من أجله، وها أنت هنا.»",
        "صباح الخير. تعود العبّارات إلى الجزر عند الظهر، بعد أطول عاصفة منذ 11 عامًا.",
    ),
    "bn": (
        "সন্ধ্যার আলো যখন বন্দরের ওপর নেমে আসে, তখন পাখিরা কিছুক্ষণ চুপ হয়ে যায়, আর শুধু দড়ির শব্দ শোনা যায়।",
        "“এতদিন ধরে তুমি এটা রেখে দিয়েছ?” “অবশ্যই। তুমি বলেছিলে ফিরে আসবে, আর আজ তুমি এসেছ।”",
        "শুভ সকাল। ১১ বছরের মধ্যে সবচেয়ে দীর্ঘ ঝড়ের পর আজ দুপুর থেকে দ্বীপগুলোতে ফেরি চলাচল আবার শুরু হবে।",
    ),
    "de": (
        "Als das Licht tief über den Hafen fiel, verstummten die Möwen, und man hörte nur noch die Taue knarren.",
        "„Du hast ihn die ganze Zeit aufgehoben?“ „Natürlich. Du hast gesagt, du kommst zurück, und jetzt bist du da.“",
        "Guten Morgen. Die Fähren zu den Inseln fahren ab Mittag wieder, nach dem längsten Sturm seit 11 Jahren.",
    ),
    "es": (
        "Cuando la luz caía baja sobre el puerto, las gaviotas callaban un momento y solo se oían las cuerdas.",
        "—¿Lo guardaste todo este tiempo? —Claro. Dijiste que volverías a buscarlo, y aquí estás.",
        "Buenos días. Los barcos a las islas vuelven a salir a mediodía, tras la tormenta más larga en 11 años.",
    ),
    "fr": (
        "Quand la lumière tombait bas sur le port, les mouettes se taisaient un instant, et l’on n’entendait plus que "
        "les cordages.",
        "« Tu l’as gardé tout ce temps ? — Bien sûr. Tu avais dit que tu reviendrais le chercher, et te voilà. »",
        "Bonjour. Les ferries vers les îles reprennent à midi, après la plus longue tempête depuis 11 ans.",
    ),
    "hi": (
        "जब शाम की रोशनी बंदरगाह पर उतरती है, तो पक्षी कुछ देर चुप हो जाते हैं, और केवल रस्सियों की आवाज़ सुनाई देती है।",
        "“तुमने इसे इतने समय तक सँभालकर रखा?” “हाँ, बिल्कुल। तुमने कहा था कि तुम लौटोगे, और आज तुम आ गए।”",
        "नमस्कार। 11 वर्षों के सबसे लंबे तूफ़ान के बाद, द्वीपों के लिए नौका सेवा आज दोपहर से फिर शुरू होगी।",
    ),
    "id": (
        "Ketika cahaya sore jatuh rendah di atas pelabuhan, burung camar diam sejenak, dan hanya suara tali yang "
        "terdengar.",
        "“Kamu menyimpannya selama ini?” “Tentu saja. Kamu bilang akan kembali mengambilnya, dan sekarang kamu di "
        "sini.”",
        "Selamat pagi. Feri ke pulau-pulau beroperasi lagi mulai tengah hari, setelah badai terpanjang dalam 11 tahun.",
    ),
    "it": (
        "Quando la luce scendeva bassa sul porto, i gabbiani tacevano per un momento e si sentivano solo le funi.",
        "«L’hai tenuto per tutto questo tempo?» «Certo. Avevi detto che saresti tornato a prenderlo, ed eccoti qui.»",
        "Buongiorno. I traghetti per le isole ripartono a mezzogiorno, dopo la tempesta più lunga in 11 anni.",
    ),
    "ja": (
        "夕方の光が港に低く差し込むと、カモメたちはしばらく静かになり、ロープのきしむ音だけが聞こえてきます。",
        "「ずっと持っていてくれたの？」「もちろん。取りに戻ると言ったでしょう。そして、ちゃんと帰ってきた。」",
        "おはようございます。11年ぶりの長い嵐が過ぎ、島へのフェリーは正午から運航を再開します。",
    ),
    "pt": (
        "Quando a luz caía baixa sobre o porto, as gaivotas ficavam em silêncio por um instante, e só se ouviam as "
        "cordas.",
        "— Você guardou isso todo esse tempo? — Claro. Você disse que voltaria para buscar, e aqui está.",
        "Bom dia. Os barcos para as ilhas voltam a sair ao meio-dia, depois da tempestade mais longa em 11 anos.",
    ),
    "pt-PT": (
        "Quando a luz caía baixa sobre o porto, as gaivotas ficavam em silêncio por um instante, e só se ouviam as "
        "cordas.",
        "— Guardaste isto durante todo este tempo? — Claro. Disseste que voltarias para o buscar, e aqui estás.",
        "Bom dia. Os barcos para as ilhas voltam a sair ao meio-dia, depois da tempestade mais longa em 11 anos.",
    ),
    "ru": (
        "Когда вечерний свет ложится на гавань, чайки ненадолго смолкают, и слышно только, как скрипят канаты.",
        "— Ты всё это время хранил письмо? — Конечно. Ты сказала, что вернёшься за ним, и вот ты здесь.",
        "Доброе утро. Паромы на острова снова пойдут в полдень после самого долгого шторма за 11 лет.",
    ),
    "ur": (
        "جب شام کی روشنی بندرگاہ پر اترتی ہے تو پرندے کچھ دیر خاموش ہو جاتے ہیں، اور صرف رسیوں کی آواز سنائی دیتی ہے۔",
        "”تم نے اسے اتنے عرصے تک سنبھال کر رکھا؟“ ”بالکل۔ تم نے کہا تھا کہ تم واپس آؤ گے، اور آج تم آ گئے۔“",
        "صبح بخیر۔ 11 سال کے سب سے طویل طوفان کے بعد جزیروں کے لیے کشتیاں آج دوپہر سے دوبارہ چلیں گی۔",
    ),
    "zh": (
        "当夕阳低低地照进港口，海鸥会安静一会儿，那时你能听见缆绳的声音。",
        "“这么久你一直留着它？”“当然。你说过会回来取，现在你回来了。”",
        "早上好。经过11年来持续时间最长的一场风暴，前往各岛的渡轮将于今天中午恢复运行。",
    ),
}


def list_sample_texts(language: str) -> list[SampleText]:
    """Returns the texts for a language (a BCP 47 tag); none if it does not even have a sentence.

    A tag with its own sentence is written in another script than its language.
    """
    primary = language.partition("-")[0]
    own = TEXTS.get(language) or (None if language in SENTENCES else TEXTS.get({"cmn": "zh"}.get(primary, primary)))
    if own is not None:
        story, dialogue, news = own
        return [SampleText("story", story), SampleText("dialogue", dialogue), SampleText("news", news)]
    sentence = get_sentence(language)
    return [SampleText("sentence", sentence)] if sentence else []
