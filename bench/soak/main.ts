import { soak } from '../../test/support/soak.ts';

/** `npm run soak`: the soak of test/e2e/soak.test.ts for MINUTES (30), with its report; exit code 1 on any problem. */
const minutes = Number(process.env['MINUTES'] ?? 30);
const report = await soak({
  seconds: minutes * 60,
  workers: Number(process.env['WORKERS'] ?? 12),
  random: Math.random,
  onProgress: (seconds, generations) =>
    process.stderr.write(`${seconds.toFixed(0)} s: ${generations} generations\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
if (report.problems.length > 0) process.exitCode = 1;
