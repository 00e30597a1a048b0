import type { Language } from '../dashboard/text/chosen-language.ts';

/** What stands in the page already, by `data-text`. */
const en = {
  title: 'mixgate: lend this browser',
  heading: 'Lend this browser to mixgate',
  about:
    'While this page is open, your gateway may run models in it. Close the page, or press Stop, and it ends.',
  key: 'Worker key',
  signedIn: 'You are signed in: no key is needed.',
  name: 'Name of this browser',
  namePlaceholder: 'e.g. laptop',
  gpuMemory: 'GPU memory to lend:',
  cpuMemory: 'Memory for the CPU:',
  computesOn: 'Computes on',
  loaded: 'Loaded',
  running: 'Running',
  tokens: 'Tokens so far',
  rate: 'Rate',
  kept: 'Kept weights',
  clear: 'Clear',
  lend: 'Lend',
  stop: 'Stop',
  notLent: 'Not lent.',
  lent: 'Lent. Thank you.',
  away: 'The gateway is away; trying again.',
  nothing: 'nothing',
  none: 'none',
  models: (count: number) => `${count} ${count === 1 ? 'model' : 'models'}`,
  answers: (count: number) => `${count} ${count === 1 ? 'answer' : 'answers'}`,
  perSecond: (rate: string) => `${rate} tokens/s`,
  gpu: (name: string, hasHalf: boolean, isSlow: boolean) =>
    `${name}, ${hasHalf ? 'with' : 'without'} half precision (shader-f16).` +
    (isSlow ? ' It is computed on the CPU, and slow.' : ''),
  gpuLost: 'The GPU was lost. Restart the browser to lend it again; the CPU is lent on.',
};

export type Texts = typeof en;

const ja: Texts = {
  title: 'mixgate: このブラウザを貸す',
  heading: 'このブラウザをmixgateに貸す',
  about:
    'このページを開いている間、ゲートウェイはここでモデルを実行できます。ページを閉じるか「停止」を押すと終了します。',
  key: 'ワーカーキー',
  signedIn: 'サインインしているため、キーは不要です。',
  name: 'このブラウザの名前',
  namePlaceholder: '例: ノートPC',
  gpuMemory: '貸すGPUメモリ:',
  cpuMemory: 'CPU用のメモリ:',
  computesOn: '計算に使うもの',
  loaded: '読み込み済み',
  running: '実行中',
  tokens: 'これまでのトークン数',
  rate: '速度',
  kept: '保存した重み',
  clear: '削除',
  lend: '貸す',
  stop: '停止',
  notLent: '貸していません。',
  lent: '貸しています。ありがとうございます。',
  away: 'ゲートウェイに接続できません。再試行しています。',
  nothing: 'なし',
  none: 'なし',
  models: (count) => `${count}個のモデル`,
  answers: (count) => `${count}件の回答`,
  perSecond: (rate) => `${rate} トークン/秒`,
  gpu: (name, hasHalf, isSlow) =>
    `${name}、半精度(shader-f16)${hasHalf ? 'あり' : 'なし'}。` +
    (isSlow ? 'CPUで計算するため低速です。' : ''),
  gpuLost: 'GPUが失われました。もう一度貸すにはブラウザを再起動してください。CPUは引き続き貸しています。',
};

export const TEXTS: Readonly<Record<Language, Texts>> = { en, ja };

/** Of the texts, those that are no functions. */
type Plain = { [Key in keyof Texts]: Texts[Key] extends string ? Key : never }[keyof Texts];

/** Writes into the page what stands in it from the beginning. */
export function writeTexts(language: Language): void {
  const texts = TEXTS[language];
  document.documentElement.lang = language;
  document.title = texts.title;
  for (const element of document.querySelectorAll<HTMLElement>('[data-text]'))
    element.textContent = texts[element.dataset['text'] as Plain];
  for (const input of document.querySelectorAll<HTMLInputElement>('[data-placeholder]'))
    input.placeholder = texts[input.dataset['placeholder'] as Plain];
}
