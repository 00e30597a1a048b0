import { MOST_CPU_GIB } from './device.ts';
import { findGpu } from './gpu.ts';
import { clearKept, keptBytes } from './kept-weights.ts';
import { Lender } from './lender.ts';
import type { LinkState } from './link.ts';

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
const preset = (field: string): string | null => given.get(field) ?? localStorage.getItem(`mixgate.${field}`);
key.value = preset('key') ?? '';
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

function lend(): void {
  localStorage.setItem('mixgate.key', key.value);
  localStorage.setItem('mixgate.name', name.value);
  if (isDeclared) {
    localStorage.setItem('mixgate.memory', memory.value);
    localStorage.setItem('mixgate.cpu-memory', cpuMemory.value);
  }
  lender = new Lender({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    key: key.value,
    name: name.value,
    gpuGib: Number(memory.value),
    cpuGib: Number(cpuMemory.value),
    isDeclared,
    onState: (state) => {
      say('status', statusOf(state));
      tellParent(typeof state === 'string' ? state : 'refused');
    },
    onDevices: (devices) => say('device', devices.join('; ')),
    onRuntime({ loaded, running, tokens, rate }) {
      say('loaded', loaded === 0 ? 'nothing' : `${loaded} ${loaded === 1 ? 'model' : 'models'}`);
      say('running', running === 0 ? 'nothing' : `${running} ${running === 1 ? 'answer' : 'answers'}`);
      say('tokens', String(tokens));
      say('rate', rate === null ? '–' : `${rate.toFixed(1)} tokens/s`);
      void showKept();
    },
    onGpuGone() {
      // Whoever started this browser without a window starts it anew; a person is told.
      document.documentElement.dataset['gpu'] = 'lost';
      say('gpu-note', 'The GPU was lost. Restart the browser to lend it again; the CPU is lent on.');
    },
  });
  void lender.start();
  element<HTMLFieldSetElement>('settings').disabled = true;
  toggle.textContent = 'Stop';
}

/** The dashboard embeds this page and shows whether it lends; no other origin may know. */
function tellParent(lending: 'connected' | 'reconnecting' | 'refused' | 'stopped'): void {
  if (parent !== window) parent.postMessage({ type: 'mixgate.lending', lending }, location.origin);
}

function statusOf(state: LinkState): string {
  if (state === 'connected') return 'Lent. Thank you.';
  return state === 'reconnecting' ? 'The gateway is away; trying again.' : state.refused;
}

async function stop(): Promise<void> {
  const stopped = lender;
  lender = null;
  toggle.textContent = 'Lend';
  element<HTMLFieldSetElement>('settings').disabled = false;
  say('status', 'Not lent.');
  tellParent('stopped');
  await stopped?.stop();
}

async function showGpu(): Promise<void> {
  const gpu = await findGpu();
  element('gpu-part').hidden = gpu === null;
  if (gpu === null) return;
  const { features, isFallbackAdapter } = gpu.webGpu;
  const precision = features.includes('shader-f16') ? 'with' : 'without';
  const note = isFallbackAdapter ? ' It is computed on the CPU, and slow.' : '';
  say('gpu-note', `${gpu.name}, ${precision} half precision (shader-f16).${note}`);
}

async function showKept(): Promise<void> {
  const bytes = await keptBytes();
  element('clear').hidden = bytes === null;
  say('kept', bytes === null ? 'none' : `${(bytes / 2 ** 20).toFixed(0)} MiB`);
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (lender === null) lend();
  else void stop();
});
element('clear').addEventListener('click', () => void clearKept().then(showKept));
addEventListener('pagehide', () => void lender?.stop());
void showGpu();
void showKept();
if (location.hash.includes('key=')) lend();
