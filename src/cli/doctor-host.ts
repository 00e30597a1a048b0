import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { findChromium } from '../backends/webgpu/headless/find-chromium.ts';
import type { Config } from '../config.ts';
import { asMixgateError, messageOf } from '../errors.ts';
import type { HistoryUsage } from '../generation/history/history-store.ts';
import type { Services } from '../resolvers/services.ts';
import { LEAST_FREE_BYTES } from '../server/health.ts';
import { ok, type Finding } from './finding.ts';
import { gib } from './format.ts';
import { runningGateway } from './running-gateway.ts';

/** As package.json's `engines`. */
const LEAST_NODE = [20, 19] as const;

/** What runs it. */
export function versions(version: string, node = process.version): Finding {
  const text = `mixgate ${version} on Node ${node}, ${process.platform} ${process.arch}`;
  const facts = { version, node };
  const [major = 0, minor = 0] = node.slice(1).split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok('VERSION', text, facts);
  const advice = `Install Node ${LEAST_NODE.join('.')} or later: nothing is tested with older ones.`;
  return { level: 'BROKEN', about: 'VERSION', text, advice, facts };
}

/** What the machine has to have besides devices. */
export async function host(services: Services, config: Config): Promise<Finding[]> {
  return [
    await disk(services, config),
    await history(services, config),
    chromium(config),
    await port(config),
  ];
}

async function disk({ pulls }: Services, { dataDir }: Config): Promise<Finding> {
  const about = 'DISK';
  try {
    const { usedBytes, freeBytes, budgetBytes } = await pulls.diskUse();
    const budget = budgetBytes === null ? '' : ` of the ${gib(budgetBytes)} that diskBudget allows`;
    const text = `Disk of ${dataDir}: ${gib(freeBytes)} free; pulled models take ${gib(usedBytes)}${budget}`;
    const facts = { dataDir, usedBytes, freeBytes, budgetBytes };
    if (freeBytes >= LEAST_FREE_BYTES) return ok(about, text, facts);
    const advice = 'Free some, for instance with `mixgate remove`, or choose another disk: --data-dir.';
    return { level: 'WARNING', about, text, advice, facts };
  } catch (error) {
    const text = `${dataDir} cannot be used: ${messageOf(error)}`;
    const advice = 'Make the folder, let this user write to it, or choose another: --data-dir.';
    return { level: 'BROKEN', about, text, advice, facts: { dataDir } };
  }
}

async function history({ archive }: Services, { dataDir, historyUrl }: Config): Promise<Finding> {
  const about = 'HISTORY';
  if (!archive.history.isOn) return ok(about, 'History is off.', { isOn: false });
  const file = path.join(dataDir, 'history.db');
  const place = historyUrl === null ? file : withoutCredentials(historyUrl);
  const database = historyUrl === null ? 'SQLite' : 'PostgreSQL';
  const facts = { isOn: true, database, place };
  if (historyUrl === null && !existsSync(file))
    return ok(about, `History: ${file} is made when there is something to keep`, { ...facts, schema: null });
  try {
    const schema = await archive.history.ask<string | null>((store) => store.schemaVersion(), null);
    const usage = await archive.history.ask<HistoryUsage | null>((store) => store.usage(), null);
    const { generations = 0, comparisons = 0, evaluations = 0, bytes = 0 } = usage ?? {};
    const text =
      `History in ${database}, ${place}: schema ${schema}, ${generations} generations, ${comparisons} comparisons, ` +
      `${evaluations} evaluations, ${gib(bytes)}`;
    return ok(about, text, { ...facts, schema, usage });
  } catch {
    const { problem } = archive.history.status();
    const advice =
      historyUrl === null
        ? 'Free its disk or let this user write there; a damaged file can be moved away, then a new one is made.'
        : 'Start PostgreSQL, and check name, password and database of --history-url.';
    const text = `The history cannot be used (${database}, ${place}): ${problem}`;
    return { level: 'BROKEN', about, text, advice, facts: { ...facts, problem } };
  }
}

function withoutCredentials(url: string): string {
  const { host: name, pathname } = new URL(url);
  return `${name}${pathname}`;
}

/** Broken only where it was asked for. */
function chromium({ chromium: given, webgpuHeadless }: Config): Finding {
  try {
    const found = findChromium(given);
    return ok('CHROMIUM', `Chromium for --webgpu-headless: ${found}`, { chromium: found });
  } catch (error) {
    const text = 'No Chromium that --webgpu-headless could start.';
    const facts = { chromium: null };
    if (!webgpuHeadless && given === null) return ok('CHROMIUM', text, facts);
    return { level: 'BROKEN', about: 'CHROMIUM', text, advice: asMixgateError(error).message, facts };
  }
}

async function port({ host: name, port: number, dataDir }: Config): Promise<Finding> {
  const about = 'PORT';
  const facts = { host: name, port: number };
  const server = net.createServer();
  try {
    server.listen({ host: name, port: number });
    await once(server, 'listening');
    return ok(about, number === 0 ? 'Port: any that is free' : `Port ${number} of ${name} is free`, facts);
  } catch (error) {
    const gateway = runningGateway(dataDir);
    const { code } = error as NodeJS.ErrnoException;
    if (gateway !== null && new URL(gateway.url).port === String(number))
      return ok(about, `mixgate runs at ${gateway.url}`, { ...facts, pid: gateway.pid });
    const isTaken = code === 'EADDRINUSE';
    const text = isTaken
      ? `Port ${number} of ${name} is in use.`
      : `Cannot listen on ${name}:${number}: ${messageOf(error)}`;
    const advice = isTaken
      ? 'Stop what listens there, or choose another with --port (0 takes a free one).'
      : 'Choose an address of this machine (--host) and a port that this user may take (--port).';
    return { level: isTaken ? 'WARNING' : 'BROKEN', about, text, advice, facts: { ...facts, code } };
  } finally {
    server.close();
  }
}
