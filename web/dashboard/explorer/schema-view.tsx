import { graphqlLanguageSupport } from 'cm6-graphql';
import { printSchema, printType, type GraphQLSchema } from 'graphql';
import { useMemo } from 'react';
import { Choice } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import { Editor } from './editor.tsx';

const READING = [graphqlLanguageSupport()];

export interface SchemaViewProps {
  readonly schema: GraphQLSchema;
  /** Name of the type that is shown; '' for all of it. */
  readonly type: string;
  readonly onType: (type: string) => void;
}

/** The schema's own words, whole or a type at a time. */
export function SchemaView({ schema, type, onType }: SchemaViewProps) {
  const { texts } = useSpeech();
  const names = useMemo(
    () => Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__')),
    [schema],
  );
  const shown = schema.getType(type);
  const text = useMemo(() => (shown === undefined ? printSchema(schema) : printType(shown)), [schema, shown]);
  return (
    <>
      <Choice
        label={texts.api.type}
        value={shown === undefined ? '' : type}
        options={[['', texts.api.wholeSchema], ...names.map((name) => [name, name] as const)]}
        onChange={onType}
      />
      <Editor key={type} label={texts.api.schema} text={text} extensions={READING} />
    </>
  );
}
