import { useId } from 'react';
import { MemoryBar } from '../parts/memory-bar.tsx';
import { useSpeech } from '../text/language.tsx';
import { CrashLoops } from './crash-loops.tsx';
import type { DeviceView } from './documents.ts';
import { Queue } from './queue.tsx';
import { Residents } from './residents.tsx';
import type { Actions } from './use-actions.ts';

export function DeviceCard({ device, actions }: { readonly device: DeviceView; readonly actions: Actions }) {
  const { texts, formats } = useSpeech();
  const title = useId();
  const { memoryFreeBytes: free, memoryTotalBytes: total } = device;
  return (
    <article className="card" aria-labelledby={title}>
      <h3 id={title}>{device.name}</h3>
      <p>{texts.devices.free(formats.bytes(free), formats.bytes(total))}</p>
      <MemoryBar
        label={texts.memory.label}
        parts={[
          ['used', Math.max(0, total - free)],
          ['free', free],
        ]}
      />
      <Facts device={device} />
      <h4>{texts.devices.residents}</h4>
      {device.resident.length === 0 ? (
        <p className="quiet">{texts.devices.nothingLoaded}</p>
      ) : (
        <Residents device={device} actions={actions} />
      )}
      {device.crashLoops.length > 0 && (
        <>
          <h4>{texts.devices.crashLoops}</h4>
          <CrashLoops loops={device.crashLoops} />
        </>
      )}
      <h4>{texts.devices.queue}</h4>
      {device.waiting.length === 0 ? (
        <p className="quiet">{texts.devices.nobodyWaits}</p>
      ) : (
        <Queue waiting={device.waiting} />
      )}
    </article>
  );
}

function Facts({ device }: { readonly device: DeviceView }) {
  const { texts, formats } = useSpeech();
  const { lender } = device;
  return (
    <dl className="facts">
      <dt>{texts.devices.kind}</dt>
      <dd>{device.kind}</dd>
      <dt>{texts.devices.known}</dt>
      <dd>{texts.devices.sources[device.memorySource]}</dd>
      {device.memoryBandwidth !== null && (
        <>
          <dt>{texts.devices.bandwidth}</dt>
          <dd>{formats.count(device.memoryBandwidth / 1e9)} GB/s</dd>
        </>
      )}
      {lender !== null && (
        <>
          <dt>{texts.devices.engines}</dt>
          <dd>{lender.runtimeVersion}</dd>
          <dt>{texts.devices.lender}</dt>
          <dd data-away={lender.awayUntil !== null}>
            {lender.awayUntil === null
              ? texts.devices.isHere
              : texts.devices.isAway(formats.time(new Date(lender.awayUntil)))}
          </dd>
        </>
      )}
    </dl>
  );
}
