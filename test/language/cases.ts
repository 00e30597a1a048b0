/** A text and what must be found in it. `¦` in the answer stands where it drifts; it is no part of it. */
export interface Case {
  readonly prompt: string;
  readonly answer: string;
  readonly promptLanguage?: string | null;
  readonly expectedLanguage?: string | null;
  readonly answerLanguage?: string | null;
  /** Texts of all fragments, in order; not looked at where left out. */
  readonly fragments?: readonly string[];
}

const JA = 'ユニコーンが近づいてきます。リャマとしてどうすればいいですか？';
const EN = 'Alas, a wild unicorn is approaching! As a llama, what should I do?';
const ZH = '一只独角兽正在靠近。作为一只羊驼，我应该怎么办？';
const ZH_T = '一隻獨角獸正在靠近。作為一隻羊駝，我應該怎麼辦？';
const KO = '유니콘이 다가오고 있습니다. 라마로서 저는 어떻게 해야 하나요?';
const DE = 'Ein wildes Einhorn kommt auf mich zu. Was soll ich als Lama tun?';
const FR = 'Une licorne sauvage approche ! En tant que lama, que dois-je faire ?';
const RU = 'Приближается дикий единорог. Что мне делать, если я лама?';
const AR = 'يقترب وحيد قرن بري. ماذا يجب أن أفعل بصفتي لاما؟';
const ES = 'Se acerca un unicornio salvaje. ¿Qué debo hacer como llama?';

