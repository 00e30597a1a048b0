import { deviceReport } from './device.ts';
import { Link } from './link.ts';
import { Runtime } from './runtime.ts';

const element = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type;
const key = element<HTMLInputElement>('key');
const name = element<HTMLInputElement>('name');
const memory = element<HTMLInputElement>('memory');
const toggle = element<HTMLButtonElement>('toggle');
const say = (id: string, text: string): void => {
  element(id).textContent = text;
};

/** The wasm of an engine has no more. */
const DEFAULT_GIB = 2;

/** `#key=…&name=…&memory=GIB`: a browser without a window has nobody who fills the form in. */
const given = new URLSearchParams(location.hash.slice(1));
const preset = (field: string): string | null => given.get(field) ?? localStorage.getItem(`mixgate.${field}`);
key.value = preset('key') ?? '';
name.value = preset('name') ?? '';
if (Number(given.get('memory')) > Number(memory.max)) memory.max = given.get('memory')!;
memory.value = preset('memory') ?? String(DEFAULT_GIB);
const showMemory = () => say('memory-shown', `${memory.value} GiB`);
memory.addEventListener('input', showMemory);
showMemory();

let lent: { link: Link; runtime: Runtime } | null = null;

function lend(): void {
  localStorage.setItem('mixgate.key', key.value);
  localStorage.setItem('mixgate.name', name.value);
  localStorage.setItem('mixgate.memory', memory.value);
  const device = deviceReport(Number(memory.value));
  const runtime: Runtime = new Runtime({
    send: (report) => link.send(report),
    onChange({ loaded, running, tokens }) {
      say('loaded', loaded === 0 ? 'nothing' : `${loaded} ${loaded === 1 ? 'model' : 'models'}`);
      say('running', running === 0 ? 'nothing' : `${running} ${running === 1 ? 'answer' : 'answers'}`);
      say('tokens', String(tokens));
    },
  });
  const link: Link = new Link({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    key: key.value,
    name: name.value,
    device,
    onCommand: (command) => runtime.take(command),
    onForgotten() {
      void runtime.end();
      // As another worker: what the old one still says is nobody's business.
      if (lent?.link === link) lend();
    },
    onState(state) {
      if (state === 'connected') say('status', 'Lent. Thank you.');
      else if (state === 'reconnecting') say('status', 'The gateway is away; trying again.');
      else say('status', state.refused);
    },
  });
  lent = { link, runtime };
  say('device', `${device.devices[0]?.name} (${device.devices[0]?.kind}), ${device.runtimeVersion}`);
  toggle.textContent = 'Stop';
}

async function stop(): Promise<void> {
  const { link, runtime } = lent!;
  lent = null;
  link.close();
  toggle.textContent = 'Lend';
  say('status', 'Not lent.');
  await runtime.end();
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (lent === null) lend();
  else void stop();
});
addEventListener('pagehide', () => lent?.link.close());
if (location.hash.includes('key=')) lend();
