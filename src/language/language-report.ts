import { DriftWatch, type DriftWatchOptions } from './drift-watch.ts';
import type { LanguageReport } from './report.ts';

/** Which languages an answer to a prompt is written in, and where it drifts; the same as a `DriftWatch` finds. */
export function languageReport(
  promptText: string,
  answerText: string,
  options: DriftWatchOptions = {},
): LanguageReport {
  const watch = new DriftWatch(promptText, options);
  watch.push(answerText);
  return watch.finish();
}