export const CASES: Readonly<Record<string, Case>> = {
  // The article's own.
  'starts Japanese and goes on in English': {
    prompt: JA,
    answer:
      'まず落ち着いてください。ユニコーンは危険ではありません。¦However, you should stay calm and back away slowly. Do not run or shout at it.',
    promptLanguage: 'ja',
    answerLanguage: 'en',
    fragments: ['However, you should stay calm and back away slowly. Do not run or shout at it'],
  },
  'starts Japanese and goes on in English within a sentence': {
    prompt: JA,
    answer: 'リャマとしてあなたは、¦should stay calm and slowly back away from the animal.',
  },
  'starts Japanese and goes on in English on a new line': {
    prompt: JA,
    answer:
      'まず落ち着きましょう。\n\n¦Here are some tips for dealing with a unicorn:\n1. Stay calm.\n2. Step back.',
  },
  'starts with a list in Japanese and goes on with one in English': {
    prompt: JA,
    answer: '1. 落ち着く。\n2. 目を合わせない。\n3. ¦Slowly walk away from the unicorn.\n4. Call for help.',
  },
  'single foreign words inside Japanese': {
    prompt: JA,
    answer: 'ユニコーンはとても magical な動物です。ゆっくり calm に行動してください。',
    answerLanguage: 'ja',
    fragments: ['magical', 'calm'],
  },
  'two foreign words inside Japanese': {
    prompt: JA,
    answer: 'これは machine learning の例です。簡単に言うと、データから学ぶ方法です。',
    answerLanguage: 'ja',
    fragments: ['machine learning'],
  },
  'names inside Japanese': {
    prompt: 'おすすめの言語は？',
    answer:
      'Python と JavaScript がおすすめです。Google の Guido van Rossum が作りました。Docker も使えます。',
    answerLanguage: 'ja',
  },
  'a name at the start of a Japanese sentence': {
    prompt: JA,
    answer: 'Python は簡単です。Rust は速いです。',
    fragments: [],
  },
  'acronyms inside Japanese': {
    prompt: JA,
    answer: 'GPU と CPU の違いは何でしょうか。NVIDIA の GPU は CUDA を使います。API も HTTP もあります。',
    fragments: [],
  },
  'fenced code inside Japanese': {
    prompt: 'Pythonで挨拶を表示するには？',
    answer:
      '次のように書きます。\n\n```python\nprint("hello there, this is a long message for you")\n# this comment is written in English as well\n```\n\nこれで表示されます。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'inline code inside Japanese': {
    prompt: JA,
    answer: '`git commit --amend with the last message` を実行し、`npm run build` で作ります。',
    fragments: [],
  },
  'a fence that is never closed': {
    prompt: JA,
    answer: 'こう書きます。\n```\nfor each of the words in this list do nothing at all',
    fragments: [],
  },
  'addresses and paths inside Japanese': {
    prompt: JA,
    answer:
      '詳しくは https://example.com/how/to/meet/a/unicorn?and=more をご覧ください。設定は /etc/unicorn/conf.d/main.yaml や C:\\Users\\llama\\file.txt にあります。連絡先は llama@example.com です。',
    fragments: [],
  },
  'numbers and units inside Japanese': {
    prompt: JA,
    answer: '速度は 60 km です。重さは 3.5kg で、メモリは 24 GB、幅は 10 cm です。価格は $5 です。',
    fragments: [],
  },
  'identifiers inside Japanese': {
    prompt: JA,
    answer: '変数 my_value と関数 getUserName() と src/main.ts と foo.bar.baz を使います。',
    fragments: [],
  },
  'loan words inside Japanese': {
    prompt: JA,
    answer: 'コンピューターのメモリーとインターネットのサービスをチェックしてください。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'an English title in quotation marks inside Japanese': {
    prompt: JA,
    answer: '映画「The Good, the Bad and the Ugly of a very long title」は有名です。',
  },
  'an English quotation in brackets inside Japanese': {
    prompt: JA,
    answer: 'ことわざに「石の上にも三年」(it takes three years on a stone to warm it up) があります。',
  },
  'a list of English titles in a Japanese answer': {
    prompt: 'おすすめの本を教えてください',
    answer:
      'おすすめの本です。\n1. The Lord of the Rings\n2. Harry Potter and the Philosopher’s Stone\n3. The Hitchhiker’s Guide to the Galaxy\nどれも面白いです。',
    answerLanguage: 'ja',
  },
  'all in English for a Japanese prompt': {
    prompt: JA,
    answer: '¦As a llama, you should stay calm and avoid eye contact with the unicorn.',
    answerLanguage: 'en',
  },
  'all in Japanese for a Japanese prompt': {
    prompt: JA,
    answer: 'リャマとしては、まず落ち着いて、ユニコーンの様子を観察しましょう。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'a greeting in English and then Japanese': {
    prompt: JA,
    answer: 'Sure! ユニコーンが来たら、静かに離れてください。',
    answerLanguage: 'ja',
  },
  'Latin plant names inside Japanese': {
    prompt: '桜の学名は？',
    answer: '桜の学名は Prunus serrulata です。バラ科の植物です。',
    answerLanguage: 'ja',
  },
  // Chinese and Japanese.
  'Japanese that drifts into simplified Chinese': {
    prompt: JA,
    answer: 'ユニコーンが来たら、落ち着いてください。¦首先，你应该保持冷静，不要靠近它。然后慢慢后退。',
    answerLanguage: 'zh',
  },
  'Japanese that drifts into traditional Chinese': {
    prompt: JA,
    answer: 'ユニコーンが来たら、落ち着いてください。¦我們應該保持冷靜，這樣牠就不會攻擊你。',
  },
  'all in Chinese for a Japanese prompt': {
    prompt: JA,
    answer: '¦作为一只羊驼，你应该保持冷静，并且慢慢离开那里。',
    answerLanguage: 'zh',
  },
  'kanji compounds inside Japanese': {
    prompt: JA,
    answer: '独立行政法人情報処理推進機構、国際連合安全保障理事会、東京都千代田区にあります。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'rare kanji inside Japanese': {
    prompt: JA,
    answer: '薔薇、憂鬱、檸檬、魑魅魍魎などの漢字は難しいです。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'a Chinese phrase quoted inside Japanese': {
    prompt: JA,
    answer: '中国語では「谢谢」と言います。',
    answerLanguage: 'ja',
    fragments: ['谢谢'],
  },
  'a heading in kanji inside Japanese': {
    prompt: JA,
    answer: '注意事項\n\n緊急連絡先\n\n落ち着いて行動してください。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'Chinese that drifts into Japanese': {
    prompt: ZH,
    answer: '首先，你应该保持冷静。¦ユニコーンはとても大きいので、ゆっくり離れてください。',
  },
  'all in simplified Chinese': {
    prompt: ZH,
    answer: '首先，你应该保持冷静。不要靠近它，慢慢后退，然后寻求帮助。',
    promptLanguage: 'zh',
    answerLanguage: 'zh',
    fragments: [],
  },
  'all in traditional Chinese': {
    prompt: ZH_T,
    answer: '首先，你應該保持冷靜。不要靠近牠，慢慢後退，然後尋求幫助。',
    promptLanguage: 'zh',
    answerLanguage: 'zh',
    fragments: [],
  },
  'Chinese with an ornament of kana': {
    prompt: ZH,
    answer: '我很喜欢优の良品这个牌子，他们的零食很好吃。',
    answerLanguage: 'zh',
    fragments: [],
  },
  'Chinese that drifts into English': {
    prompt: ZH,
    answer: '首先，你应该保持冷静。¦Then you should slowly move away from the unicorn.',
  },
  'English words inside Chinese': {
    prompt: ZH,
    answer: '你可以用 Python 写一个 function，然后用 GPU 运行。',
    answerLanguage: 'zh',
    fragments: ['function'],
  },
  // Korean.
  'all in Korean': {
    prompt: KO,
    answer: '라마로서 침착하게 행동하고 천천히 뒤로 물러나세요.',
    promptLanguage: 'ko',
    answerLanguage: 'ko',
    fragments: [],
  },
  'Korean that drifts into English': {
    prompt: KO,
    answer: '먼저 침착하세요. ¦Then walk away slowly and do not look back.',
  },
  'Korean with names and an English word': {
    prompt: KO,
    answer: 'Python에서 list를 만들려면 대괄호를 사용합니다.',
    answerLanguage: 'ko',
    fragments: ['list'],
  },
  'formulas inside Japanese': {
    prompt: JA,
    answer: '式は x = a + b です。y と z も使います。',
    answerLanguage: 'ja',
    fragments: [],
  },
  'a vocabulary list in a Japanese answer': {
    prompt: '英単語を教えてください。',
    answer: '- apple：りんご\n- to give up：あきらめる\n- look forward to something：楽しみにする',
    expectedLanguage: 'ja',
  },
  'Japanese that goes on in English after a colon': {
    prompt: JA,
    answer: 'ユニコーンとは: ¦a mythical horse with a single horn on its forehead.',
  },
  'German that goes on in English within a sentence': {
    prompt: DE,
    answer:
      'Ein Einhorn ist ein Fabelwesen mit einem Horn, ¦which is often described as a white horse with magical powers.',
  },
  'Japanese with a Chinese sentence quoted': {
    prompt: JA,
    answer: '中国の友人は「独角兽是一种传说中的动物」と言いました。とても面白いですね。',
    answerLanguage: 'ja',
    fragments: ['独角兽是一种传说中的动物'],
  },
  'Ukrainian for a Ukrainian prompt': {
    prompt: 'Що таке єдиноріг?',
    answer: 'Єдиноріг — це міфічна тварина з одним рогом на лобі, яка живе у старих казках.',
    promptLanguage: 'uk',
    answerLanguage: 'uk',
    fragments: [],
  },
  'Japanese that drifts into Korean': {
    prompt: JA,
    answer: '落ち着いてください。¦유니콘은 위험하지 않습니다. 천천히 물러나세요.',
  },
  'a Korean word inside Japanese': {
    prompt: JA,
    answer: '韓国語では「안녕하세요」と言います。',
    fragments: ['안녕하세요'],
    answerLanguage: 'ja',
  },
  // English.
  'all in English': {
    prompt: EN,
    answer:
      'Stay calm. Avoid eye contact with the unicorn and slowly back away. Good luck, my woolly friend!',
    promptLanguage: 'en',
    answerLanguage: 'en',
    fragments: [],
  },
  'English that drifts into Japanese': {
    prompt: EN,
    answer: 'You should stay calm. ¦ユニコーンはとても危険なので、近づかないでください。',
  },
  'English that drifts into Chinese': {
    prompt: EN,
    answer: 'You should stay calm and back away. ¦你应该保持冷静，然后慢慢离开。',
  },
  'English with Japanese words': {
    prompt: 'How do you say thank you in Japanese?',
    answer:
      'You say "ありがとう" (arigatou), or more politely ありがとうございます. Both are common in everyday life.',
    answerLanguage: 'en',
    fragments: ['ありがとう', 'ありがとうございます'],
  },
  'English that drifts into French': {
    prompt: EN,
    answer:
      'You should stay calm and move slowly away from it. ¦Ensuite, vous devez reculer lentement et appeler à l’aide. Ne courez surtout pas devant la licorne.',
    fragments: [
      'Ensuite, vous devez reculer lentement et appeler à l’aide. Ne courez surtout pas devant la licorne',
    ],
  },
  'English that drifts into German': {
    prompt: EN,
    answer:
      'You should stay calm and move slowly away from it. ¦Danach sollten Sie langsam zurückgehen und um Hilfe rufen, weil das Tier gefährlich ist.',
  },
  'English that drifts into Russian': {
    prompt: EN,
    answer: 'Stay calm and do not run. ¦Медленно отойдите назад и позовите на помощь.',
  },
  'English with loan words and names': {
    prompt: EN,
    answer:
      'Schadenfreude is a German word. We had croissants, sushi and kimchi at the café with José and Jürgen from Zürich. It gave me a feeling of déjà vu.',
    answerLanguage: 'en',
  },
  'an English list of foreign dishes': {
    prompt: 'Name some dishes from all over the world, please.',
    answer:
      'Sushi, ramen, kimchi, bratwurst, sauerkraut, croissant, baguette, tortilla, burrito, gnocchi, pho.',
    expectedLanguage: 'en',
    fragments: [],
  },
  'English with a French quotation': {
    prompt: EN,
    answer:
      'As the French say, “il ne faut pas vendre la peau de l’ours avant de l’avoir tué”, so be patient. You should not count on the horn before the unicorn has left it to you, as I always tell my friends.',
    answerLanguage: 'en',
  },
  'English with Greek letters': {
    prompt: 'What is the sum of the angles?',
    answer: 'The sum α + β + γ is equal to π, which is the same as 180 degrees.',
    answerLanguage: 'en',
    fragments: [],
  },
  // German.
  'all in German': {
    prompt: DE,
    answer:
      'Bleiben Sie ruhig und gehen Sie langsam rückwärts. Vermeiden Sie Augenkontakt, denn Einhörner mögen das nicht.',
    promptLanguage: 'de',
    answerLanguage: 'de',
    fragments: [],
  },
  'German with English loan words': {
    prompt: DE,
    answer:
      'Das Team hat im Meeting den neuen Workflow besprochen. Der Server wird nach dem Update neu gestartet, und das Feature ist dann im Browser verfügbar.',
    answerLanguage: 'de',
    fragments: [],
  },
  'German that drifts into English': {
    prompt: DE,
    answer:
      'Bleiben Sie ruhig und gehen Sie langsam rückwärts. ¦You should also avoid looking into its eyes, because that makes it nervous.',
    answerLanguage: 'en',
  },
  'German that drifts into Russian': {
    prompt: DE,
    answer: 'Bleiben Sie ruhig. ¦Не бегите и не кричите, медленно отойдите назад.',
  },
  'all in English for a German prompt': {
    prompt: DE,
    answer: '¦Stay calm and slowly back away from the unicorn while you avoid its eyes.',
    answerLanguage: 'en',
  },
  // French and Spanish.
  'all in French': {
    prompt: FR,
    answer:
      'Restez calme et reculez lentement. Évitez de regarder la licorne dans les yeux, elle n’aime pas cela.',
    promptLanguage: 'fr',
    answerLanguage: 'fr',
    fragments: [],
  },
  'French that drifts into English': {
    prompt: FR,
    answer:
      'Restez calme et reculez lentement devant la licorne. ¦After that, you should look for a safe place where it cannot find you.',
  },
  'French with English loan words': {
    prompt: FR,
    answer:
      'Ce week-end, nous avons fait du shopping et laissé la voiture au parking avant le meeting du marketing.',
    answerLanguage: 'fr',
    fragments: [],
  },
  'all in Spanish': {
    prompt: ES,
    answer: 'Mantén la calma y retrocede despacio. No mires al unicornio a los ojos porque se pone nervioso.',
    promptLanguage: 'es',
    answerLanguage: 'es',
    fragments: [],
  },
  'Spanish that drifts into English': {
    prompt: ES,
    answer:
      'Mantén la calma y retrocede despacio hasta llegar a un lugar seguro. ¦Then you should wait until the unicorn has gone away.',
  },
  // Russian.
  'all in Russian': {
    prompt: RU,
    answer: 'Сохраняйте спокойствие и медленно отойдите назад. Не смотрите единорогу в глаза.',
    promptLanguage: 'ru',
    answerLanguage: 'ru',
    fragments: [],
  },
  'Russian that drifts into English': {
    prompt: RU,
    answer: 'Сохраняйте спокойствие. ¦You should slowly step away and never run.',
  },
  'names and terms inside Russian': {
    prompt: RU,
    answer: 'Установите Docker и Visual Studio Code, затем включите machine learning в настройках.',
    answerLanguage: 'ru',
    fragments: ['machine learning'],
  },
  'Russian that drifts into Japanese': {
    prompt: RU,
    answer: 'Сохраняйте спокойствие. ¦ゆっくり離れて、助けを呼んでください。',
  },
  // Arabic.
  'all in Arabic': {
    prompt: AR,
    answer: 'حافظ على هدوئك وتراجع ببطء. لا تنظر إلى عيني الحيوان مباشرة.',
    promptLanguage: 'ar',
    answerLanguage: 'ar',
    fragments: [],
  },
  'Arabic that drifts into English': {
    prompt: AR,
    answer: 'حافظ على هدوئك. ¦Then you should walk away slowly and call someone.',
  },
  'names inside Arabic': {
    prompt: AR,
    answer: 'يمكنك استخدام Python أو JavaScript لكتابة البرنامج مع مكتبة NumPy.',
    answerLanguage: 'ar',
    fragments: [],
  },
  // What the prompt asks for.
  'asked for English in Japanese': {
    prompt: `${JA}英語で答えて`,
    answer: 'You should stay calm and back away slowly from the unicorn.',
    promptLanguage: 'ja',
    expectedLanguage: 'en',
    answerLanguage: 'en',
    fragments: [],
  },
  'asked for English in Japanese, and answered in Japanese': {
    prompt: `${JA}英語で答えてください。`,
    answer: '¦まず落ち着いて、ゆっくり離れてください。',
    expectedLanguage: 'en',
  },
  'asked for Japanese in English': {
    prompt: `${EN} Please answer in Japanese.`,
    answer: 'まず落ち着いて、ゆっくり離れてください。',
    promptLanguage: 'en',
    expectedLanguage: 'ja',
    fragments: [],
  },
  'asked for Japanese in English, and answered in English': {
    prompt: `${EN} Answer in Japanese.`,
    answer: '¦Stay calm and slowly back away from it.',
    expectedLanguage: 'ja',
  },
  'asked to translate into Japanese': {
    prompt: 'Translate into Japanese: "The weather is nice today and we go to the park."',
    answer: '今日は天気がいいので、公園に行きます。',
    expectedLanguage: 'ja',
    fragments: [],
  },
  'asked to translate into Japanese, in Japanese': {
    prompt: '次の文を日本語に訳してください：The weather is nice today and we go to the park.',
    answer: '今日は天気がいいので、公園に行きます。',
    expectedLanguage: 'ja',
  },
  'the source quoted before its translation': {
    prompt: 'Translate to Japanese: The weather is nice today and we go to the park.',
    answer: 'The weather is nice today and we go to the park.\n\n今日は天気がいいので、公園に行きます。',
    expectedLanguage: 'ja',
    answerLanguage: 'en',
  },
  'asked to translate into German, in Chinese': {
    prompt: '请把这句话翻译成德语：今天天气很好。',
    answer: 'Heute ist das Wetter sehr schön.',
    expectedLanguage: 'de',
    answerLanguage: 'de',
  },
  'asked for English in Korean': {
    prompt: `${KO} 영어로 대답해 주세요.`,
    answer: 'You should stay calm and back away slowly from it.',
    expectedLanguage: 'en',
  },
  'asked for French in German': {
    prompt: `${DE} Antworte auf Französisch.`,
    answer: 'Restez calme et reculez lentement devant la licorne.',
    expectedLanguage: 'fr',
  },
  'not asked for Japanese, but about it': {
    prompt: 'List the most important creatures in Japanese mythology.',
    answer: 'The most important creatures are the kitsune, the tanuki and the kappa, which lives in rivers.',
    expectedLanguage: 'en',
  },
  'asked not to answer in English': {
    prompt: '英語で答えないでください。ユニコーンとは何ですか？',
    answer: 'ユニコーンは、額に一本の角がある伝説の動物です。',
    expectedLanguage: 'ja',
  },
  // Quoted material.
  'a Japanese request about quoted English': {
    prompt:
      '次の文を要約してください：「The quick brown fox jumps over the lazy dog, and then it runs away into the forest.」',
    answer: '狐が犬を飛び越えて、森へ逃げます。',
    promptLanguage: 'ja',
    answerLanguage: 'ja',
  },
  'an English request about Japanese lines': {
    prompt: 'Summarize this text:\n\n今日は天気がいいので、公園へ散歩に行きました。花がとてもきれいでした。',
    answer: 'The author took a walk in the park and saw beautiful flowers.',
    promptLanguage: 'en',
  },
  'a Japanese request below English lines': {
    prompt:
      'The quick brown fox jumps over the lazy dog. It is an animal that everybody loves.\n\n上の文章を要約してください。',
    answer: '¦The fox is an animal and everybody loves it very much indeed.',
    promptLanguage: 'ja',
  },
  'a Japanese request about code': {
    prompt: 'このコードを説明してください。\n\n```js\nfunction add(a, b) { return a + b; }\n```',
    answer: 'この関数は二つの数を足します。`return` で結果を返します。',
    promptLanguage: 'ja',
    fragments: [],
  },
  // What is undetermined.
  'a prompt in no language': {
    prompt: '2 + 2 = ?',
    answer: 'The answer is 4, because two and two make four.',
    promptLanguage: null,
    answerLanguage: 'en',
    fragments: [],
  },
  'an answer in no language': { prompt: EN, answer: '42 🦄 1.5', answerLanguage: null, fragments: [] },
  'an empty answer': { prompt: JA, answer: '', answerLanguage: null, fragments: [] },
};
