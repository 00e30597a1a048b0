import { stringify } from 'csv-stringify/sync';
import type { ReportHead, Run, Runs } from './schema.ts';

type Cell = string | number | null;

/** A column of a run; units are in the names. */
const COLUMNS: readonly (readonly [name: string, cell: (run: Run, head: ReportHead) => Cell])[] = [
  ['prompt', ({ prompt }) => prompt],
  ['repetition', ({ repetition }) => repetition],
  ['lane', ({ lane }) => lane],
  ['label', ({ lane }, { lanes }) => lanes[lane]!.label],
  ['quantization', ({ lane }, { lanes }) => lanes[lane]!.plan?.quantization ?? lanes[lane]!.quantization],
  ['device', ({ lane }, { lanes }) => lanes[lane]!.plan?.deviceId ?? lanes[lane]!.device],
  ['state', ({ state }) => state],
  ['finish_reason', ({ finishReason }) => finishReason],
  ['error_code', ({ error }) => error?.code ?? null],
  ['seed', ({ seed }) => seed],
  ['prompt_tokens', ({ promptTokens }) => promptTokens],
  ['cached_prompt_tokens', ({ cachedPromptTokens }) => cachedPromptTokens],
  ['completion_tokens', ({ completionTokens }) => completionTokens],
  ['prompt_tokens_per_second', ({ promptTokensPerSecond }) => promptTokensPerSecond],
  ['eval_tokens_per_second', ({ evalTokensPerSecond }) => evalTokensPerSecond],
  ['first_token_ms', ({ firstTokenMs }) => firstTokenMs],
  ['load_ms', ({ loadMs }) => loadMs],
  ['memory_bytes', ({ memoryBytes }) => memoryBytes],
  ['joules_per_token', ({ joulesPerToken }) => joulesPerToken],
  ['expected_language', ({ expectedLanguage }) => expectedLanguage],
  ['answer_language', ({ answerLanguage }) => answerLanguage],
  ['consistency', ({ consistency }) => consistency],
  ['drift_offset', ({ driftOffset }) => driftOffset],
  ['common_prefix_chars', ({ commonPrefixChars }) => commonPrefixChars],
  ['first_different_token', ({ firstDifferentToken }) => firstDifferentToken],
  ['same_text', ({ isSameText }) => (isSameText === null ? null : isSameText ? 'yes' : 'no')],
  ['text', ({ text }) => text],
];

/** Spreadsheets run what begins like a formula, and read UTF-8 only where a mark says so. */
const row = (cells: readonly Cell[], isFirst = false): string =>
  stringify([[...cells]], { escape_formulas: true, bom: isFirst, record_delimiter: 'windows' });

/** A row for each run; what is unknown is empty. */
export async function* csv(head: ReportHead, runs: Runs): AsyncGenerator<string> {
  yield row(
    COLUMNS.map(([name]) => name),
    true,
  );
  for await (const run of runs) yield row(COLUMNS.map(([, cell]) => cell(run, head)));
}
