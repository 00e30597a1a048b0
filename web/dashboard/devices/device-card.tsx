import { useId } from 'react';
import { MemoryBar } from '../parts/memory-bar.tsx';
import { useSpeech } from '../text/language.tsx';
import type { DeviceView } from './documents.ts';
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
      </dl>
      <h4>{texts.devices.residents}</h4>
      {device.resident.length === 0 ? (
        <p className="quiet">{texts.devices.nothingLoaded}</p>
      ) : (
        <Residents device={device} actions={actions} />
      )}
    </article>
  );
}
