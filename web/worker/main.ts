import { keptCredential } from '../dashboard/sign-in/credential.ts';
import { firstLanguage, onLanguageKept } from '../dashboard/text/chosen-language.ts';
import { MOST_CPU_GIB } from './device.ts';
import { findGpu } from './gpu.ts';
import { clearKept, keptBytes } from './kept-weights.ts';
import { Lender } from './lender.ts';
import type { LinkState } from './link.ts';
import type { RuntimeState } from './runtime.ts';
import { TEXTS, writeTexts, type Texts } from './texts.ts';

const element = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type;
const key = element<HTMLInputElement>('key');
const name = element<HTMLInputElement>('name');
const memory = element<HTMLInputElement>('memory');
const cpuMemory = element<HTMLInputElement>('cpu-memory');
const toggle = element<HTMLButtonElement>('toggle');
const say = (id: string, text: string): void => {
  element(id).textContent = text;
};

/** As long as nobody has said what to lend. */
const CAREFUL_GIB = 2;

/** `#key=…&name=…&memory=GIB`: a browser without a window has nobody who fills the form in. */
const given = new URLSearchParams(location.hash.slice(1));
/** `#signed-in`: the key that was shown to the dashboard serves here, too; this browser keeps it, and no address has it. */
const isSignedIn = given.has('signed-in') && keptCredential() !== null;
const preset = (field: string): string | null => given.get(field) ?? localStorage.getItem(`mixgate.${field}`);
key.value = preset('key') ?? '';
key.required = !isSignedIn;
element('key-part').hidden = isSignedIn;
element('signed-in').hidden = !isSignedIn;
name.value = preset('name') ?? '';
if (Number(given.get('memory')) > Number(memory.max)) memory.max = given.get('memory')!;
memory.value = preset('memory') ?? String(CAREFUL_GIB);
cpuMemory.value = preset('cpu-memory') ?? String(Math.min(MOST_CPU_GIB, Number(memory.value)));
let isDeclared = preset('memory') !== null;
const showMemory = () => {
  say('memory-shown', `${memory.value} GiB`);
  say('cpu-memory-shown', `${cpuMemory.value} GiB`);
};
for (const slider of [memory, cpuMemory])
  slider.addEventListener('input', () => {
    isDeclared = true;
    showMemory();
  });
showMemory();

let lender: Lender | null = null;
let link: LinkState | null = null;
let runtime: RuntimeState | null = null;
let isGpuLost = false;
let texts: Texts = TEXTS.en;

function lend(): void {
  // Until somebody signs out, and no longer.
  if (!isSignedIn) localStorage.setItem('mixgate.key', key.value);
  localStorage.setItem('mixgate.name', name.value);
  if (isDeclared) {
    localStorage.setItem('mixgate.memory', memory.value);
    localStorage.setItem('mixgate.cpu-memory', cpuMemory.value);
  }
  lender = new Lender({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    key: isSignedIn ? (keptCredential() ?? '') : key.value,
    name: name.value,
    gpuGib: Number(memory.value),
    cpuGib: Number(cpuMemory.value),
    isDeclared,
    onState: (state) => {
      link = state;
      showState();
      tellParent(typeof state === 'string' ? state : 'refused');
    },
    onDevices: (devices) => say('device', devices.join('; ')),
    onRuntime(state) {
      runtime = state;
      showState();
      void showKept();
    },
    onGpuGone() {
      // Whoever started this browser without a window starts it anew; a person is told.
      document.documentElement.dataset['gpu'] = 'lost';
      isGpuLost = true;
      void showGpu();
    },
  });
  void lender.start();
  element<HTMLFieldSetElement>('settings').disabled = true;
  showState();
}

/** The dashboard embeds this page and shows whether it lends; no other origin may know. */
function tellParent(lending: 'connected' | 'reconnecting' | 'refused' | 'stopped'): void {
  if (parent !== window) parent.postMessage({ type: 'mixgate.lending', lending }, location.origin);
}

function showState(): void {
  toggle.textContent = lender === null ? texts.lend : texts.stop;
  say('status', link === null ? texts.notLent : statusOf(link));
  const { loaded, running, tokens, rate } = runtime ?? NOTHING;
  say('loaded', loaded === 0 ? texts.nothing : texts.models(loaded));
  say('running', running === 0 ? texts.nothing : texts.answers(running));
  say('tokens', String(tokens));
  say('rate', rate === null ? '–' : texts.perSecond(rate.toFixed(1)));
}

const NOTHING: RuntimeState = { loaded: 0, running: 0, tokens: 0, rate: null };

function statusOf(state: LinkState): string {
  if (state === 'connected') return texts.lent;
  return state === 'reconnecting' ? texts.away : state.refused;
}

async function stop(): Promise<void> {
  const stopped = lender;
  lender = null;
  link = null;
  element<HTMLFieldSetElement>('settings').disabled = false;
  showState();
  tellParent('stopped');
  await stopped?.stop();
}

async function showGpu(): Promise<void> {
  const gpu = await findGpu();
  element('gpu-part').hidden = gpu === null;
  if (gpu === null) return;
  const { features, isFallbackAdapter } = gpu.webGpu;
  const about = texts.gpu(gpu.name, features.includes('shader-f16'), isFallbackAdapter);
  say('gpu-note', isGpuLost ? texts.gpuLost : about);
}

async function showKept(): Promise<void> {
  const bytes = await keptBytes();
  element('clear').hidden = bytes === null;
  say('kept', bytes === null ? texts.none : `${(bytes / 2 ** 20).toFixed(0)} MiB`);
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (lender === null) lend();
  else void stop();
});
element('clear').addEventListener('click', () => void clearKept().then(showKept));
addEventListener('pagehide', () => void lender?.stop());
onLanguageKept(speak);
speak();
if (location.hash.includes('key=')) lend();

function speak(): void {
  const language = firstLanguage();
  texts = TEXTS[language];
  writeTexts(language);
  showState();
  void showGpu();
  void showKept();
}
