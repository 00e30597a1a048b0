import { useId, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { usePolled } from '../api/use-polled.ts';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { DISK } from './documents.ts';
import { SourceView, type SourceViewProps } from './source-view.tsx';

const DISK_MS = 10_000;

/** A look at what a source has, from headers alone, and pulling it. */
export function PullForm(props: Omit<SourceViewProps, 'source'>) {
  const { texts } = useSpeech();
  const { pulling } = props;
  const title = useId();
  const [source, setSource] = useState('');
  const [sha256, setSha256] = useState('');
  const [looked, setLooked] = useState('');
  const mayPull = useMay('ADMIN');
  const isEmpty = source.trim() === '';
  return (
    <section className="card stack" aria-labelledby={title}>
      <h2 id={title}>{texts.models.pullTitle}</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setLooked(source.trim());
        }}
      >
        <label>
          {texts.models.source}
          <input
            type="text"
            required
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={source}
            placeholder="hf:owner/repo"
            onChange={(event) => {
              setSource(event.target.value);
            }}
          />
        </label>
        <p className="quiet">{texts.models.sourceHint}</p>
        <details>
          <summary>{texts.models.checksum}</summary>
          <label>
            SHA-256
            <input
              type="text"
              autoComplete="off"
              spellCheck={false}
              value={sha256}
              onChange={(event) => {
                setSha256(event.target.value);
              }}
            />
          </label>
        </details>
        <div className="buttons">
          <button type="submit" className="secondary">
            {texts.models.look}
          </button>
          <button
            type="button"
            disabled={isEmpty || pulling.isWorking || !mayPull}
            onClick={() => {
              pulling.start(source.trim(), sha256.trim());
            }}
          >
            {texts.models.pull}
          </button>
        </div>
        <Disk />
      </form>
      {looked !== '' && <SourceView key={looked} source={looked} {...props} />}
    </section>
  );
}

/** Where pulls go to. */
function Disk() {
  const { texts, formats } = useSpeech();
  const { data, error } = usePolled(DISK, DISK_MS);
  if (error !== null) return <p className="quiet">{`${texts.problem}: ${problemOf(error).code}`}</p>;
  if (data === null) return null;
  const { usedBytes, freeBytes, budgetBytes } = data.diskUse;
  const figures = [
    texts.models.diskUsed(formats.bytes(usedBytes)),
    texts.models.diskFree(formats.bytes(freeBytes)),
    ...(budgetBytes === null ? [] : [texts.models.diskBudget(formats.bytes(budgetBytes))]),
  ];
  return <p className="quiet">{figures.join(' · ')}</p>;
}
