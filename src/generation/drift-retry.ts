import type { GenerationRequest } from './request.ts';

/** Seeds that a request may give. */
const SEEDS = 2 ** 32 - 1;

/** "Answer in this language only.", in that language. */
const ASK: Readonly<Record<string, string>> = {
  ar: 'أجب بالعربية فقط.',
  de: 'Antworte nur auf Deutsch.',
  en: 'Answer in English only.',
  es: 'Responde solo en español.',
  fr: 'Réponds uniquement en français.',
  it: 'Rispondi solo in italiano.',
  ja: '日本語だけで答えてください。',
  ko: '한국어로만 대답해 주세요.',
  nl: 'Antwoord alleen in het Nederlands.',
  pt: 'Responda somente em português.',
  ru: 'Отвечай только на русском языке.',
  zh: '请只用中文回答。',
};

/**
 * A request to try again after an answer drifted: with the language asked for in so many words, where there are
 * messages to say it in, and with another seed. What drifts again is not tried again, and not stopped.
 */
export function driftRetry(request: GenerationRequest, language: string): GenerationRequest {
  const { seed } = request.sampling;
  const sampling = { ...request.sampling, seed: seed === null ? null : (seed + 1) % SEEDS };
  return { ...request, sampling, prompt: askedIn(request.prompt, language), onLanguageDrift: 'IGNORE' };
}

function askedIn(prompt: GenerationRequest['prompt'], language: string): GenerationRequest['prompt'] {
  if ('text' in prompt) return prompt;
  const last = prompt.messages.findLastIndex(({ role }) => role === 'user');
  const messages = prompt.messages.map((message, index) =>
    index === last ? { ...message, content: `${message.content}\n\n${sentence(language)}` } : message,
  );
  return { messages };
}

function sentence(language: string): string {
  return ASK[language] ?? `Answer in ${new Intl.DisplayNames('en', { type: 'language' }).of(language)} only.`;
}
