import os from 'node:os';
import path from 'node:path';
import { Access } from '../../src/access/access.ts';
import { KeyRing } from '../../src/access/key-ring.ts';

/** Of a gateway that asks nobody who he is. */
export const openAccess = (): Access =>
  new Access({
    keys: new KeyRing(path.join(os.tmpdir(), 'mixgate-test-of-no-keys', 'keys.json')),
    tokens: null,
    workerKey: 'a worker key of no gateway',
    onProblem: () => undefined,
    now: Date.now,
  });
