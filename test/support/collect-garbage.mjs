// Preloaded into a gateway whose memory is measured: without it, what it uses and what it has not thrown away yet
// look the same.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
setInterval(runInNewContext('gc'), 1000).unref();
