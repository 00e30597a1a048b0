import { json } from '@codemirror/lang-json';
import type { EditorView } from '@codemirror/view';
import { graphql, updateSchema } from 'cm6-graphql';
import { useCallback, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { problemOf } from '../api/problem.ts';
import { Choice } from '../parts/fields.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { NEWEST } from './documents.ts';
import { Editor } from './editor.tsx';
import { NEWEST_GENERATION, type ExampleName } from './example-names.ts';
import { ExamplesList } from './examples-list.tsx';
import { exampleOf, type Request } from './examples.ts';
import { operationNames, operationOf } from './operation.ts';
import { ResultView } from './result-view.tsx';
import { SchemaView } from './schema-view.tsx';
import { useRun } from './use-run.ts';
import { useSchema } from './use-schema.ts';

const VARIABLES = [json()];

/** The API, to try and to read: operations with the schema's help, ready examples, and the schema itself. */
export default function Explorer() {
  const { texts } = useSpeech();
  useTitle(texts.api.title);
  const client = useClient();
  const { schema, error } = useSchema();
  const { run, start, stop } = useRun();
  const [request, setRequest] = useState(exampleOf('generate'));
  /** Of what was put in, not of what was typed. */
  const [revision, setRevision] = useState(0);
  const [operation, setOperation] = useState('');
  const [type, setType] = useState('');
  const send = (): void => {
    start(operationOf(request, operation));
  };

  const put = (example: Request): void => {
    setRequest(example);
    setRevision((before) => before + 1);
  };

  async function choose(name: ExampleName): Promise<void> {
    const example = exampleOf(name);
    put(example);
    if (!example.variables.includes(NEWEST_GENERATION)) return;
    const { data } = await client.query(NEWEST, {}).toPromise();
    const newest = data?.generations.edges[0]?.node.id;
    if (newest !== undefined)
      put({ ...example, variables: example.variables.replace(NEWEST_GENERATION, newest) });
  }

  const names = operationNames(request.query);
  return (
    <>
      <h1>{texts.api.title}</h1>
      <p className="quiet">{texts.api.about}</p>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      <div className="explorer">
        <ExamplesList onChoose={(name) => void choose(name)} />
        <div className="stack">
          <Editors
            key={revision}
            request={request}
            onChange={setRequest}
            onRun={send}
            schema={schema}
            onType={setType}
          />
          {names.length > 1 && (
            <Choice
              label={texts.api.operation}
              value={names.includes(operation) ? operation : names[0]!}
              options={names.map((name) => [name, name])}
              onChange={setOperation}
            />
          )}
          <div className="buttons">
            <button type="button" onClick={send}>
              {texts.api.run}
            </button>
            <button type="button" className="secondary" disabled={run.state !== 'running'} onClick={stop}>
              {texts.api.stop}
            </button>
          </div>
          <ResultView run={run} />
        </div>
        <section className="stack" aria-labelledby="schema-title">
          <h2 id="schema-title">{texts.api.schema}</h2>
          {schema === null ? (
            <p className="quiet">{texts.loading}</p>
          ) : (
            <SchemaView schema={schema} type={type} onType={setType} />
          )}
        </section>
      </div>
    </>
  );
}

interface EditorsProps {
  readonly request: Request;
  readonly onChange: (request: Request) => void;
  readonly onRun: () => void;
  readonly schema: ReturnType<typeof useSchema>['schema'];
  readonly onType: (type: string) => void;
}

function Editors({ request, onChange, onRun, schema, onType }: EditorsProps) {
  const { texts } = useSpeech();
  const writing = useMemo(
    () =>
      graphql(undefined, {
        onShowInDocs: (_field, name, parent) => {
          onType((name ?? parent ?? '').replace(/[[\]!]/g, ''));
        },
      }),
    [onType],
  );
  // It comes when somebody may be writing already.
  const tellSchema = useCallback(
    (view: EditorView) => {
      updateSchema(view, schema ?? undefined);
    },
    [schema],
  );
  return (
    <>
      <h2>{texts.api.operation}</h2>
      <Editor
        label={texts.api.operation}
        text={request.query}
        extensions={writing}
        apply={tellSchema}
        onRun={onRun}
        onChange={(query) => {
          onChange({ ...request, query });
        }}
      />
      <h2>{texts.api.variables}</h2>
      <Editor
        label={texts.api.variables}
        text={request.variables}
        extensions={VARIABLES}
        onRun={onRun}
        onChange={(variables) => {
          onChange({ ...request, variables });
        }}
      />
    </>
  );
}
