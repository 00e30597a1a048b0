import { execFile } from 'node:child_process';

/**
 * `npm run audit`: fails for what the registry knows to be wrong, high or critical, with what is installed beside mixgate.
 * A registry that cannot be asked, as a mirror without advisories, is said and passes; nothing else does. Further
 * arguments go to npm.
 */
interface Answer {
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  readonly statusCode?: number;
  readonly message?: string;
}

const FAILS: ReadonlySet<string> = new Set(['high', 'critical']);
/** As npm has them of a registry that is not there. */
const UNREACHABLE = /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|timeout|socket hang up/i;

/** What npm prints; its exit code says no more. */
const ask = (): Promise<string> =>
  new Promise((resolve) => {
    const more = ['--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=60000'];
    execFile('npm', ['audit', ...more, ...process.argv.slice(2)], { maxBuffer: 2 ** 26 }, (_error, output) =>
      resolve(output),
    );
  });

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const output = await ask();
const answer = JSON.parse(output) as Answer;
if (answer.auditReportVersion !== undefined) {
  const known = Object.entries(answer.vulnerabilities ?? {});
  for (const [name, { severity, range }] of known) say(`${severity}: ${name} ${range}`);
  const bad = known.filter(([, { severity }]) => FAILS.has(severity));
  say(`${known.length} vulnerable packages, ${bad.length} of them high or critical.`);
  if (bad.length > 0) process.exitCode = 1;
} else if (answer.statusCode !== undefined || UNREACHABLE.test(answer.message ?? '')) {
  say(`NOT AUDITED: the registry has no advisories for us: ${answer.message}`);
} else throw new Error(`npm audit answered something else: ${output}`);
