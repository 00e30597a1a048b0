import { useSpeech } from '../text/language.tsx';
import { EXAMPLE_NAMES, type ExampleName } from './example-names.ts';

export function ExamplesList({ onChoose }: { readonly onChoose: (name: ExampleName) => void }) {
  const { texts } = useSpeech();
  return (
    <section aria-labelledby="examples-title">
      <h2 id="examples-title">{texts.api.examples}</h2>
      <ul className="examples">
        {EXAMPLE_NAMES.map((name) => (
          <li key={name}>
            <button
              type="button"
              className="secondary"
              onClick={() => {
                onChoose(name);
              }}
            >
              {texts.api.exampleNames[name]}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
