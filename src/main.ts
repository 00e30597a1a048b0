#!/usr/bin/env node
import { runCommandLine } from './cli/command-line.ts';
import type { CommandEnvironment } from './cli/environment.ts';
import { version } from './package.ts';

/** Command-line entry. What a command does not need, it does not load: that takes longer than most of them. */

const createGateway: CommandEnvironment['createGateway'] = async (...parts) =>
  (await import('./create-gateway.ts')).createGateway(...parts);

await runCommandLine({ version, createGateway });
